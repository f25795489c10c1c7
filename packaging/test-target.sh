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
    wine=$(command -v wine || command -v wine64 || echo /usr/lib/wine/wine64)
    export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER="$wine" WINEDEBUG="${WINEDEBUG:--all}"
    ;;
esac
cargo clippy --locked --target "$target" --all-features -- -D warnings
cargo clippy --locked --target "$target" --all-features --test portable -- -D warnings
cargo test --locked --target "$target" --all-features --test portable
