//! Which of several causes belong to which of several effects: maximum matchings of a small graph, and what all of them have in common.
//!
//! Not here: what the sides are and when an edge exists (`session`).

/// Nodes of a graph that are still solved; larger ones are answered as undecided.
pub const NODES_MAX: usize = 600;
/// Edges times causes of the effect asked about: each cause is tried, so this bounds the time (some seconds at most).
const WORK_MAX: usize = 100_000;

/// An edge between a cause and an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Number of the cause.
    pub cause: usize,
    /// Number of the effect.
    pub effect: usize,
    /// Whether the ends of both are known and agree.
    pub ends_agree: bool,
}

/// What is known of the effect that was asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solved {
    /// Every cause that some maximum matching gives it, ascending.
    pub causes: Vec<usize>,
    /// Whether some maximum matching gives it none.
    pub or_none: bool,
    /// Whether the ends had to be looked at to get there.
    pub by_ends: bool,
    /// Whether every cause and every effect of its part of the graph is matched.
    pub whole: bool,
    /// Whether the graph was too large to be solved.
    pub too_large: bool,
}

/// Solves a graph for one of its effects.
pub fn solve(causes: usize, effects: usize, edges: &[Edge], asked: usize) -> Solved {
    let part = part(edges, asked);
    let mine: Vec<usize> = unique(part.iter().filter(|edge| edge.effect == asked).map(|edge| edge.cause));
    let none = Solved { causes: Vec::new(), or_none: true, by_ends: false, whole: false, too_large: false };
    if mine.is_empty() {
        return none;
    }
    let (left, right) =
        (unique(part.iter().map(|edge| edge.cause)).len(), unique(part.iter().map(|edge| edge.effect)).len());
    if left + right > NODES_MAX || part.len().saturating_mul(mine.len()) > WORK_MAX {
        return Solved { causes: mine, too_large: true, ..none };
    }
    let count = |edges: &[Edge]| weight(causes, effects, edges, &|_| 1);
    let best = count(&part);
    let possible = |value: &dyn Fn(&Edge) -> i64, best: i64| {
        let total = |edges: &[Edge]| weight(causes, effects, edges, value);
        let given = |cause: usize| {
            let own = part.iter().filter(|edge| edge.effect == asked && edge.cause == cause).map(value).max();
            let rest: Vec<Edge> =
                part.iter().filter(|edge| edge.effect != asked && edge.cause != cause).copied().collect();
            own.unwrap_or(0) + total(&rest) == best
        };
        let causes: Vec<usize> = mine.iter().copied().filter(|cause| given(*cause)).collect();
        let without: Vec<Edge> = part.iter().filter(|edge| edge.effect != asked).copied().collect();
        (causes, total(&without) == best)
    };
    let size = usize::try_from(best).unwrap_or(0);
    let whole = size == left && size == right;
    let (causes_by_start, or_none) = possible(&|_| 1, best);
    if causes_by_start.len() <= 1 && !or_none {
        return Solved { causes: causes_by_start, or_none, by_ends: false, whole, too_large: false };
    }
    // More matched pairs first, more ends that agree second.
    let scale = i64::try_from(left + right + 1).unwrap_or(i64::MAX);
    let value = move |edge: &Edge| scale + i64::from(edge.ends_agree);
    let best = weight(causes, effects, &part, &value);
    let (causes, or_none) = possible(&value, best);
    Solved { causes, or_none, by_ends: true, whole, too_large: false }
}

