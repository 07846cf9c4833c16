//! All integration tests: one binary, so that it links once.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that panics has failed")]

mod alerts;
mod api;
mod attribution;
mod audit_off;
mod ausearch;
mod captures;
mod case;
mod channels;
mod cli;
mod clocks;
mod compat;
mod conformance;
mod conformance_api;
mod corpus;
mod correlation;
mod correlation_api;
mod correlation_credentials;
mod correlation_flow;
mod correlation_node;
mod crash;
mod evidence;
mod exec_uid;
mod exports;
mod file_loaded;
mod golden;
mod harness;
mod hostile_clients;
mod hostile_records;
mod independent;
mod joins;
mod limits;
mod live;
mod other_tools;
mod questions;
mod relink;
mod rotation;
mod scenarios;
mod sources;
mod sources_known;
mod story;
mod testify;
mod tidy;
mod tokens;
mod traces;
