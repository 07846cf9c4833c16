//! Records to events: pure functions of the set of an event's records.
