//! The command line: one file a subcommand, and the rendering of hostile text.
