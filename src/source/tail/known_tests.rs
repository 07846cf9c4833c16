//! Tests of `tail`: files that end within what was read before.
//!
//! Not here: rotation as such (`scenario_tests`), which bytes are known (`resume_tests`).

use super::scenario_tests::{Bench, gzip};
use std::fs;

fn lines(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| format!("{n:04} a line of a log that was read before\n")).collect()
}

/// Lines 0 to 59 of `a.log` were read, in one batch or several, by a process that was killed.
fn read_before() -> Bench {
    let mut bench = Bench::new(&["a.log"]);
    bench.append("a.log", lines(0..20).concat());
    bench.rest();
    bench.append("a.log", lines(20..60).concat());
    bench.rest();
    bench.kill_acknowledged();
    bench
}

fn expect(bench: &Bench, more: &[&str], gaps: &[(u64, u64, &'static str)]) {
    let mut expected = [lines(0..60), more.iter().map(|line| (*line).to_owned()).collect()].concat();
    expected.sort();
    assert_eq!(bench.lines(), expected);
    assert_eq!(bench.gaps(), gaps);
}

#[test]
fn a_shorter_copy_is_known_and_may_grow() {
    for packed in [false, true] {
        let mut bench = read_before();
        let mut copy = lines(0..20).concat();
        let mut write = |bench: &Bench, more: &str| {
            copy.push_str(more);
            fs::write(bench.path("a.log.1"), &copy).unwrap();
            if packed {
                gzip(&bench.path("a.log.1"));
            }
        };
        write(&bench, &lines(20..22).concat());
        bench.rest();
        expect(&bench, &[], &[]);
        // More of what is known, and the beginning of a line that is.
        write(&bench, &(lines(22..40).concat() + "0040"));
        bench.rest();
        expect(&bench, &[], &[]);
        write(&bench, " another line\n0041 one more\n");
        bench.rest();
        write(&bench, "0042 and one more\n");
        bench.rest();
        expect(&bench, &["0040 another line\n", "0041 one more\n", "0042 and one more\n"], &[]);
    }
}

/// A log that was put back to what it was some time ago: what is written to it is read at once.
#[test]
fn the_log_itself_is_an_older_state_of_it() {
    for end in [20, 30] {
        let mut bench = read_before();
        fs::write(bench.path("a.log"), lines(0..end).concat()).unwrap();
        bench.rest();
        let gone = (60 * 42, 60 * 42, "gone");
        expect(&bench, &[], &[gone]);
        bench.append("a.log", "more\n");
        bench.poll(250);
        bench.poll(250);
        expect(&bench, &["more\n"], &[gone]);
        bench.append("a.log", "most\n");
        bench.poll(250);
        bench.rest();
        bench.kill_acknowledged();
        bench.rest();
        assert_eq!(bench.lines().len(), 62);
    }
}

#[test]
fn the_truncation_of_a_known_file_is_said() {
    let mut bench = read_before();
    fs::write(bench.path("a.log"), lines(0..30).concat()).unwrap();
    bench.rest();
    fs::write(bench.path("a.log"), "new\n").unwrap();
    bench.rest();
    expect(&bench, &["new\n"], &[(60 * 42, 60 * 42, "gone"), (30 * 42, 30 * 42, "truncated")]);
}
