//! The HTTP endpoint of a collector.
