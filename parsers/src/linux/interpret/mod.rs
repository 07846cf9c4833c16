//! What a number in a record stands for: flags, modes, signals, capabilities, and the arguments of system calls by their names.
//!
//! A meaning is ours and never replaces what the record says. Numbers without a known meaning have none: nothing is guessed. Not here: the tables
//! (`tables`), names of users (only the node that wrote the record knows them), which words are hex (`dictionary`).

mod calls;
mod fields;
mod words;

pub use calls::{Argument, Arguments, arguments};
pub use fields::meaning;
