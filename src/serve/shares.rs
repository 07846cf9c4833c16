//! How much of what all agents share one of them may hold, so that a node in the hands of an intruder does not keep the others out.
//!
//! A certificate that names a node is one agent. One for all nodes of a cluster is told apart by address, which a network in between may replace by its own: so it
//! has half of everything. Not here: what is shared (`listen`, `batches`).

use super::listen::Peer;
use crate::tls::AgentName;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What each holds at present.
#[derive(Debug, Clone)]
pub(super) struct Shares {
    held: Arc<Mutex<HashMap<String, usize>>>,
    of_node: usize,
    of_others: usize,
}

/// A part that is held until this is dropped.
#[derive(Debug)]
pub(super) struct Part {
    shares: Shares,
    holder: String,
    amount: usize,
}

impl Shares {
    /// One node may hold so much, all that look alike half of `all`.
    pub fn new(of_node: usize, all: usize) -> Shares {
        Shares { held: Arc::default(), of_node, of_others: (all / 2).max(of_node) }
    }

    /// A part for whoever is there, where it has not too much already.
    pub fn take(&self, peer: &Peer, amount: usize) -> Option<Part> {
        let name = peer.name.as_deref().unwrap_or_default();
        let is_node = AgentName::parse(name).is_some_and(|agent| agent.node.is_some());
        let (holder, most) = match is_node {
            true => (name.to_owned(), self.of_node),
            false => (format!("{name} {}", peer.address.ip()), self.of_others),
        };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = held.get(&holder).copied().unwrap_or(0).saturating_add(amount);
        if sum > most {
            return None;
        }
        held.insert(holder.clone(), sum);
        drop(held);
        Some(Part { shares: self.clone(), holder, amount })
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let mut held = self.shares.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sum) = held.get_mut(&self.holder) {
            *sum = sum.saturating_sub(self.amount);
            if *sum == 0 {
                held.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(name: &str, host: u8) -> Peer {
        let address = std::net::SocketAddr::from(([10, 0, 0, host], 5_000));
        Peer { address, name: Some(name.to_owned()), uid: None }
    }

    #[test]
    fn a_node_has_its_own_share_and_a_cluster_half_by_address() {
        let shares = Shares::new(2, 10);
        let (one, two) = (peer("spiffe://c/agent/n-1", 1), peer("spiffe://c/agent/n-2", 1));
        let all = peer("spiffe://c/agent", 1);
        let first = shares.take(&one, 1);
        let _second = shares.take(&peer("spiffe://c/agent/n-1", 9), 1).unwrap();
        assert!(shares.take(&one, 1).is_none(), "from wherever it comes");
        let _other = shares.take(&two, 2).unwrap();
        assert!(first.is_some());
        drop(first);
        let _again = shares.take(&one, 1).unwrap();
        let half = shares.take(&all, 5).unwrap();
        assert!(shares.take(&all, 1).is_none());
        assert!(shares.take(&peer("spiffe://c/agent", 2), 5).is_some());
        drop(half);
        assert_eq!(shares.held.lock().unwrap().len(), 2, "who holds nothing is forgotten");
    }
}
