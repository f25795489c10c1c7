//! Steps as they are named: on the command line, and in the files of dialects.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::Step;
use super::auto::Auto;
use super::brotli::Brotli;
use super::cbor::Cbor;
use super::chain::Chain;
use super::gzip::Gzip;
use super::json_array::JsonArray;
use super::msgpack::MsgPack;
use super::split::Split;
use super::text::Utf8Text;
use super::zlib::Zlib;
use super::zlib_stream::ZlibStream;
use super::zstd::{self, Zstd};
use crate::error::Failure;
use crate::file;

/// The steps, for who names another.
const ALL: &str = "text, gzip, zlib, deflate, zstd[:DICTIONARY], brotli, zlib-stream, msgpack, cbor, \
    protobuf:DESCRIPTORS:MESSAGE, lines, rs, nul, json-array, auto";

/// A word that stands for no step at all, where a lower layer names some.
const NONE: &str = "none";

type Make = Arc<dyn Fn() -> Box<dyn Step> + Send + Sync>;

/// Steps in order, checked, with what they need from files.
#[derive(Clone, Default)]
pub struct Steps(Vec<(String, Make)>);

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl Steps {
    /// The steps of these names.
    ///
    /// # Errors
    /// A name that is not known, or a file that cannot be used.
    pub fn new(names: &[String]) -> Result<Self, Failure> {
        check(names).map_err(Failure::usage)?;
        let steps = names.iter().filter(|name| *name != NONE);
        steps.map(|name| Ok((name.clone(), make(name)?))).collect::<Result<_, _>>().map(Self)
    }

    /// The steps of these names, for messages that are sent.
    ///
    /// # Errors
    /// As [`Steps::new`]; and a step that only reads.
    pub fn outgoing(names: &[String]) -> Result<Self, Failure> {
        if names.iter().any(|name| name == "auto") {
            return Err(Failure::usage("auto works only for decoding; name the steps to encode with"));
        }
        Self::new(names)
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The steps at work on a connection. No message that one of them yields is longer than `limit`.
    #[must_use]
    pub fn start(&self, limit: Option<usize>) -> Chain {
        let steps = self.0.iter().map(|(name, make)| (name.clone(), make())).collect();
        // Memory ends before, and so does what can be counted.
        Chain::new(steps, limit.unwrap_or(usize::MAX / 2))
    }
}

/// Are these names of steps? Files that they need are not looked at.
///
/// # Errors
/// What is wrong with the first that is not.
pub fn check(names: &[String]) -> Result<(), String> {
    names.iter().try_for_each(|name| match name.split_once(':') {
        None if name == "protobuf" => {
            Err("protobuf needs a descriptor file and a message name, such as protobuf:api.binpb:pkg.Message"
                .to_owned())
        }
        Some(("protobuf", rest)) if !rest.contains(':') => {
            Err(format!("{name}: missing message name (expected protobuf:api.binpb:pkg.Message)"))
        }
        Some(("zstd" | "protobuf", rest)) if !rest.starts_with(':') && !rest.is_empty() => Ok(()),
        None if plain(name).is_some() || name == NONE => Ok(()),
        _ => Err(unknown(name)),
    })
}

fn unknown(name: &str) -> String {
    let word = name.split(':').next().unwrap_or_default();
    match word {
        "zstd" | "protobuf" => format!("{name}: missing file name"),
        _ if plain(word).is_some() => format!("{name}: {word} does not take a file"),
        _ => format!("unknown step '{name}' (known steps: {ALL})"),
    }
}

/// Names the file of a step from here, where a folder says where its name starts.
pub fn anchor(name: &mut String, folder: &Path) {
    if let Some((step, file)) = name.split_once(':') {
        *name = format!("{step}:{}", folder.join(file).display());
    }
}

fn plain(name: &str) -> Option<Make> {
    fn of<S: Step + 'static>(make: impl Fn() -> S + Send + Sync + 'static) -> Make {
        Arc::new(move || Box::new(make()))
    }
    Some(match name {
        "text" => of(|| Utf8Text),
        "gzip" => of(|| Gzip),
        "zlib" => of(|| Zlib { framed: true }),
        "deflate" => of(|| Zlib { framed: false }),
        "zstd" => of(|| Zstd::new(None)),
        "brotli" => of(|| Brotli),
        "zlib-stream" => of(ZlibStream::new),
        "msgpack" => of(|| MsgPack),
        "cbor" => of(|| Cbor),
        "lines" => of(|| Split { end: b'\n' }),
        "rs" => of(|| Split { end: 0x1e }),
        "nul" => of(|| Split { end: 0 }),
        "json-array" => of(|| JsonArray),
        "auto" => of(Auto::new),
        _ => return None,
    })
}

fn make(name: &str) -> Result<Make, Failure> {
    if let Some(make) = plain(name) {
        return Ok(make);
    }
    match name.split_once(':') {
        Some(("zstd", path)) => {
            let dictionary = zstd::dictionary(read(name, path)?)
                .map_err(|why| Failure::usage(format!("{name}: {why}")))?;
            Ok(Arc::new(move || Box::new(Zstd::new(Some(&dictionary)))))
        }
        Some(("protobuf", rest)) => {
            let (path, message) = rest.rsplit_once(':').unwrap_or_default();
            protobuf(name, path, message)
        }
        _ => Err(Failure::usage(unknown(name))),
    }
}

#[cfg(feature = "protobuf")]
fn protobuf(name: &str, path: &str, message: &str) -> Result<Make, Failure> {
    use super::protobuf::Protobuf;
    let step =
        Protobuf::new(&read(name, path)?, message).map_err(|why| Failure::usage(format!("{name}: {why}")))?;
    Ok(Arc::new(move || Box::new(step.clone())))
}

#[cfg(not(feature = "protobuf"))]
fn protobuf(name: &str, _: &str, _: &str) -> Result<Make, Failure> {
    let what = format!("{name}: this wstap was built without protobuf (build it with `--features protobuf`)");
    Err(Failure::usage(what))
}

fn read(name: &str, path: &str) -> Result<Vec<u8>, Failure> {
    file::bytes(Path::new(path), file::MAX_SCHEMA).map_err(|error| Failure::usage_of_system(name, &error))
}
