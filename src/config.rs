//! `config.toml`: typed, unknown keys refused, checked.
