//! What lies in the spool goes to the collector, in order, until a signed receipt says that it is in the log.
//!
//! One request at a time: order is the protocol's first rule, and requests are large. Inside: receipts compared with what was sent, holes, retries with jitter.
//! Not here: the connection (`wire`), the spool (`evidence`), what a receipt is worth (`watch`).

use super::AgentError;
use super::counts::Counts;
use super::watch::{Unchecked, Watch};
use super::wire::{Reply, Wire};
use crate::config::AgentConfig;
use crate::evidence::{Hash, Header, Receipt, SpoolReader, VerifierKey, block_length, sealed_header};
use crate::pipeline::{Cursors, Failure};
use crate::time::now;
use crate::tls::ClientTls;
use axum::http::{Method, StatusCode};
use hyper::body::Bytes;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Bytes of a request, about; a block is never cut.
const SEND_BYTES: usize = 1 << 20;
/// How long is waited for something to send before it is looked whether the agent is to stop.
const WAIT: Duration = Duration::from_millis(200);
/// The first pause after a failure, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));
/// Heartbeats between two comparisons of the collector's log with its receipts.
const BEATS: u32 = 5;
/// How often it is noted how far has been confirmed.
const NOTE_EVERY: Duration = Duration::from_secs(1);

/// The sender.
pub(super) struct Sending {
    wire: Wire,
    runtime: Runtime,
    vkey: VerifierKey,
    reader: SpoolReader,
    cursors: Cursors,
    counts: Arc<Counts>,
    /// The collector's key, once it is known.
    collector: Option<VerifierKey>,
    /// Where it is kept; none when it is configured.
    kept: Option<PathBuf>,
    /// What the collector has acknowledged ahead of what was sent since the start, by source and epoch.
    ahead: BTreeMap<Chain, (u64, Hash)>,
    /// The oldest block was gone back to because of a hole: how far reading was then. What is sent again up to there may be known, and closes no hole.
    rewound: Option<(u64, u64)>,
    watch: Watch,
    /// When the log is compared next, and the time between.
    due: Instant,
    every: Duration,
}

type Chain = (String, [u8; 16]);

/// The blocks of one request.
struct Load {
    bytes: Bytes,
    blocks: u64,
    /// The last header of each chain, with its hash.
    last: BTreeMap<Chain, (Header, Hash)>,
}

