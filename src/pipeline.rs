//! Wires the rooms: bounded channels, order of durability, shutdown.
