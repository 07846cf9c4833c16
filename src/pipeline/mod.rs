//! Wires the rooms: bounded channels, group sync, assembly of events, catch-up after a crash.
