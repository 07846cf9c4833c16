//! Records to events: who, what, when, where, how, why, and the identity of each.
