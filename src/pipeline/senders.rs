//! Who sends sealed batches, and how far the chain of each of their sources has come (`docs/format.md` §12).
//!
//! Inside: the judgement over one batch: the next of its chain, known, behind a hole, or contradicting what was acknowledged. Pure, but for the memory on disk (`index::State`).
//! Not here: signatures and contents (`evidence::Sealed`), the names in certificates (`tls`), what is answered (`serve::batches`).

use super::PipelineError;
use crate::evidence::{Entry, Hash, Header, Reader, Receipt, VerifierKey};
use crate::index::State;
use crate::model::{Moment, RecordKind, RecordRef};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Source of the records in which the collector says something about a sender.
pub const SENDERS_SOURCE: &str = "deponent/senders";
/// Sources that one node may have at once; a further one takes the place of the one that has been silent longest.
const SOURCES_MAX: usize = 1_024;
/// Nodes that are known at once.
const SENDERS_MAX: usize = 65_536;

/// How far a chain has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    epoch: [u8; 16],
    seq: u64,
    header: Hash,
    leaf: u64,
    entry: Hash,
    received: i64,
}

/// The chain that a source has now, and the one that it had before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Chains {
    now: Option<Chain>,
    before: Option<Chain>,
}

/// A node that sends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// Its key, as text.
    vkey: String,
    /// The key that it had before.
    before: Option<String>,
    /// The name in its certificate.
    peer: String,
    /// Why nothing more is taken from it until an operator has looked.
    quarantine: Option<String>,
    #[serde(skip)]
    sources: BTreeMap<String, Chains>,
}

/// What a sender looks like to an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SenderInfo {
    /// Its cluster.
    pub cluster: String,
    /// Its node.
    pub node: String,
    /// The name in its certificate.
    pub peer: String,
    /// Its key.
    pub vkey: String,
    /// When it sent last.
    #[serde(skip)]
    pub last: Moment,
    /// Sources that it has sent of.
    pub sources: usize,
    /// Why nothing more is taken from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<String>,
}

/// What a batch is to what is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// The next one of its chain, or the first of a new one.
    Next,
    /// It is in the log already; the newest of its chain is there.
    Known(Box<Receipt>),
    /// Batches before it never came; this number is expected.
    Hole(u64),
    /// It cannot be true together with what was acknowledged.
    Fork(String),
    /// Nothing is taken from this node.
    Quarantined(String),
}

/// A key that speaks for a node for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewKey {
    /// The node is new.
    First,
    /// The node had another key.
    Instead(String),
}

/// All senders of a store.
pub struct Senders {
    state: Arc<State>,
    senders: BTreeMap<(String, String), Sender>,
}

impl Chains {
    fn last(&self) -> Option<i64> {
        self.now.as_ref().map(|chain| chain.received)
    }
}

impl Sender {
    /// Whether a key, if it is not the present one, may take over; the one before may not come back by itself: then two speak for the node.
    fn judge_key(&self, vkey: &str) -> Option<String> {
        let returns = self.vkey != vkey && self.before.as_deref() == Some(vkey);
        returns.then(|| "two keys speak for this node in turn: a copy of its agent runs somewhere".to_owned())
    }

    fn judge(&self, header: &Header, hash: &Hash) -> Judgement {
        let empty = Chains::default();
        let chains = self.sources.get(&header.source).unwrap_or(&empty);
        let of_epoch = |chain: &&Chain| chain.epoch == header.epoch;
        if let Some(chain) = chains.now.as_ref().filter(of_epoch) {
            return chain.judge(header, hash);
        }
        if let Some(chain) = chains.before.as_ref().filter(of_epoch) {
            return match chain.judge(header, hash) {
                Judgement::Next | Judgement::Hole(_) => Judgement::Fork(
                    "two epochs of one source go on at once: a copy of its agent runs somewhere".to_owned(),
                ),
                other => other,
            };
        }
        // A new spool. Where it still knows what was acknowledged to the old one, it says so.
        if header.seq == 0 { Judgement::Next } else { Judgement::Hole(0) }
    }
}

