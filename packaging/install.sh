#!/bin/sh
# Installs a released wstap binary after checking it against the release's list of checksums.
#
#   install.sh [VERSION]       the newest release by default
#
# On Windows it runs in Git Bash, as on the runners of GitHub Actions.
#
# WSTAP_INSTALL_DIR   folder for the binary (default: ~/.local/bin)
# WSTAP_RELEASES      base URL of the releases (default: the project's releases)
set -eu

releases=${WSTAP_RELEASES:-https://github.com/wstap/wstap/releases}
folder=${WSTAP_INSTALL_DIR:-$HOME/.local/bin}

fail() {
    echo "install.sh: error: $1" >&2
    exit 1
}

fetch() {
    curl --proto '=https,http,file' --fail --silent --show-error --location --output "$2" "$1" ||
        fail "cannot download $1"
}

# The release target that fits this machine. Linux gets the static build, which runs on any distribution.
target() {
    case $(uname -s) in
    Linux) system=unknown-linux-musl ;;
    Darwin) system=apple-darwin ;;
    # Windows on arm64 runs binaries for x86-64 as well.
    MINGW* | MSYS*) echo x86_64-pc-windows-msvc && return ;;
    *) fail "there is no binary for $(uname -s); build it with: cargo install --locked wstap" ;;
    esac
    case $(uname -m) in
    x86_64 | amd64) echo "x86_64-$system" ;;
    aarch64 | arm64) echo "aarch64-$system" ;;
    *) fail "there is no binary for $(uname -m); build it with: cargo install --locked wstap" ;;
    esac
}

# The newest version, read from where the `latest` link leads.
latest() {
    url=$(curl --fail --silent --show-error --location --head --output /dev/null --write-out '%{url_effective}' \
        "$releases/latest") || fail "cannot find the newest release"
    echo "${url##*/v}"
}

sha256() {
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

command -v curl >/dev/null || fail "curl is required"
version=${1:-$(latest)}
version=${version#v}
target=$(target)
name=wstap-$version-$target
case $target in
*windows*) archive=$name.zip binary=wstap.exe ;;
*) archive=$name.tar.gz binary=wstap ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch "$releases/download/v$version/$archive" "$work/$archive"
fetch "$releases/download/v$version/SHA256SUMS" "$work/SHA256SUMS"
expected=$(awk -v file="$archive" '$2 == file { print $1 }' "$work/SHA256SUMS")
[ -n "$expected" ] || fail "SHA256SUMS does not list $archive"
[ "$(sha256 "$work/$archive")" = "$expected" ] || fail "the checksum of $archive does not match"

case $archive in
*.zip) unzip -q "$work/$archive" -d "$work" ;;
*) tar -xzf "$work/$archive" -C "$work" ;;
esac
mkdir -p "$folder"
# A running wstap keeps its old file: the new one gets the name in one step.
cp "$work/$name/$binary" "$folder/.wstap.new"
chmod 755 "$folder/.wstap.new"
mv "$folder/.wstap.new" "$folder/$binary"
echo "installed wstap $version in $folder"
case :$PATH: in
*:"$folder":*) ;;
*) echo "add it to your PATH: export PATH=\"$folder:\$PATH\"" ;;
esac
