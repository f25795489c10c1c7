//! What tests, benchmarks and fuzz targets use of the crate, which is otherwise private. Not a public interface.

pub use crate::campaign::{Reading, Said};
pub use crate::cli::{Cli, generate, manual};
pub use crate::dialect::format;
pub use crate::dialect::rules::files::find as find_dialect_file;
pub use crate::dialect::rules::library::FILES as DIALECT_FILES;
pub use crate::dialect::{ALL as DIALECTS, Client, ClientSetup, Dialect, Meaning};
pub use crate::exit::TABLE as EXIT_STATUSES;
pub use crate::frames::DeflateFlow;
pub use crate::frames::deflate::{Deflater, Inflater, TAIL};
pub use crate::handshake::accept_key;
pub use crate::handshake::server::Request;
pub use crate::json::{compact_into, scan, scan_str};
pub use crate::limits::TABLE as LIMITS;
pub use crate::message::Message;
pub use crate::mock::Fault;
pub use crate::pipeline::filter::{Program, Value, Vars};
pub use crate::provider::{Conn, Hub, Say};
pub use crate::text::duration;