impl Chain {
    fn judge(&self, header: &Header, hash: &Hash) -> Judgement {
        if header.seq < self.seq {
            return Judgement::Known(Box::new(self.receipt(header)));
        }
        if header.seq == self.seq {
            if *hash == self.header {
                return Judgement::Known(Box::new(self.receipt(header)));
            }
            return Judgement::Fork(format!("batch {} was acknowledged with another content", header.seq));
        }
        if header.seq > self.seq.saturating_add(1) {
            return Judgement::Hole(self.seq.saturating_add(1));
        }
        if header.previous != self.header {
            return Judgement::Fork(format!(
                "batch {} does not go on from the one before it that was acknowledged",
                header.seq
            ));
        }
        Judgement::Next
    }

    fn receipt(&self, header: &Header) -> Receipt {
        Receipt {
            source: header.source.clone(),
            epoch: self.epoch,
            seq: self.seq,
            header: self.header,
            leaf: self.leaf,
            entry: self.entry,
            received: Moment { nanos: self.received, digits: 9 },
        }
    }
}

impl Senders {
    /// Reads what is known, and learns the rest from the log's headers from entry `from` on, up to `size`.
    ///
    /// # Errors
    /// The state's, the log's.
    pub fn open(state: Arc<State>, reader: &Reader, from: u64, size: u64) -> Result<Senders, PipelineError> {
        let mut senders = BTreeMap::new();
        // A node's own row comes before those of its sources. What cannot be read is learnt again from the batches that come.
        for (key, value) in state.senders()? {
            let Ok((cluster, node, source)) = serde_json::from_slice::<(String, String, String)>(&key) else {
                continue;
            };
            let sender: &mut Sender = senders.entry((cluster, node)).or_default();
            if source.is_empty() {
                if let Ok(mut read) = serde_json::from_slice::<Sender>(&value) {
                    read.sources = std::mem::take(&mut sender.sources);
                    *sender = read;
                }
            } else if let Ok(chains) = serde_json::from_slice(&value) {
                sender.sources.insert(source, chains);
            }
        }
        let mut senders = Senders { state, senders };
        for leaf in from..size {
            let entry = reader.entry(leaf)?;
            let header = &entry.header;
            if header.kind == RecordKind::Own && header.source == SENDERS_SOURCE && entry.envelope.signer.is_none() {
                let record = reader.record(RecordRef { leaf, record: 0 })?;
                senders.learn_word(&record);
            } else if entry.envelope.signer.is_some() {
                senders.learn(&entry, leaf);
            }
        }
        senders.write_all()?;
        Ok(senders)
    }

    /// What a batch is to what is known of its sender.
    pub fn judge(&self, header: &Header, hash: &Hash, signer: &VerifierKey) -> Judgement {
        let Some(sender) = self.senders.get(&(header.cluster.clone(), header.node.clone())) else {
            if self.senders.len() >= SENDERS_MAX {
                return Judgement::Quarantined(format!(
                    "{SENDERS_MAX} nodes are known already; no further one is taken"
                ));
            }
            return if header.seq == 0 { Judgement::Next } else { Judgement::Hole(0) };
        };
        if let Some(reason) = &sender.quarantine {
            return Judgement::Quarantined(reason.clone());
        }
        if let Some(reason) = sender.judge_key(&signer.to_string()) {
            return Judgement::Fork(reason);
        }
        sender.judge(header, hash)
    }

    /// Whether a key is new for a node.
    pub fn new_key(&self, header: &Header, signer: &VerifierKey) -> Option<NewKey> {
        match self.senders.get(&(header.cluster.clone(), header.node.clone())) {
            None => Some(NewKey::First),
            Some(sender) if sender.vkey.is_empty() => Some(NewKey::First),
            Some(sender) if sender.vkey != signer.to_string() => Some(NewKey::Instead(sender.vkey.clone())),
            Some(_) => None,
        }
    }

