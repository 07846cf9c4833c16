//! Look-ups that one question makes again and again: of one value, in many windows that lie near one another.
//!
//! The index is asked for all hits of the block of time that a window lies in, and where they are few, they answer every window within. Not here: the events behind hits
//! (`cache`).

use crate::index::{Field, Hit, IndexError, Order, Searcher, Window};
use std::cell::RefCell;
use std::collections::HashMap;

/// Hits of one value that are kept; of more, each look-up is made.
const KEPT_MAX: usize = 256;
/// Values that are remembered.
const VALUES_MAX: usize = 65_536;
/// A block of time is as long as a power of two, and at least this, ns: 37 minutes.
const BLOCK_NS: i64 = 1 << 41;

enum Known {
    /// Asked for once.
    Once,
    /// All hits, oldest first.
    All(Vec<Hit>),
    /// More than are kept.
    Many,
}

/// Field, value, and the ends of a block.
type Asked = (&'static str, String, Option<i64>, Option<i64>);

/// What is known of the values that a question asked for.
#[derive(Default)]
pub struct Again(RefCell<HashMap<Asked, Known>>);

impl Again {
    /// As [`Searcher::with_value`].
    pub fn with_value(
        &self,
        searcher: &Searcher,
        field: &'static Field,
        value: &str,
        window: Window,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Hit>, IndexError> {
        let exact = || searcher.with_value(field, value, window, order, limit);
        let mut values = self.0.borrow_mut();
        let block = block(window);
        let asked = (field.name, value.to_owned(), block.since, block.until);
        match values.get(&asked) {
            Some(Known::All(all)) => return Ok(within(all, window, order, limit)),
            Some(Known::Many) => return exact(),
            None if values.len() >= VALUES_MAX => return exact(),
            // The newest are found without a look at all that is old, which is worth it only for who asks again.
            None if order == Order::Newest => {
                values.insert(asked, Known::Once);
                return exact();
            }
            Some(Known::Once) | None => {}
        }
        let all = searcher.with_value(field, value, block, Order::Oldest, KEPT_MAX + 1)?;
        if all.len() > KEPT_MAX {
            values.insert(asked, Known::Many);
            return exact();
        }
        let found = within(&all, window, order, limit);
        values.insert(asked, Known::All(all));
        Ok(found)
    }
}

/// The block that a window lies in: from one multiple of its length to the next.
fn block(window: Window) -> Window {
    let (Some(since), Some(until)) = (window.since, window.until) else { return Window::ALL };
    let below = (since ^ until) | (BLOCK_NS - 1);
    // All bits up to the highest in which the ends differ.
    let Some(below) = (below > 0).then(|| u64::MAX >> below.leading_zeros()) else { return Window::ALL };
    let Ok(below) = i64::try_from(below) else { return Window::ALL };
    let Some(end) = (until | below).checked_add(1) else { return Window::ALL };
    Window { since: Some(since & !below), until: Some(end) }
}

fn within(all: &[Hit], window: Window, order: Order, limit: usize) -> Vec<Hit> {
    let those = all.iter().filter(|hit| window.contains(hit.when));
    match order {
        Order::Oldest => those.take(limit).cloned().collect(),
        Order::Newest => those.rev().take(limit).cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(since: i64, until: i64) -> Window {
        Window { since: Some(since), until: Some(until) }
    }

    #[test]
    fn a_window_lies_in_its_block() {
        let at = 5 * BLOCK_NS;
        assert_eq!(block(window(at, at + 1)), window(at, at + BLOCK_NS));
        assert_eq!(block(window(at - 1, at + 1)), window(4 * BLOCK_NS, 6 * BLOCK_NS));
        assert_eq!(block(window(at + 7, at + BLOCK_NS)), window(4 * BLOCK_NS, 8 * BLOCK_NS));
        assert_eq!(block(window(-1, 1)), Window::ALL);
        assert_eq!(block(window(-9, -3)), window(-BLOCK_NS, 0));
        assert_eq!(block(window(1, i64::MAX)), Window::ALL);
        assert_eq!(block(Window { since: None, until: Some(7) }), Window::ALL);
    }

    #[test]
    fn hits_of_a_window_are_told_from_both_ends() {
        let hit = |when: i64| Hit { id: crate::model::EventId([0; 16]), when, places: crate::index::Places::default() };
        let all: Vec<Hit> = [1, 2, 2, 3, 5].map(hit).to_vec();
        let found =
            |window, order, limit| within(&all, window, order, limit).iter().map(|hit| hit.when).collect::<Vec<_>>();
        assert_eq!(found(window(2, 5), Order::Oldest, 9), [2, 2, 3]);
        assert_eq!(found(window(2, 5), Order::Newest, 2), [3, 2]);
        assert_eq!(found(Window::ALL, Order::Oldest, 1), [1]);
    }
}
