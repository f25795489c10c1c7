#!/bin/sh
# Packs a release archive: the binary, completion scripts, manual pages, licenses and the documents that go with them.
#
#   packaging/archive.sh TARGET BINARY [FOLDER]
#
# writes FOLDER/wstap-VERSION-TARGET.tar.gz (.zip for Windows) and prints its path. FOLDER is `dist` by default.
set -eu

target=$1 binary=$2 folder=${3:-dist}
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=wstap-$version-$target

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage/$name" "$folder"
cp "$binary" "$stage/$name/"
cp -R completions man LICENSE LICENSE-APACHE LICENSE-MIT README.md CHANGELOG.md SECURITY.md "$stage/$name/"

case $target in
*windows*)
    archive=$folder/$name.zip
    rm -f "$archive"
    # Windows runners have 7z, other systems zip.
    if command -v zip >/dev/null; then
        (cd "$stage" && zip -qr - "$name") >"$archive"
    else
        here=$PWD
        (cd "$stage" && 7z a -tzip -bso0 "$here/$archive" "$name")
    fi
    ;;
*)
    archive=$folder/$name.tar.gz
    # Sorted, without owners and with one time stamp, so the same inputs give the same archive. Only GNU tar can.
    if tar --version 2>/dev/null | grep -q GNU; then
        set -- --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-0}"
    else
        set --
    fi
    (cd "$stage" && tar "$@" -cf - "$name") | gzip -9n >"$archive"
    ;;
esac
echo "$archive"
