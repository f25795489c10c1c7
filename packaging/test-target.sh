#!/bin/sh
# Lints and builds for another target, and runs the portable tests there: a static Linux binary, or Windows under Wine.
#
#   packaging/test-target.sh x86_64-unknown-linux-musl     needs musl-gcc (package musl-tools)
#   packaging/test-target.sh x86_64-pc-windows-gnu         needs gcc-mingw-w64-x86-64 and wine64
set -eu

target=$1
cd "$(dirname "$0")/.."
rustup target add "$target"
case $target in
*windows*)
    wine=/usr/lib/wine/wine64
    [ -x "$wine" ] || wine=$(command -v wine64 || command -v wine)
    export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER="$wine" WINEDEBUG="${WINEDEBUG:--all}"
    # Rust's library takes random bytes from a library that Wine has only since version 9. This is the same in one line.
    shim=$PWD/target/$target/wine
    mkdir -p "$shim"
    echo '#include <windows.h>
#include <ntsecapi.h>
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE to, SIZE_T length) { return RtlGenRandom(to, length); }' |
        x86_64-w64-mingw32-gcc -shared -x c - -o "$shim/bcryptprimitives.dll" -ladvapi32
    WINEPATH=$(echo "Z:$shim" | tr / '\134')
    export WINEPATH
    ;;
esac
cargo clippy --locked --target "$target" --all-features -- -D warnings
cargo clippy --locked --target "$target" --all-features --test portable -- -D warnings
cargo test --locked --target "$target" --all-features --test portable
