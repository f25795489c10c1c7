//! Links the unwinder into release builds for Linux, where the C compiler has it as an archive. As a shared library it
//! is found, mapped and initialised at every start, which is a tenth of what `connect --count 1` takes in all.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    if is_native_release()
        && let Some(folder) = folder_of("libgcc_eh.a")
    {
        println!("cargo::rustc-link-search=native={folder}");
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}

/// Only there does the start matter, and is this compiler's folder the right one.
fn is_native_release() -> bool {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|set| set == value);
    is("PROFILE", "release")
        && is("CARGO_CFG_TARGET_OS", "linux")
        && is("CARGO_CFG_TARGET_ENV", "gnu")
        && env::var("HOST") == env::var("TARGET")
}

/// Where the compiler that links has this library; it answers with the bare name if it has none.
fn folder_of(library: &str) -> Option<String> {
    let linker = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let answer = Command::new(linker).arg(format!("-print-file-name={library}")).output().ok()?;
    let path = String::from_utf8(answer.stdout).ok()?;
    let folder = Path::new(path.trim()).parent()?.to_str()?;
    (!folder.is_empty()).then(|| folder.to_owned())
}
