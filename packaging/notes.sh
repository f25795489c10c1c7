#!/bin/sh
# Prints the changelog's section of a version, for the page of a release.
#
#   packaging/notes.sh VERSION
set -eu

cd "$(dirname "$0")/.."
notes=$(awk -v version="$1" '
    /^## / { found = $2 == version; next }
    found { print }
' CHANGELOG.md)
[ -n "$notes" ] || {
    echo "notes.sh: error: CHANGELOG.md has no section for $1" >&2
    exit 1
}
printf '%s\n' "$notes"
