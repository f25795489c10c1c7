//! The binary. Everything is in the library, so that benchmarks and fuzz targets can use parts of it.

use std::process::ExitCode;

fn main() -> ExitCode {
    wstap::main()
}