fn unique(numbers: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut numbers: Vec<usize> = numbers.collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// The edges that are connected with an effect.
pub fn part(edges: &[Edge], asked: usize) -> Vec<Edge> {
    let (mut causes, mut effects) = (Vec::new(), vec![asked]);
    loop {
        let before = causes.len() + effects.len();
        for edge in edges {
            if effects.contains(&edge.effect) && !causes.contains(&edge.cause) {
                causes.push(edge.cause);
            }
            if causes.contains(&edge.cause) && !effects.contains(&edge.effect) {
                effects.push(edge.effect);
            }
        }
        if causes.len() + effects.len() == before {
            return edges.iter().filter(|edge| effects.contains(&edge.effect)).copied().collect();
        }
    }
}

/// The greatest total value of a matching: pairs are added along the path that gains most, until none gains.
fn weight(causes: usize, effects: usize, edges: &[Edge], value: &dyn Fn(&Edge) -> i64) -> i64 {
    let mut partner: Vec<Option<usize>> = vec![None; effects];
    let mut taken: Vec<Option<usize>> = vec![None; causes];
    let mut total = 0;
    loop {
        let Some((gain, path)) = best_path(causes, effects, edges, value, &taken, &partner) else { return total };
        if gain <= 0 {
            return total;
        }
        total += gain;
        for (cause, effect) in path {
            if let (Some(slot), Some(other)) = (taken.get_mut(cause), partner.get_mut(effect)) {
                *slot = Some(effect);
                *other = Some(cause);
            }
        }
    }
}

/// The pairs, last first, that an augmentation makes.
type Path = Vec<(usize, usize)>;

/// The augmenting path that gains most (Bellman and Ford: values along it may fall before they rise).
fn best_path(
    causes: usize,
    effects: usize,
    edges: &[Edge],
    value: &dyn Fn(&Edge) -> i64,
    taken: &[Option<usize>],
    partner: &[Option<usize>],
) -> Option<(i64, Path)> {
    const NEVER: i64 = i64::MIN / 4;
    let free = |cause: usize| taken.get(cause).copied().flatten().is_none();
    let mut at_cause: Vec<i64> = (0..causes).map(|cause| if free(cause) { 0 } else { NEVER }).collect();
    let mut at_effect = vec![NEVER; effects];
    let mut from: Vec<Option<usize>> = vec![None; effects];
    // What each taken cause would give up.
    let mut held: Vec<i64> = vec![0; causes];
    for edge in edges {
        if taken.get(edge.cause).copied().flatten() == Some(edge.effect)
            && let Some(slot) = held.get_mut(edge.cause)
        {
            *slot = (*slot).max(value(edge));
        }
    }
    let mut changed = true;
    let mut rounds = 0;
    while changed && rounds <= causes + effects {
        changed = false;
        rounds += 1;
        for edge in edges {
            if taken.get(edge.cause).copied().flatten() == Some(edge.effect) {
                continue;
            }
            let start = at_cause.get(edge.cause).copied().unwrap_or(NEVER);
            let gain = start.saturating_add(value(edge));
            let Some(slot) = at_effect.get_mut(edge.effect).filter(|slot| start > NEVER && **slot < gain) else {
                continue;
            };
            *slot = gain;
            changed = true;
            if let Some(from) = from.get_mut(edge.effect) {
                *from = Some(edge.cause);
            }
            // The cause that has this effect now must look for another one.
            if let Some(cause) = partner.get(edge.effect).copied().flatten()
                && let Some(slot) = at_cause.get_mut(cause)
            {
                *slot = gain - held.get(cause).copied().unwrap_or(0);
            }
        }
    }
    let ends = (0..effects).filter(|effect| partner.get(*effect).copied().flatten().is_none());
    let (gain, end) =
        ends.filter_map(|end| Some((*at_effect.get(end)?, end))).filter(|(gain, _)| *gain > NEVER).max()?;
    let mut path = Vec::new();
    let mut effect = end;
    while let Some(cause) = from.get(effect).copied().flatten() {
        path.push((cause, effect));
        match taken.get(cause).copied().flatten() {
            Some(before) if path.len() <= causes => effect = before,
            _ => break,
        }
    }
    Some((gain, path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn edges(list: &[(usize, usize, bool)]) -> Vec<Edge> {
        list.iter().map(|&(cause, effect, ends_agree)| Edge { cause, effect, ends_agree }).collect()
    }

    fn check(list: &[(usize, usize, bool)], asked: usize, causes: &[usize], or_none: bool, by_ends: bool) {
        let found = solve(8, 8, &edges(list), asked);
        assert_eq!((&*found.causes, found.or_none, found.by_ends), (causes, or_none, by_ends), "{list:?}");
    }

    #[test]
    fn hundreds_at_once_are_not_tried_one_by_one() {
        let all: Vec<Edge> =
            (0..250).flat_map(|cause| (0..250).map(move |effect| Edge { cause, effect, ends_agree: true })).collect();
        let found = solve(250, 250, &all, 0);
        assert!(found.too_large && found.or_none && found.causes.len() == 250);
    }

    #[test]
    fn decided_and_undecided() {
        check(&[], 0, &[], true, false);
        check(&[(0, 0, false)], 0, &[0], false, false);
        // The first effect can only be the first cause's, so the second effect is the second's.
        check(&[(0, 0, false), (0, 1, false), (1, 1, false)], 1, &[1], false, false);
        check(&[(0, 0, false), (0, 1, false), (1, 1, false)], 0, &[0], false, false);
        // Crossed: nothing decides but the ends.
        let crossed = [(0, 0, false), (0, 1, false), (1, 0, false), (1, 1, false)];
        check(&crossed, 0, &[0, 1], false, true);
        check(&[(0, 0, true), (0, 1, false), (1, 0, false), (1, 1, false)], 1, &[1], false, true);
        check(&[(0, 0, true), (0, 1, true), (1, 0, true), (1, 1, true)], 1, &[0, 1], false, true);
        // Two effects and one cause.
        check(&[(0, 0, false), (0, 1, false)], 0, &[0], true, true);
        check(&[(0, 0, true), (0, 1, false)], 0, &[0], false, true);
        check(&[(0, 0, true), (0, 1, false)], 1, &[], true, true);
        // Two causes and one effect.
        check(&[(0, 0, false), (1, 0, false)], 0, &[0, 1], false, true);
        assert!(solve(2, 2, &edges(&[(0, 0, false)]), 0).whole);
        assert!(!solve(2, 2, &edges(&[(0, 0, false), (1, 0, true)]), 0).whole);
    }

    /// All matchings, tried one by one.
    fn best_by_hand(edges: &[Edge], value: &dyn Fn(&Edge) -> i64, used: &mut Vec<Edge>) -> i64 {
        let Some((first, rest)) = edges.split_first() else { return 0 };
        let without = best_by_hand(rest, value, used);
        if used.iter().any(|edge| edge.cause == first.cause || edge.effect == first.effect) {
            return without;
        }
        used.push(*first);
        let with = value(first) + best_by_hand(rest, value, used);
        used.pop();
        without.max(with)
    }

    proptest! {
        #[test]
        fn as_good_as_trying_all(list in proptest::collection::vec((0usize..5, 0usize..5, any::<bool>()), 0..13)) {
            let edges = edges(&list);
            for value in [&(|_: &Edge| 1i64) as &dyn Fn(&Edge) -> i64, &|edge| 10 + i64::from(edge.ends_agree)] {
                prop_assert_eq!(weight(5, 5, &edges, value), best_by_hand(&edges, value, &mut Vec::new()));
            }
        }

        #[test]
        fn order_changes_nothing(list in proptest::collection::vec((0usize..5, 0usize..5, any::<bool>()), 1..13)) {
            let one = edges(&list);
            let other: Vec<Edge> = one.iter().rev().copied().collect();
            prop_assert_eq!(solve(5, 5, &one, 0), solve(5, 5, &other, 0));
        }
    }
}
