//! Rotations before, while and after the collector is killed or stopped.
//!
//! Not here: those that it sees (`running`), those that destroy something (`destroyed`).

use super::{AUDITD, SYSLOG, Scene};
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicU32, Ordering};

/// 13,000 lines: of as many, with a kill -9 and a rotation while dead three times, rsyslog loses 4,277, syslog-ng 3,241 and fluent-bit 1,050.
#[test]
fn thirteen_kills_before_during_and_after_rotations() {
    let mut scene = Scene::running(&AUDITD, "a.log");
    for round in 0..13 {
        match round % 3 {
            // Before: dead while it is rotated.
            0 => {
                scene.writer.append("a.log", 600);
                scene.kill();
                scene.writer.append("a.log", 200);
                scene.writer.rotate("a.log");
                scene.writer.append("a.log", 200);
                scene.start();
            }
            // During: the writer rotates as fast as it can.
            1 => during(&mut scene),
            // After.
            _ => {
                scene.writer.append("a.log", 400);
                scene.writer.rotate("a.log");
                scene.writer.append("a.log", 400);
                scene.kill();
                scene.writer.append("a.log", 200);
                scene.start();
            }
        }
    }
    assert_eq!(scene.mark(), 13_000);
    assert!(scene.finish(&["a.log"]).is_empty());
}

/// 1,000 lines and ten rotations; the kill falls between the third and the last, the start too.
fn during(scene: &mut Scene) {
    let rotations = AtomicU32::new(0);
    let Scene { collector, writer, scratch, .. } = scene;
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for _ in 0..10 {
                writer.append("a.log", 100);
                writer.rotate("a.log");
                rotations.fetch_add(1, Ordering::Release);
            }
        });
        while rotations.load(Ordering::Acquire) < 3 {
            std::thread::yield_now();
        }
        collector.take().unwrap().kill();
        *collector = Some(crate::live::Collector::start(scratch));
    });
}

#[test]
fn two_rotations_while_stopped() {
    for clean in [true, false] {
        let mut scene = Scene::running(&SYSLOG, "a.log");
        scene.writer.append("a.log", 1_000);
        scene.collected();
        scene.writer.append("a.log", 1_000);
        if clean {
            scene.stop()
        } else {
            scene.kill()
        }
        for _ in 0..2 {
            scene.writer.append("a.log", 1_000);
            scene.writer.rotate("a.log");
            scene.writer.append("a.log", 1_000);
        }
        scene.start();
        scene.writer.append("a.log", 1_000);
        assert!(scene.finish(&["a.log"]).is_empty());
    }
}

#[test]
fn compressed_while_stopped() {
    let mut scene = Scene::running(&AUDITD, "a.log");
    for round in 0..3 {
        scene.writer.append("a.log", 200);
        if round == 1 {
            scene.collected();
        }
        scene.writer.append("a.log", 200);
        if round == 2 {
            scene.stop()
        } else {
            scene.kill()
        }
        scene.writer.append("a.log", 200);
        scene.writer.rotate("a.log");
        scene.writer.append("a.log", 200);
        scene.writer.rotate("a.log");
        scene.writer.gzip("a.log.2", &format!("a.log.{}.gz", 20 - 2 * round));
        scene.writer.gzip("a.log.1", &format!("a.log.{}.gz", 19 - 2 * round));
        scene.writer.append("a.log", 200);
        scene.start();
    }
    assert!(scene.finish(&["a.log"]).is_empty());
}

/// Makes `name` a new and empty file with the inode of a file that was removed. Some file systems never give an inode twice; then it is just a new file.
fn with_inode(scene: &Scene, name: &str, inode: u64) -> bool {
    let spare = scene.scratch.path("spare");
    fs::create_dir(&spare).unwrap();
    let made = (0..2_000).map(|n| spare.join(n.to_string())).find(|path| {
        fs::write(path, "").unwrap();
        fs::metadata(path).unwrap().ino() == inode
    });
    if let Some(path) = &made {
        fs::rename(path, scene.writer.path(name)).unwrap();
    }
    fs::remove_dir_all(spare).unwrap();
    made.is_some()
}

