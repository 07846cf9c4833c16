//! The search index: derived, deletable, rebuildable.