    /// A batch that was judged to be the next has become a log entry.
    pub fn admit(
        &mut self,
        header: &Header,
        hash: Hash,
        peer: &str,
        signer: &VerifierKey,
        place: (u64, Hash, Moment),
    ) -> Receipt {
        let (leaf, entry, received) = place;
        let sender = self.senders.entry((header.cluster.clone(), header.node.clone())).or_default();
        let vkey = signer.to_string();
        if sender.vkey != vkey {
            let before = std::mem::replace(&mut sender.vkey, vkey);
            sender.before = Some(before).filter(|before| !before.is_empty());
        }
        peer.clone_into(&mut sender.peer);
        let chain = Chain { epoch: header.epoch, seq: header.seq, header: hash, leaf, entry, received: received.nanos };
        let receipt = chain.receipt(header);
        if !sender.sources.contains_key(&header.source) && sender.sources.len() >= SOURCES_MAX {
            let last = |chains: &Chains| chains.now.as_ref().map_or(0, |chain| chain.leaf);
            let oldest = sender.sources.iter().min_by_key(|(_, chains)| last(chains)).map(|(source, _)| source.clone());
            oldest.map(|oldest| sender.sources.remove(&oldest));
        }
        let chains = sender.sources.entry(header.source.clone()).or_default();
        if chains.now.as_ref().is_some_and(|now| now.epoch != chain.epoch) {
            chains.before = chains.now.take();
        }
        chains.now = Some(chain);
        receipt
    }

    /// Nothing more is taken from a node until an operator has looked.
    pub fn quarantine(&mut self, cluster: &str, node: &str, reason: &str) {
        let sender = self.senders.entry((cluster.to_owned(), node.to_owned())).or_default();
        sender.quarantine = Some(reason.to_owned());
    }

    /// An operator has looked: what comes next from a node is taken, whatever its key and epoch. The chains begin anew; the log keeps what was. Gives the
    /// sources whose chains were forgotten; `None`: no such node.
    pub fn accept(&mut self, cluster: &str, node: &str) -> Option<Vec<String>> {
        let sender = self.senders.get_mut(&(cluster.to_owned(), node.to_owned()))?;
        (sender.quarantine, sender.before) = (None, None);
        Some(std::mem::take(&mut sender.sources).into_keys().collect())
    }

    /// Everybody who has sent, by cluster and node.
    pub fn list(&self) -> Vec<SenderInfo> {
        let info = |((cluster, node), sender): (&(String, String), &Sender)| SenderInfo {
            cluster: cluster.clone(),
            node: node.clone(),
            peer: sender.peer.clone(),
            vkey: sender.vkey.clone(),
            last: Moment { nanos: sender.sources.values().filter_map(Chains::last).max().unwrap_or(0), digits: 9 },
            sources: sender.sources.len(),
            quarantine: sender.quarantine.clone(),
        };
        self.senders.iter().map(info).collect()
    }

    /// Remembers a node, and one of its sources, as they are now.
    ///
    /// # Errors
    /// The state's.
    pub fn write(&self, cluster: &str, node: &str, source: &str) -> Result<(), PipelineError> {
        let Some(sender) = self.senders.get(&(cluster.to_owned(), node.to_owned())) else { return Ok(()) };
        let value = match source {
            "" => serde_json::to_vec(sender),
            source => serde_json::to_vec(&sender.sources.get(source)),
        };
        let key = serde_json::to_vec(&(cluster, node, source)).unwrap_or_default();
        Ok(self.state.put_sender(&key, &value.unwrap_or_default())?)
    }

    fn write_all(&self) -> Result<(), PipelineError> {
        for ((cluster, node), sender) in &self.senders {
            self.write(cluster, node, "")?;
            sender.sources.keys().try_for_each(|source| self.write(cluster, node, source))?;
        }
        Ok(())
    }

    fn learn(&mut self, entry: &Entry, leaf: u64) {
        let Some(signer) = &entry.envelope.signer else { return };
        let peer = entry.envelope.peer.as_deref().unwrap_or_default();
        let place = (leaf, entry.leaf_hash(), entry.envelope.received);
        self.admit(&entry.header, entry.header_hash(), peer, signer, place);
    }

    /// What the collector said of a sender before.
    fn learn_word(&mut self, record: &[u8]) {
        let Ok(word) = serde_json::from_slice::<serde_json::Value>(record) else { return };
        let text = |name: &str| word.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        match text("deponent") {
            "equivocation" => self.quarantine(text("cluster"), text("node"), text("reason")),
            "agent-accepted" => drop(self.accept(text("cluster"), text("node"))),
            _ => {}
        }
    }
}
