//! Faults for tests: the n-th step on disk fails, not done or done, and so does every step behind it, as if the process had died.

use std::cell::Cell;
use std::io;

thread_local! {
    static ARMED: Cell<Option<(usize, bool)>> = const { Cell::new(None) };
    static STEPS: Cell<usize> = const { Cell::new(0) };
    static DEAD: Cell<bool> = const { Cell::new(false) };
}

/// Lets step number `at` (from 0) of this thread fail: before it is done, or after.
pub(super) fn arm(at: usize, done: bool) {
    disarm();
    ARMED.set(Some((at, done)));
}

/// Lets nothing fail any more, and counts from 0; gives the steps there were.
pub(super) fn disarm() -> usize {
    ARMED.set(None);
    DEAD.set(false);
    STEPS.replace(0)
}

/// Whether the armed step was reached.
pub(super) fn struck() -> bool {
    DEAD.get()
}

fn fail() -> io::Result<()> {
    DEAD.set(true);
    Err(io::Error::other("injected"))
}

pub(super) fn before() -> io::Result<()> {
    if DEAD.get() || ARMED.get() == Some((STEPS.get(), false)) { fail() } else { Ok(()) }
}

pub(super) fn after() -> io::Result<()> {
    let at = STEPS.replace(STEPS.get() + 1);
    if ARMED.get() == Some((at, true)) { fail() } else { Ok(()) }
}
