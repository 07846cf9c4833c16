//! The cursors of what this process handed out lately: the keeper may not know them yet.

use crate::source::cursor::{Cursor, ResumeQuery};
use std::collections::VecDeque;

/// Drafts that may be on their way to the keeper of cursors.
const CURSORS_MAX: usize = 4_096;

/// The newest cursors, oldest first.
#[derive(Debug, Default)]
pub struct Emitted(VecDeque<Cursor>);

impl Emitted {
    /// Remembers one, and forgets the oldest when there are too many.
    pub fn remember(&mut self, cursor: Cursor) {
        if self.0.len() >= CURSORS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(cursor);
    }

    /// Those that answer a question about content.
    pub fn answer(&self, query: &ResumeQuery) -> Vec<Cursor> {
        self.0.iter().filter(|cursor| query.fits(cursor)).cloned().collect()
    }
}