#[test]
fn an_inode_is_used_again() {
    let mut scene = Scene::running(&SYSLOG, "a.log");
    for round in 0..3 {
        scene.writer.append("a.log", 100);
        scene.collected();
        // Each new file is as long as the one before it was when it was last looked at, and has its name and its inode.
        let inode = fs::metadata(scene.writer.path("a.log")).unwrap().ino();
        match round {
            0 => scene.kill(),
            1 => scene.stop(),
            // Running: the collector is done with it first, so that nothing keeps the inode from being used again.
            _ => {
                scene.writer.rotate("a.log");
                scene.writer.append("a.log", 100);
                scene.holds_only(&["a.log"]);
            }
        }
        let name = if round < 2 { "a.log" } else { "a.log.1" };
        fs::remove_file(scene.writer.path(name)).unwrap();
        with_inode(&scene, name, inode);
        scene.writer.append(name, 100);
        if round < 2 {
            scene.start();
        }
        scene.collected();
    }
    // What was removed while the collector was dead had been read, but nobody can say that nothing was added to it before.
    let gaps = scene.finish(&["a.log"]);
    let (lost, others) = super::lost_bytes(&gaps, "logs/a.log");
    assert_eq!(others, 0);
    assert!(lost.len() == 2 && lost.iter().all(|(from, to, reason)| from == to && reason == "gone"), "{lost:?}");
}

/// A file is known by its content: two contents of one file that begin alike are two.
#[test]
fn copies_of_a_truncated_file_that_begin_alike() {
    let mut scene = Scene::running(&SYSLOG, "a.log");
    let header = scene.header();
    let mut file = scene.writer.open("a.log");
    for _ in 0..3 {
        file.write_all(&header).unwrap();
        scene.writer.write(&mut file, 100);
        scene.collected();
        scene.writer.shift("a.log");
        fs::copy(scene.writer.path("a.log"), scene.writer.path("a.log.1")).unwrap();
        file.set_len(0).unwrap();
    }
    file.write_all(&header).unwrap();
    // A truncation that it sees is told; all had been read. The last one may come when it is dead, and then a copy has what is gone.
    let (lost, others) = super::lost_bytes(&scene.finish(&["a.log"]), "logs/a.log");
    assert!(others == 0 && (2..=3).contains(&lost.len()) && lost.iter().all(|(from, to, _)| from == to), "{lost:?}");
}

/// A copy that is shorter than what was read, as lines came between copy and truncation.
#[test]
fn a_copy_is_grown_past_before_the_truncation() {
    let mut scene = Scene::running(&SYSLOG, "a.log");
    let mut file = scene.writer.open("a.log");
    scene.writer.write(&mut file, 100);
    scene.collected();
    scene.writer.write(&mut file, 10);
    fs::copy(scene.writer.path("a.log"), scene.writer.path("a.log.1")).unwrap();
    scene.writer.write(&mut file, 10);
    scene.collected();
    file.set_len(0).unwrap();
    scene.writer.write(&mut file, 10);
    scene.finish(&["a.log"]);
}

/// Everyday logrotate without `delaycompress`: the old writer goes on writing into a file that has been compressed and removed.
#[test]
fn late_lines_behind_the_compression() {
    let mut scene = Scene::running(&SYSLOG, "a.log");
    let mut file = scene.writer.open("a.log");
    scene.writer.write(&mut file, 100);
    scene.collected();
    scene.writer.rotate("a.log");
    scene.writer.gzip("a.log.1", "a.log.1.gz");
    scene.writer.write(&mut file, 10);
    scene.writer.append("a.log", 10);
    scene.collected();
    scene.finish(&["a.log"]);
}
