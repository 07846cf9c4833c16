//! Stores of old format versions open, answer and verify for ever.
//!
//! Each lies in `samples/formats/`, with its public key, a proof and a head made from it on the day it was written.

use crate::harness::{Scratch, sample};
use std::process::Command;

#[test]
fn a_store_of_version_1_opens_and_verifies() {
    let scratch = Scratch::new();
    assert!(Command::new("cp").arg("-r").arg(sample("formats/v1")).arg(scratch.path("v1")).status().unwrap().success());
    let key = std::fs::read_to_string(scratch.path("v1/key.pub")).unwrap();
    let key = key.trim();
    let verified = scratch.ok(&["verify", "--store", "v1/store", "--key", key, "--head", "v1/head"]);
    assert!(verified.out.contains("authenticated by the key you gave"), "{}", verified.out);
    let proof = scratch.ok(&["verify", "v1/event.proof", "--key", key]);
    assert!(proof.out.contains("/var/lib/docker/docker"), "{}", proof.out);
    // It came without index and state, which are no part of the format; making them needs no key.
    scratch.ok(&["rebuild", "--store", "v1/store"]);
    let found = scratch.ok(&["search", "--store", "v1/store", "-o", "ndjson", "-n", "0", "*"]).lines();
    assert_eq!(found.len(), 191, "events of the samples it was made from");
    scratch.ok(&["prove", "--store", "v1/store", "1795467580.536:325272"]);
}
