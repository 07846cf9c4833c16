//! What agents send becomes log entries: judged batch by batch, answered once it is durable.
//!
//! Inside: the answers, the records that the collector writes about a sender. Not here: the judgement (`senders`), the group (`ledger`), HTTP (`serve::batches`).

use super::PipelineError;
use super::ledger::Ledger;
use super::live::own_record;
use super::senders::{Judgement, NewKey, SENDERS_SOURCE};
use crate::evidence::{Door, Envelope, Hash, Receipt, Sealed, VerifierKey, Writer};
use crate::source::Cursor;
use crate::time::rfc3339;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::SyncSender;
use tokio::sync::oneshot;

/// Batches of one agent, in its order; each consistent in itself and signed by `signer`, and about a node that the peer may speak for.
pub struct Sent {
    /// The batches.
    pub batches: Vec<Sealed>,
    /// The name in its certificate.
    pub peer: String,
    /// Its key.
    pub signer: VerifierKey,
    /// It has looked: what is missing before these batches it does not have any more.
    pub accepts_hole: bool,
    /// Who waits.
    pub reply: oneshot::Sender<Answer>,
}

/// What an agent is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// A signed receipt for the newest batch of each chain among those that are in the log.
    pub receipts: Vec<String>,
    /// Why the first batch that was not taken was not.
    pub refused: Option<Refusal>,
    /// Batches that were new.
    pub taken: usize,
}

/// Why a batch was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Batches before it never came.
    Hole {
        /// The source.
        source: String,
        /// Its epoch.
        epoch: [u8; 16],
        /// The number that is expected.
        expected: u64,
    },
    /// It contradicts what was acknowledged; nothing more is taken until an operator has looked.
    Fork(String),
    /// Nothing is taken from this node.
    Quarantined(String),
}

/// What one request came to, before it is durable.
pub(super) struct Taken {
    receipts: BTreeMap<(String, [u8; 16]), Receipt>,
    refused: Option<Refusal>,
    taken: usize,
    reply: oneshot::Sender<Answer>,
}

/// Everything that one sync makes durable, and who is told then.
#[derive(Default)]
pub(super) struct Group {
    pub(super) bytes: usize,
    pub(super) barriers: Vec<SyncSender<()>>,
    pub(super) cursors: Vec<(Cursor, Hash, u64)>,
    pub(super) delivered: Vec<(u64, oneshot::Sender<u64>)>,
    pub(super) sent: Vec<Taken>,
    pub(super) accepted: Vec<(bool, oneshot::Sender<bool>)>,
    /// Senders' rows that have changed: cluster, node, source.
    pub(super) touched: BTreeSet<(String, String, String)>,
}

impl Group {
    /// Tells everybody. Whoever does not wait any more is owed nothing.
    pub(super) fn answer(self, writer: &Writer) -> Result<(), PipelineError> {
        for taken in self.sent {
            let receipts: Result<Vec<String>, _> =
                taken.receipts.values().map(|receipt| writer.sign_receipt(receipt)).collect();
            let answer = Answer { receipts: receipts?, refused: taken.refused, taken: taken.taken };
            let _gone = taken.reply.send(answer);
        }
        for (leaf, reply) in self.delivered {
            let _gone = reply.send(leaf);
        }
        for (known, reply) in self.accepted {
            let _gone = reply.send(known);
        }
        for barrier in self.barriers {
            let _gone = barrier.send(());
        }
        Ok(())
    }
}

impl Ledger {
    /// Takes the batches of one request, up to the first that cannot be taken.
    pub(super) fn take_sent(&mut self, sent: Sent, group: &mut Group) -> Result<Taken, PipelineError> {
        let Sent { batches, peer, signer, accepts_hole, reply } = sent;
        let mut taken = Taken { receipts: BTreeMap::new(), refused: None, taken: 0, reply };
        for batch in &batches {
            let header = &batch.header;
            match self.senders.judge(header, &batch.hash, &signer) {
                Judgement::Next => {}
                Judgement::Known(receipt) => {
                    taken.receipts.insert((header.source.clone(), header.epoch), *receipt);
                    continue;
                }
                Judgement::Hole(expected) if accepts_hole => self.say_hole(batch, &peer, expected, group)?,
                Judgement::Hole(expected) => {
                    let (source, epoch) = (header.source.clone(), header.epoch);
                    taken.refused = Some(Refusal::Hole { source, epoch, expected });
                    break;
                }
                Judgement::Fork(reason) => {
                    self.say_fork(batch, &peer, &signer, &reason, group)?;
                    taken.refused = Some(Refusal::Fork(reason));
                    break;
                }
                Judgement::Quarantined(reason) => {
                    taken.refused = Some(Refusal::Quarantined(reason));
                    break;
                }
            }
            if let Some(new) = self.senders.new_key(header, &signer) {
                self.say_key(batch, &peer, &signer, &new, group)?;
            }
            let received = (self.clock)();
            let envelope =
                Envelope { received, door: Door::Agent, peer: Some(peer.clone()), signer: Some(signer.clone()) };
            group.bytes = group.bytes.saturating_add(batch.length());
            let (leaf, entry) = self.writer.append_sealed(batch, &envelope)?;
            let receipt = self.senders.admit(header, batch.hash, &peer, &signer, (leaf, entry, received));
            group.touched.insert((header.cluster.clone(), header.node.clone(), header.source.clone()));
            taken.receipts.insert((header.source.clone(), header.epoch), receipt);
            taken.taken += 1;
        }
        Ok(taken)
    }

