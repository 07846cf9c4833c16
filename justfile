# What people do. `just` lists the recipes.

default:
    @just --list

# Format, lint
check:
    cargo fmt --all --check
    cargo clippy --release --workspace --all-targets --locked -- -D warnings

# All tests, with what they need installed
test *NAME:
    tests/run {{NAME}}

# Benchmarks; needs the large files of the corpus: DEPONENT_CORPUS=… just bench
bench:
    cargo bench
    benches/end-to-end

# A store filled from samples/, and some questions
demo:
    cargo run --release -- serve

# Licences, bans, sources (needs cargo-deny)
deny:
    cargo deny check licenses bans sources

# Rewrites the golden files; read the difference before you commit it
golden:
    UPDATE_GOLDEN=1 cargo test --release --test it golden
