//! Rotations while the collector runs.
//!
//! Not here: those while it is dead (`stopped`), those that destroy something (`destroyed`).

use super::{AUDITD, CONTAINER, SYSLOG, Scene, gaps_alone, lines_of_log, lost_bytes};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;

#[test]
fn eight_renames_in_a_row() {
    let mut scene = Scene::running(&AUDITD, "a.log");
    for _ in 0..8 {
        scene.writer.append("a.log", 300);
        scene.writer.rotate("a.log");
    }
    scene.writer.append("a.log", 300);
    assert!(scene.finish(&["a.log"]).is_empty());
}

#[test]
fn interleaved_parts_of_two_streams() {
    let mut scene = Scene::running(&CONTAINER, "0.log");
    for _ in 0..4 {
        scene.writer.append("0.log", 60);
        scene.writer.rotate("0.log");
        scene.writer.append("0.log", 20);
    }
    scene.kill();
    scene.writer.append("0.log", 60);
    scene.writer.rotate("0.log");
    scene.writer.append("0.log", 20);
    scene.start();
    // Half of the parts of a line are there, and nothing more for as long as it takes to be collected.
    let text = scene.writer.text(1);
    let half = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(2).unwrap().0 + 1;
    let mut file = scene.writer.open("0.log");
    file.write_all(&text[..half]).unwrap();
    let rest = String::from_utf8_lossy(&text[half..]).into_owned();
    scene.until("lines have not come", || {
        let mut left = scene.missing(&lines_of_log(&scene.scratch.path("store"), &mut gaps_alone));
        left.retain(|line| !rest.contains(line.as_str()));
        left
    });
    file.write_all(&text[half..]).unwrap();
    assert!(scene.finish(&["0.log"]).is_empty());
}

#[test]
fn the_old_writer_goes_on_writing_to_the_renamed_file() {
    let mut scene = Scene::running(&SYSLOG, "a.log");
    let mut old = scene.writer.open("a.log");
    scene.writer.write(&mut old, 50);
    scene.collected();
    for _ in 0..3 {
        scene.writer.write(&mut old, 50);
        scene.writer.rotate("a.log");
        let mut new = scene.writer.open("a.log");
        for _ in 0..5 {
            scene.writer.write(&mut old, 20);
            scene.writer.write(&mut new, 20);
        }
        scene.collected();
        scene.writer.write(&mut old, 20);
        old = new;
    }
    // And after the collector was done with it.
    scene.writer.rotate("a.log");
    scene.writer.append("a.log", 20);
    scene.holds_only(&["a.log"]);
    scene.writer.write(&mut old, 20);
    assert!(scene.finish(&["a.log"]).is_empty());
}

#[test]
fn copytruncate() {
    for copied in ["a.log.1", "a.log.copy"] {
        let mut scene = Scene::running(&SYSLOG, "a.log");
        let mut writer = scene.writer.open("a.log");
        let mut reached = Vec::new();
        for _ in 0..4 {
            scene.writer.write(&mut writer, 200);
            // A writer that does not wait loses nothing either, where the copy belongs to the log.
            if copied == "a.log.copy" || reached.len() % 2 == 0 {
                scene.collected();
                reached.push(writer.metadata().unwrap().len());
            }
            scene.writer.shift("a.log");
            fs::copy(scene.writer.path("a.log"), scene.writer.path(copied)).unwrap();
            writer.set_len(0).unwrap();
            scene.writer.write(&mut writer, 200);
            scene.collected();
        }
        // A truncation is told though everything was read: something may have been written between the last look and it. That is an empty range.
        let (lost, others) = lost_bytes(&scene.finish(&["a.log"]), "logs/a.log");
        assert_eq!(others, 0);
        for (from, to, reason) in lost {
            assert!(["truncated", "replaced"].contains(&reason.as_str()), "{reason}");
            assert!(copied == "a.log.1" || from == to && reached.contains(&from), "{from} {to} of {reached:?}");
        }
    }
}

#[test]
fn rotated_files_are_compressed() {
    let mut scene = Scene::running(&AUDITD, "a.log");
    for round in 0..4 {
        scene.writer.append("a.log", 250);
        if round > 0 {
            scene.writer.gzip("a.log.1", &format!("a.log.{}.gz", 9 - round));
        }
        scene.writer.rotate("a.log");
    }
    scene.writer.append("a.log", 250);
    // The compressed ones are looked at as well, once the last of what they were made from is drained.
    scene.holds_only(&["a.log"]);
    assert!(scene.finish(&["a.log"]).is_empty());
}

