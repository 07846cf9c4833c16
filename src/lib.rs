//! deponent: audit evidence of a Kubernetes cluster, kept so that nobody can alter it unseen, and asked six questions.
//!
//! Inside: the rooms of `ARCHITECTURE.md`, each importing only the rooms above it in this list.
//! Not here: argument handling and exit codes (`main.rs`), the record parsers (crate `deponent-parsers`).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic))]

pub mod access;
pub mod agent;
pub mod case;
pub mod cli;
pub mod config;
pub mod correlate;
pub mod doctor;
pub mod evidence;
pub mod index;
pub mod model;
pub mod normalise;
pub mod pipeline;
pub mod query;
pub mod render;
pub mod serve;
pub mod source;
pub mod time;
pub mod tls;
