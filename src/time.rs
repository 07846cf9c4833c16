//! The only place that asks for the time of day; parsing and printing of times for people.