/// What the collector answers.
#[derive(Debug, Deserialize)]
struct Answered {
    #[serde(default)]
    receipts: Vec<String>,
    refused: Option<Refused>,
    /// Of a problem+json.
    detail: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Refused {
    kind: String,
    detail: String,
}

/// What became of an attempt.
enum Outcome {
    /// All of it is in the log.
    Taken(u64),
    /// Batches before it are missing there.
    Hole(String),
    /// It is to be tried again, not before so long.
    Again(String, Duration),
}

impl Sending {
    pub(super) fn new(
        config: &AgentConfig,
        tls: ClientTls,
        vkey: VerifierKey,
        reader: SpoolReader,
        cursors: Cursors,
        counts: Arc<Counts>,
    ) -> Result<Sending, AgentError> {
        let io = |what: &str| {
            let what = what.to_owned();
            move |error| AgentError::Io { what, error }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(io("starting the sender"))?;
        let path = config.state.join("collector");
        let invalid =
            |error: &dyn std::fmt::Display| std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string());
        let (collector, kept) = match &config.collector_key {
            Some(text) => {
                let key = VerifierKey::parse(text).map_err(|error| invalid(&error)).map_err(io("`collector_key`"))?;
                (Some(key), None)
            }
            None => match std::fs::read_to_string(&path) {
                Ok(text) => {
                    let key = VerifierKey::parse(text.trim_end()).map_err(|error| invalid(&error));
                    (Some(key.map_err(io(&path.display().to_string()))?), Some(path))
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => (None, Some(path)),
                Err(error) => return Err(io(&path.display().to_string())(error)),
            },
        };
        let wire = Wire::new(config.host.clone(), config.port, tls);
        let ahead = BTreeMap::new();
        let watch = Watch::open(&config.state);
        let every = Duration::from_secs(config.heartbeat_s).saturating_mul(BEATS);
        // Many agents that start together do not ask together.
        let due = Instant::now() + below(every);
        Ok(Sending {
            wire,
            runtime,
            vkey,
            reader,
            cursors,
            counts,
            collector,
            kept,
            ahead,
            rewound: None,
            watch,
            due,
            every,
        })
    }

    /// Sends until the spool is closed and empty, or, once the agent is to stop, until something fails.
    pub(super) fn run(mut self, failure: &Failure<AgentError>) -> Result<(), AgentError> {
        let mut noted = Instant::now();
        while let Some(bytes) = self.reader.read(SEND_BYTES, WAIT)? {
            if Instant::now() >= self.due {
                self.due = Instant::now() + self.every;
                if let Err(error) = self.check_log() {
                    tracing::warn!(%error, "the collector's log was not compared with its receipts");
                }
            }
            if bytes.is_empty() {
                continue;
            }
            let load = load(bytes)?;
            if !self.deliver(&load, failure)? {
                break;
            }
            if noted.elapsed() >= NOTE_EVERY {
                self.note()?;
                noted = Instant::now();
            }
        }
        self.note()
    }

    /// Compares the log with what was promised; what contradicts is said as a record.
    fn check_log(&mut self) -> Result<(), Unchecked> {
        // Without its key there was no receipt.
        let Some(key) = self.collector.clone() else { return Ok(()) };
        let Sending { wire, runtime, watch, counts, .. } = self;
        let mut get = |path: &str| {
            let reply = runtime.block_on(wire.ask(Method::GET, path, &[], Bytes::new()))?;
            match reply.status {
                StatusCode::OK => Ok(Some(reply.body.to_vec())),
                StatusCode::NOT_FOUND => Ok(None),
                status => Err(format!("the collector answers {status} to `{path}`")),
            }
        };
        let compared = watch.compare(&key, now(), &mut get)?;
        for contradiction in &compared.contradictions {
            tracing::error!(%contradiction, "the collector contradicts what it has signed");
        }
        if counts.compared(compared.size, now().nanos, &compared.contradictions) {
            watch.settle(compared)?;
        }
        Ok(())
    }

    fn note(&self) -> Result<(), AgentError> {
        // First what is remembered of files: their batches may be removed from the spool with the next confirmation.
        self.cursors.flush()?;
        Ok(self.reader.save_position()?)
    }

    /// Tries until it is taken; whether to go on.
    fn deliver(&mut self, load: &Load, failure: &Failure<AgentError>) -> Result<bool, AgentError> {
        let mut pause = PAUSES.0;
        let mut accepts_hole = false;
        loop {
            let (what, wait) = match self.attempt(load, accepts_hole) {
                Outcome::Taken(receipts) => {
                    if accepts_hole {
                        tracing::warn!("the collector has noted that batches before these are missing");
                    }
                    self.taken(load, receipts)?;
                    return Ok(true);
                }
                Outcome::Hole(detail) if self.rewound.is_none() => {
                    // It may still be here: the collector may have been restored to an earlier state.
                    tracing::warn!(detail, "the collector lacks batches: everything that is still here is sent again");
                    (self.rewound, self.ahead) = (Some(self.reader.position()), BTreeMap::new());
                    self.reader.rewind_all();
                    return Ok(true);
                }
                Outcome::Hole(detail) => {
                    tracing::warn!(detail, "the collector lacks batches that are not here any more");
                    if accepts_hole { (detail, PAUSES.1) } else { (detail, Duration::ZERO) }
                }
                Outcome::Again(what, wait) => (what, wait),
            };
            accepts_hole = self.rewound.is_some();
            self.counts.failed(&what);
            if wait > Duration::ZERO || pause > PAUSES.0 {
                tracing::warn!(what, "not sent; it stays in the spool");
            }
            if failure.stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let until = Instant::now() + if wait.is_zero() && accepts_hole { Duration::ZERO } else { pause.max(wait) };
            while Instant::now() < until {
                std::thread::sleep(WAIT.min(until.saturating_duration_since(Instant::now())));
                if failure.stop.load(Ordering::Relaxed) {
                    return Ok(false);
                }
            }
            pause = longer(pause);
        }
    }

    fn taken(&mut self, load: &Load, receipts: u64) -> Result<(), AgentError> {
        self.rewound = self.rewound.filter(|hole| self.reader.position() < *hole);
        let bytes = u64::try_from(load.bytes.len()).unwrap_or(u64::MAX);
        self.counts.sent(load.blocks, bytes, receipts, now().nanos);
        if self.ahead.is_empty() {
            let headers: Vec<Header> = load.last.values().map(|(header, _)| header.clone()).collect();
            self.cursors.flush()?;
            self.reader.confirm(&headers)?;
            self.counts.spool(self.reader.bytes());
        }
        Ok(())
    }

    fn attempt(&mut self, load: &Load, accepts_hole: bool) -> Outcome {
        let again = |what: String| Outcome::Again(what, Duration::ZERO);
        let collector = match self.collector_key() {
            Ok(key) => key,
            Err(what) => return again(what),
        };
        let mut headers = vec![(crate::agent::SIGNER, self.vkey.to_string())];
        if accepts_hole {
            headers.push((crate::agent::HOLE, "accepted".to_owned()));
        }
        let asked = self.wire.ask(Method::POST, "/v1/batches", &headers, load.bytes.clone());
        let reply = match self.runtime.block_on(asked) {
            Ok(reply) => reply,
            Err(what) => return again(what),
        };
        self.outcome(load, &reply, &collector)
    }

    fn outcome(&mut self, load: &Load, reply: &Reply, collector: &VerifierKey) -> Outcome {
        let wait = reply.retry_after.unwrap_or_default().min(PAUSES.1);
        let answered: Answered = match serde_json::from_slice(&reply.body) {
            Ok(answered) => answered,
            Err(_) => return Outcome::Again(format!("the collector answers {} and no JSON", reply.status), wait),
        };
        if reply.status == StatusCode::OK {
            return match self.compare(load, &answered.receipts, collector) {
                Ok(receipts) => Outcome::Taken(receipts),
                Err(what) => Outcome::Again(what, PAUSES.1),
            };
        }
        match answered.refused {
            Some(refused) if refused.kind == "hole" => Outcome::Hole(refused.detail),
            // Only an operator can change that.
            Some(refused) => Outcome::Again(format!("refused: {}: {}", refused.kind, refused.detail), PAUSES.1),
            None => {
                let detail = answered.detail.unwrap_or_default();
                let wait = if reply.status.is_client_error() && wait.is_zero() { PAUSES.1 } else { wait };
                Outcome::Again(format!("the collector answers {}: {detail}", reply.status), wait)
            }
        }
    }

    /// Each chain of the load must be acknowledged up to its last batch, and with the very header that was sent.
    fn compare(&mut self, load: &Load, receipts: &[String], collector: &VerifierKey) -> Result<u64, String> {
        let mut acknowledged = BTreeMap::new();
        for note in receipts {
            let receipt = Receipt::open(note, collector).map_err(|error| {
                format!("a receipt is not the collector's ({error}); if it was replaced on purpose, remove the file `collector` in the agent's folder, or change `collector_key`")
            })?;
            self.watch.promised(note, &receipt, now());
            acknowledged.insert((receipt.source, receipt.epoch), (receipt.seq, receipt.header));
        }
        for (chain, (header, hash)) in &load.last {
            let Some((seq, found)) = acknowledged.get(chain) else {
                return Err(format!("no receipt for `{}`", header.source));
            };
            if *seq < header.seq {
                return Err(format!("the receipt for `{}` ends at {seq}; {} was sent", header.source, header.seq));
            }
            if *seq == header.seq {
                if found != hash {
                    return Err(format!(
                        "batch {seq} of `{}` is in the log with another content: a copy of this agent runs somewhere",
                        header.source
                    ));
                }
                self.ahead.remove(chain);
            } else if self.ahead.get(chain).is_none_or(|(known, _)| known < seq) {
                // What is behind this load was acknowledged before a restart: it is compared when it comes.
                self.ahead.insert(chain.clone(), (*seq, *found));
            }
        }
        Ok(u64::try_from(acknowledged.len()).unwrap_or(u64::MAX))
    }

    /// The collector's key: as configured, as kept, or, the first time, as it says itself.
    fn collector_key(&mut self) -> Result<VerifierKey, String> {
        if let Some(key) = &self.collector {
            return Ok(key.clone());
        }
        let reply = self.runtime.block_on(self.wire.ask(Method::GET, "/v1/collector", &[], Bytes::new()))?;
        let text = || -> Option<String> {
            let body: serde_json::Value = serde_json::from_slice(&reply.body).ok()?;
            Some(body.get("vkey")?.as_str()?.to_owned())
        };
        let text = text().ok_or_else(|| format!("the collector answers {} and names no key", reply.status))?;
        let key = VerifierKey::parse(&text).map_err(|error| error.to_string())?;
        if let Some(path) = &self.kept {
            std::fs::write(path, format!("{key}\n")).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        tracing::info!(%key, "the collector's key was kept; from now on only its receipts count");
        self.collector = Some(key.clone());
        Ok(key)
    }
}

fn load(bytes: Vec<u8>) -> Result<Load, AgentError> {
    let (mut rest, mut blocks, mut last) = (bytes.as_slice(), 0, BTreeMap::new());
    while let Some((block, behind)) = next(rest)? {
        // Damage on disk that came after the opening: the next one sets it aside.
        let header = sealed_header(block).map_err(crate::evidence::EvidenceError::from)?;
        let text = header.text().map_err(crate::evidence::EvidenceError::from)?;
        let hash: Hash = Sha256::digest(text.as_bytes()).into();
        last.insert((header.source.clone(), header.epoch), (header, hash));
        blocks += 1;
        rest = behind;
    }
    Ok(Load { bytes: Bytes::from(bytes), blocks, last })
}

/// A block, and what lies behind it.
type Cut<'a> = (&'a [u8], &'a [u8]);

fn next(bytes: &[u8]) -> Result<Option<Cut<'_>>, AgentError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let length = block_length(bytes).map_err(crate::evidence::EvidenceError::from)?;
    Ok(length.and_then(|length| bytes.split_at_checked(length)))
}

/// Up to three times as long, by chance, so that agents do not come all at once.
fn longer(pause: Duration) -> Duration {
    (PAUSES.0 + below(pause.saturating_mul(3).saturating_sub(PAUSES.0))).min(PAUSES.1)
}

/// A part of a time, by chance; without chance none of it.
fn below(span: Duration) -> Duration {
    let mut bytes = [0; 8];
    let _none = getrandom::fill(&mut bytes);
    let part = u128::from(u64::from_ne_bytes(bytes)) % span.as_millis().max(1);
    Duration::from_millis(u64::try_from(part).unwrap_or(0))
}
