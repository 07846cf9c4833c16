//! Alerts: every new event that matches a query is told to a file, to standard output or to a webhook, at least once.
//!
//! Inside: `follow` (one alert: looks, tells, remembers), `place` (how far it is, durable), `receiver` (who is told), `line` (what is told), `backoff`. For people:
//! `docs/alerts.md`. Not here: the search (`query::engine`), what is counted (`metrics`).

mod backoff;
mod follow;
mod line;
mod place;
mod receiver;

pub use receiver::Out;

use super::metrics::{AlertCounts, Metrics};
use crate::config::{Alert, Config};
use crate::model::Moment;
use crate::query::{Engine, QueryError, parse};
use crate::time::Zone;
use follow::Follower;
use place::Kept;
use receiver::Told;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;

/// How long the end waits for an alert that is telling something.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Why there can be no alerts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AlertError {
    /// The query does not parse.
    #[error("alert `{name}`: {}", error.render_caret(query))]
    Query {
        /// The alert.
        name: String,
        /// Its query.
        query: String,
        /// What is wrong, and where.
        error: Box<QueryError>,
    },
    /// The query answers with something else than events.
    #[error("alert `{name}`: `| …` has no place in an alert: it tells of single events")]
    Pipe {
        /// The alert.
        name: String,
    },
    /// The receiver is none.
    #[error("alert `{name}`: {message}")]
    Receiver {
        /// The alert.
        name: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// How far it was cannot be read or kept.
    #[error("alert `{name}`: {}: {message}", path.display())]
    Place {
        /// The alert.
        name: String,
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// The operating system refused what an alert runs on.
    #[error("alert `{name}`: starting it: {error}")]
    Start {
        /// The alert.
        name: String,
        /// What it said.
        error: std::io::Error,
    },
}

impl AlertError {
    /// Whether the configuration is at fault, rather than the machine.
    pub fn is_usage(&self) -> bool {
        !matches!(self, AlertError::Place { .. } | AlertError::Start { .. })
    }
}

/// Alerts that are running.
pub struct Alerts {
    stop: watch::Sender<bool>,
    /// Says that all have ended: each holds the other end.
    ended: Receiver<()>,
}

/// Whether alerts can be what they are configured as: before anything is opened.
///
/// # Errors
/// Of the first that cannot.
pub fn check(config: &Config, now: Moment) -> Result<(), AlertError> {
    for alert in &config.alert {
        let name = || alert.name.clone();
        let query = parse(&alert.query, now, &Zone::default()).map_err(|error| AlertError::Query {
            name: name(),
            query: alert.query.clone(),
            error: Box::new(error),
        })?;
        if query.pipe.is_some() {
            return Err(AlertError::Pipe { name: name() });
        }
        receiver::check(&alert.to, &config.store).map_err(|message| AlertError::Receiver { name: name(), message })?;
    }
    Ok(())
}

/// What alerts run on.
pub struct Ground {
    /// Whom to ask.
    pub engine: Engine,
    /// The time.
    pub clock: fn() -> Moment,
    /// How long an answer may take.
    pub within: Duration,
    /// Log entries before the start: an alert that is new begins behind them.
    pub begin: u64,
    /// Standard output.
    pub out: Out,
}

impl Alerts {
    /// Starts them.
    ///
    /// # Errors
    /// When a place cannot be read or kept, or a thread cannot be started.
    pub fn start(config: &Config, ground: &Ground, metrics: &Metrics) -> Result<Alerts, AlertError> {
        let (stop, stopped) = watch::channel(false);
        let (alive, ended) = channel();
        let pen = Arc::new(Mutex::new(()));
        let mut counts = Vec::new();
        for alert in &config.alert {
            let count = Arc::new(AlertCounts::new(&alert.name));
            counts.push(Arc::clone(&count));
            let told = Told::new(&alert.to, &ground.out, &pen)
                .map_err(|message| AlertError::Receiver { name: alert.name.clone(), message })?;
            one(&config.store, alert, ground, (told, count), (stopped.clone(), alive.clone()))?;
        }
        metrics.alerts(counts);
        Ok(Alerts { stop, ended })
    }

    /// Ends them; who is telling something just now gets a moment. What was told and is not remembered is told again after the next start, under the same id.
    pub fn stop(self) {
        let _nobody_left = self.stop.send(true);
        // Nothing is ever sent: the wait ends when the last of them lets go, or in time.
        let _late = self.ended.recv_timeout(STOP_TIMEOUT);
    }
}

fn one(
    store: &Path,
    alert: &Alert,
    ground: &Ground,
    (told, counts): (Told, Arc<AlertCounts>),
    (stopped, alive): (watch::Receiver<bool>, Sender<()>),
) -> Result<(), AlertError> {
    let size = ground.engine.trailer().size;
    let (kept, place) = Kept::open(&store.join("alerts"), &alert.name, ground.begin.min(size), size)?;
    let failed = |error| AlertError::Start { name: alert.name.clone(), error };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    tracing::info!(alert = alert.name, to = %told, from = place.from, "an alert begins");
    let follower = Follower {
        name: alert.name.clone(),
        query: alert.query.clone(),
        engine: ground.engine.clone(),
        clock: ground.clock,
        within: ground.within,
        told,
        counts,
        stopped,
        runtime,
        kept,
        place,
    };
    let thread = std::thread::Builder::new().name(format!("alert-{}", alert.name));
    let spawned = thread.spawn(move || {
        follower.run();
        drop(alive);
    });
    spawned.map(drop).map_err(failed)
}
