#!/bin/sh
# Builds the Debian package, installs it, looks at what it installed, and removes it. Needs cargo-deb, and root for dpkg.
#
#   packaging/test-deb.sh [PROFILE]      cargo's profile (default: dev, which builds fast)
set -eu

profile=${1:-dev}
cd "$(dirname "$0")/.."
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo

fail() {
    echo "test-deb.sh: error: $1" >&2
    exit 1
}

if dpkg-query --show wstap >/dev/null 2>&1; then fail "wstap is installed already: remove it first"; fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cargo deb --locked --profile "$profile" --output "$folder/wstap.deb" >/dev/null

$as_root dpkg --install "$folder/wstap.deb" >/dev/null
trap 'rm -rf "$folder"; $as_root dpkg --purge wstap >/dev/null' EXIT
files=$(dpkg-query --listfiles wstap)
for file in /usr/bin/wstap /usr/share/man/man1/wstap.1.gz /usr/share/man/man1/wstap-connect.1.gz /usr/share/man/man5/wstap-dialect.5.gz \
    /usr/share/bash-completion/completions/wstap /usr/share/zsh/vendor-completions/_wstap \
    /usr/share/fish/vendor_completions.d/wstap.fish /usr/share/doc/wstap/copyright /usr/share/doc/wstap/README.md; do
    case "
$files
" in
    *"
$file
"*) ;;
    *) fail "the package does not install $file" ;;
    esac
done
answer=$(/usr/bin/wstap connect --mock -q -x installed --count 1)
[ "$answer" = '"installed"' ] || fail "the installed binary printed $answer"

trap 'rm -rf "$folder"' EXIT
$as_root dpkg --purge wstap >/dev/null
[ ! -e /usr/bin/wstap ] || fail "/usr/bin/wstap is still there"
echo "the package installs $(echo "$files" | wc -l) paths, works, and leaves nothing"
