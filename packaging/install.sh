#!/bin/sh
# Installs a released wstap binary after checking it against the release's list of checksums.
#
#   install.sh [VERSION]       the newest release by default
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
name=wstap-$version-$(target)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch "$releases/download/v$version/$name.tar.gz" "$work/archive.tar.gz"
fetch "$releases/download/v$version/SHA256SUMS" "$work/SHA256SUMS"
expected=$(awk -v file="$name.tar.gz" '$2 == file { print $1 }' "$work/SHA256SUMS")
[ -n "$expected" ] || fail "SHA256SUMS does not list $name.tar.gz"
[ "$(sha256 "$work/archive.tar.gz")" = "$expected" ] || fail "the checksum of $name.tar.gz does not match"

tar -xzf "$work/archive.tar.gz" -C "$work"
mkdir -p "$folder"
# A running wstap keeps its old file: the new one gets the name in one step.
cp "$work/$name/wstap" "$folder/.wstap.new"
chmod 755 "$folder/.wstap.new"
mv "$folder/.wstap.new" "$folder/wstap"
echo "installed wstap $version in $folder"
case :$PATH: in
*:"$folder":*) ;;
*) echo "add it to your PATH: export PATH=\"$folder:\$PATH\"" ;;
esac