    pub(super) fn accept(
        &mut self,
        cluster: String,
        node: String,
        reply: oneshot::Sender<bool>,
        group: &mut Group,
    ) -> Result<(), PipelineError> {
        let forgotten = self.senders.accept(&cluster, &node);
        if let Some(sources) = &forgotten {
            self.say(json!({ "deponent": "agent-accepted" }), &cluster, &node, group)?;
            group.touched.extend(sources.iter().map(|source| (cluster.clone(), node.clone(), source.clone())));
            group.touched.insert((cluster, node, String::new()));
        }
        group.accepted.push((forgotten.is_some(), reply));
        Ok(())
    }

    /// Writes a record of the collector's own about a sender.
    fn say(&mut self, mut record: Value, cluster: &str, node: &str, group: &mut Group) -> Result<(), PipelineError> {
        let now = (self.clock)();
        if let Some(members) = record.as_object_mut() {
            members.insert("time".to_owned(), rfc3339(now).into());
            members.insert("cluster".to_owned(), cluster.into());
            members.insert("node".to_owned(), node.into());
        }
        let draft = own_record(&crate::query::json::line(&record), SENDERS_SOURCE, cluster, node);
        self.draft(draft, &Envelope::witnessed(now, Door::Own, None), group).map(|_| ())
    }

    fn say_key(
        &mut self,
        batch: &Sealed,
        peer: &str,
        signer: &VerifierKey,
        new: &NewKey,
        group: &mut Group,
    ) -> Result<(), PipelineError> {
        let header = &batch.header;
        let vkey = signer.to_string();
        let record = match new {
            NewKey::First => {
                tracing::info!(node = header.node, peer, "a new node sends");
                json!({ "deponent": "agent-key", "peer": peer, "vkey": vkey })
            }
            NewKey::Instead(before) => {
                tracing::warn!(node = header.node, peer, "a node's agent signs with another key");
                json!({ "deponent": "agent-key-changed", "peer": peer, "vkey": vkey, "before": before })
            }
        };
        group.touched.insert((header.cluster.clone(), header.node.clone(), String::new()));
        self.say(record, &header.cluster, &header.node, group)
    }

    fn say_hole(&mut self, batch: &Sealed, peer: &str, expected: u64, group: &mut Group) -> Result<(), PipelineError> {
        let header = &batch.header;
        tracing::warn!(node = header.node, source = header.source, expected, found = header.seq, "batches are missing");
        let record = json!({
            "deponent": "gap", "source": header.source, "peer": peer, "expected": expected, "found": header.seq,
            "reason": "batches never came: the agent does not have them any more",
        });
        self.say(record, &header.cluster, &header.node, group)
    }

    fn say_fork(
        &mut self,
        batch: &Sealed,
        peer: &str,
        signer: &VerifierKey,
        reason: &str,
        group: &mut Group,
    ) -> Result<(), PipelineError> {
        let header = &batch.header;
        tracing::error!(
            node = header.node,
            source = header.source,
            reason,
            "EQUIVOCATION: nothing more is taken from this node until an operator accepts it"
        );
        self.senders.quarantine(&header.cluster, &header.node, reason);
        group.touched.insert((header.cluster.clone(), header.node.clone(), String::new()));
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        let record = json!({
            "deponent": "equivocation", "reason": reason, "source": header.source, "peer": peer, "vkey": signer.to_string(),
            "epoch": hex(&header.epoch), "seq": header.seq, "header": hex(&batch.hash),
        });
        self.say(record, &header.cluster, &header.node, group)
    }
}
