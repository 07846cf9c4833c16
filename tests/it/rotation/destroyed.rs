//! What the writer destroys before anybody can read it: exactly that is missing, and a gap says from which byte on.
//!
//! Not here: rotations that destroy nothing (`running`, `stopped`).

use super::{AUDITD, SYSLOG, Scene, lost_bytes};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;

/// The one gap of bytes, and the ranges of serials that nobody has.
fn expect(gaps: &[Value], path: &str, lost: (u64, u64, &str), serials: &[(u64, u64)]) {
    let (found, others) = lost_bytes(gaps, path);
    assert_eq!(found, [(lost.0, lost.1, lost.2.to_owned())]);
    let number = |gap: &Value, name: &str| gap[name].as_u64().unwrap();
    let missing: Vec<(u64, u64)> = gaps
        .iter()
        .filter(|gap| gap["gap"] == "serials")
        .map(|gap| (number(gap, "first"), number(gap, "last")))
        .collect();
    assert_eq!((missing.as_slice(), missing.len()), (serials, others), "{gaps:?}");
}

#[test]
fn truncated_while_dead() {
    // Shorter than what was read, as long, longer.
    for behind in [50, 100, 300] {
        let mut scene = Scene::running(&AUDITD, "a.log");
        scene.writer.append("a.log", 100);
        scene.collected();
        let size = fs::metadata(scene.writer.path("a.log")).unwrap().len();
        scene.kill();
        let from = scene.mark();
        scene.writer.append("a.log", 77);
        scene.destroy(from);
        scene.writer.open("a.log").set_len(0).unwrap();
        scene.writer.append("a.log", behind);
        scene.start();
        // Nobody can know how far it reached; the serials tell what it held.
        expect(&scene.finish(&["a.log"]), "logs/a.log", (size, size, "gone"), &[(1_000_101, 1_000_177)]);
    }
}

#[test]
fn truncated_while_it_could_not_look() {
    for (behind, reason) in [(50, "truncated"), (300, "replaced")] {
        let mut scene = Scene::running(&AUDITD, "a.log");
        scene.writer.append("a.log", 100);
        scene.collected();
        let size = fs::metadata(scene.writer.path("a.log")).unwrap().len();
        scene.signal("-STOP");
        let from = scene.mark();
        scene.writer.append("a.log", 77);
        scene.destroy(from);
        scene.writer.open("a.log").set_len(0).unwrap();
        scene.writer.append("a.log", behind);
        scene.signal("-CONT");
        expect(&scene.finish(&["a.log"]), "logs/a.log", (size, size, reason), &[(1_000_101, 1_000_177)]);
    }
}

#[test]
fn moved_to_a_folder_that_nobody_follows() {
    let mut scene = Scene::running(&AUDITD, "a.log");
    let away = scene.scratch.path("away");
    fs::create_dir(&away).unwrap();
    // Running: the file is open, and stays readable.
    scene.writer.append("a.log", 100);
    scene.collected();
    let mut old = scene.writer.open("a.log");
    scene.writer.write(&mut old, 100);
    fs::rename(scene.writer.path("a.log"), away.join("1")).unwrap();
    scene.writer.append("a.log", 100);
    scene.writer.write(&mut old, 100);
    scene.collected();
    // Removed, even.
    scene.writer.append("a.log", 100);
    fs::remove_file(scene.writer.path("a.log")).unwrap();
    scene.writer.append("a.log", 100);
    scene.collected();
    let size = fs::metadata(scene.writer.path("a.log")).unwrap().len();
    // Dead: what is moved away is out of sight.
    scene.stop();
    let from = scene.mark();
    scene.writer.append("a.log", 100);
    scene.destroy(from);
    fs::rename(scene.writer.path("a.log"), away.join("2")).unwrap();
    scene.writer.append("a.log", 100);
    scene.start();
    expect(&scene.finish(&["a.log"]), "logs/a.log", (size, size, "gone"), &[(1_000_601, 1_000_700)]);
}

#[test]
fn the_end_of_an_older_file_hides_no_gap() {
    let mut scene = Scene::running(&AUDITD, "a.log");
    let mut old = scene.writer.open("a.log");
    scene.writer.write(&mut old, 200);
    scene.collected();
    scene.writer.rotate("a.log");
    scene.writer.append("a.log", 100);
    scene.collected();
    let size = fs::metadata(scene.writer.path("a.log")).unwrap().len();
    // Written by whoever has not noticed the rotation yet: the newest that was read, but not of the newest file.
    scene.writer.write(&mut old, 10);
    scene.collected();
    scene.kill();
    let from = scene.mark();
    scene.writer.append("a.log", 50);
    scene.destroy(from);
    fs::rename(scene.writer.path("a.log"), scene.scratch.path("away")).unwrap();
    scene.writer.append("a.log", 100);
    scene.start();
    expect(&scene.finish(&["a.log"]), "logs/a.log", (size, size, "gone"), &[(1_000_311, 1_000_360)]);
}

#[test]
fn a_link_that_is_switched_while_dead() {
    let mut scene = Scene::running(&SYSLOG, "current.log");
    let link = |scene: &Scene, name: &str| {
        symlink(name, scene.writer.path("next")).unwrap();
        fs::rename(scene.writer.path("next"), scene.writer.path("current.log")).unwrap();
    };
    scene.writer.append("x-1", 100);
    link(&scene, "x-1");
    scene.collected();
    let size = fs::metadata(scene.writer.path("x-1")).unwrap().len();
    scene.kill();
    let from = scene.mark();
    scene.writer.append("x-1", 30);
    scene.destroy(from);
    scene.writer.append("x-2", 100);
    link(&scene, "x-2");
    scene.start();
    expect(&scene.finish(&["x-2"]), "logs/current.log", (size, size, "gone"), &[]);
}
