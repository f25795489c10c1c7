#!/bin/sh
# Prints the Homebrew formula for a release.
#
#   packaging/homebrew.sh VERSION SHA256SUMS
set -eu

version=$1 sums=$2
base=https://github.com/wstap/wstap/releases/download/v$version

sum() {
    value=$(awk -v file="wstap-$version-$1.tar.gz" '$2 == file { print $1 }' "$sums")
    [ -n "$value" ] || {
        echo "homebrew.sh: error: $sums does not list wstap-$version-$1.tar.gz" >&2
        exit 1
    }
    echo "$value"
}

source_for() {
    checksum=$(sum "$1")
    printf '      url "%s/wstap-%s-%s.tar.gz"\n      sha256 "%s"\n' "$base" "$version" "$1" "$checksum"
}

cat <<FORMULA
class Wstap < Formula
  desc "Command-line tool for WebSocket event APIs"
  homepage "https://github.com/wstap/wstap"
  version "$version"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
$(source_for aarch64-apple-darwin)
    end
    on_intel do
$(source_for x86_64-apple-darwin)
    end
  end

  on_linux do
    on_arm do
$(source_for aarch64-unknown-linux-musl)
    end
    on_intel do
$(source_for x86_64-unknown-linux-musl)
    end
  end

  def install
    bin.install "wstap"
    man1.install Dir["man/*.1"]
    man5.install Dir["man/*.5"]
    bash_completion.install "completions/wstap.bash" => "wstap"
    zsh_completion.install "completions/_wstap"
    fish_completion.install "completions/wstap.fish"
  end

  test do
    assert_equal "\"hello\"\n", pipe_output("#{bin}/wstap connect --mock -q --count 1", "hello\n")
  end
end
FORMULA
