//! config.toml: typed, unknown keys refused, checked into `Config`.