#[test]
fn a_link_that_is_switched_to_the_next_file() {
    for pattern in ["current.log", "*.log"] {
        let mut scene = Scene::running(&SYSLOG, pattern);
        let name = |day: u32| format!("app-2026-11-{day}.log");
        for day in 20..26 {
            scene.writer.append(&name(day), 100);
            symlink(name(day), scene.writer.path("next")).unwrap();
            fs::rename(scene.writer.path("next"), scene.writer.path("current.log")).unwrap();
            scene.collected();
            scene.writer.append(&name(day), 100);
            // The writer of the day before has not noticed yet.
            if day > 20 {
                scene.writer.append(&name(day - 1), 20);
            }
        }
        scene.writer.append(&name(25), 50);
        // Followed by their own names too, the dated ones are one log, and its last file but one is the newest that has no other name.
        let names = if pattern == "*.log" { vec![name(24), name(25)] } else { vec![name(25)] };
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(scene.finish(&names).is_empty(), "{pattern}");
    }
}

#[test]
fn the_same_first_kilobytes_in_each_file() {
    let mut scene = Scene::running(&SYSLOG, "a.log");
    let header = scene.header();
    for round in 0..6 {
        let mut file = scene.writer.open("a.log");
        file.write_all(&header).unwrap();
        if round % 2 == 0 {
            scene.writer.write(&mut file, 100);
            scene.collected();
        }
        scene.writer.write(&mut file, 100);
        if round == 3 {
            scene.kill();
            scene.start();
        }
        scene.writer.rotate("a.log");
    }
    scene.writer.open("a.log").write_all(&header).unwrap();
    assert!(scene.finish(&["a.log"]).is_empty());
}

/// At least `count` looks at the folder: each time a line of another file has come.
fn looks(scene: &mut Scene, count: u32, half: usize) {
    for _ in 0..count {
        scene.writer.append("b.log", 1);
        scene.collected_but(half);
    }
}

#[test]
fn a_last_line_that_is_completed_later() {
    let mut scene = Scene::running(&AUDITD, "*.log");
    let mut file = scene.writer.open("a.log");
    for round in 0..6 {
        scene.writer.write(&mut file, 20);
        let half = scene.mark();
        let line = scene.writer.text(1);
        let (first, rest) = line.split_at(1 + 17 * round);
        file.write_all(first).unwrap();
        looks(&mut scene, 2, half);
        match round {
            1 => {
                scene.kill();
                scene.start();
            }
            2 => {
                scene.stop();
                scene.start();
            }
            // The line begins in a file and ends in the same one under its next name, after its successor has begun.
            3 => {
                scene.writer.rotate("a.log");
                scene.writer.append("a.log", 20);
            }
            // Likewise, after the collector has taken it for finished.
            4 => {
                scene.writer.rotate("a.log");
                scene.writer.append("a.log", 20);
                scene.holds_only(&["a.log", "b.log"]);
            }
            5 => {
                scene.kill();
                scene.writer.rotate("a.log");
                scene.writer.append("a.log", 20);
                scene.start();
            }
            _ => {}
        }
        if round > 0 {
            looks(&mut scene, 1, half);
        }
        file.write_all(rest).unwrap();
        scene.collected();
        file = scene.writer.open("a.log");
    }
    assert!(scene.finish(&["a.log", "b.log"]).is_empty());
}

#[test]
fn a_file_that_appears_late_and_one_in_a_folder_that_does() {
    let mut scene = Scene::running(&SYSLOG, "later/a.log");
    let folder = scene.writer.path("later");
    fs::create_dir(&folder).unwrap();
    scene.writer.append("later/a.log", 100);
    scene.collected();
    scene.writer.append("later/a.log", 100);
    // Gone for a while, and there again.
    fs::rename(scene.writer.path("later/a.log"), scene.writer.path("later/a.log.1")).unwrap();
    scene.collected();
    scene.holds_only(&["later/a.log.1"]);
    File::create(scene.writer.path("later/a.log")).unwrap();
    scene.writer.append("later/a.log", 100);
    scene.writer.append("later/a.log.1", 10);
    assert!(scene.finish(&["later/a.log"]).is_empty());
}

#[test]
fn a_hundred_files_at_once() {
    let mut scene = Scene::running(&SYSLOG, "*.log");
    let names: Vec<String> = (0..100).map(|n| format!("pod-{n}.log")).collect();
    for name in &names {
        scene.writer.append(name, 12);
    }
    for name in &names {
        scene.writer.append(name, 12);
        scene.writer.rotate(name);
        scene.writer.append(name, 12);
    }
    for name in names.iter().rev() {
        scene.writer.append(name, 12);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert!(scene.finish(&names).is_empty());
}
