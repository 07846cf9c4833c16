//! Whom to ask: the store's own files, or the collector that is serving it.
//!
//! Not here: the answers (`query`), how a collector is asked (`remote`).

use super::args::Global;
use super::exit::{CliError, Exit};
use super::remote::Remote;
use crate::config::{Config, Tail};
use crate::evidence::{Reader, holder};
use crate::index::Index;
use crate::query::{AnswerError, Engine, Followed, Question, Stop, Trailer};
use crate::serve::local_token;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Somebody who answers questions.
pub enum Asker {
    /// The store's files, read here.
    Local(Box<Engine>),
    /// A collector.
    Remote(Box<Remote>),
}

/// Reads the configuration that applies: `--config`, else ./config.toml where there is one, else the defaults.
pub fn config(global: &Global) -> Result<Config, CliError> {
    let default = Path::new("config.toml");
    match &global.config {
        Some(path) => Config::read(path).map_err(CliError::usage),
        None if default.exists() => Config::read(default).map_err(CliError::usage),
        None => Ok(Config::default()),
    }
}

/// The store's folder that applies.
pub fn store_dir(global: &Global) -> Result<PathBuf, CliError> {
    match &global.store {
        Some(dir) => Ok(dir.clone()),
        None => Ok(config(global)?.store),
    }
}

/// What a collector of this store would follow: nothing is known of that where the configuration is about another store.
fn followed(global: &Global, dir: &Path) -> Vec<Tail> {
    let same = |other: &Path| matches!((other.canonicalize(), dir.canonicalize()), (Ok(a), Ok(b)) if a == b);
    match config(global) {
        Ok(config) if global.config.is_some() || same(&config.store) => config.tail,
        _ => Vec::new(),
    }
}

impl Asker {
    /// Finds whom to ask.
    pub fn find(global: &Global) -> Result<Asker, CliError> {
        if global.config.is_some() {
            config(global)?;
        }
        if let Some(url) = &global.server {
            return Remote::new(url, global.entry.token()?, &global.entry)
                .map(|remote| Asker::Remote(Box::new(remote)));
        }
        let dir = store_dir(global)?;
        if !dir.exists() {
            let message = format!(
                "there is no store at {}; `deponent ingest PATH… --store DIR` or `deponent serve` makes one, --store DIR names another",
                dir.display()
            );
            return Err(CliError::new(Exit::Unreachable, message));
        }
        let holder = holder(&dir).map_err(|error| CliError::of_evidence(&error))?;
        if let Some(address) = holder.and_then(|holder| holder.address) {
            let token = match global.entry.token()? {
                Some(token) => Some(token),
                None => local_token(&dir),
            };
            let url = format!("http://{address}");
            return Remote::new(&url, token, &global.entry).map(|remote| Asker::Remote(Box::new(remote)));
        }
        let reader = Reader::open(&dir).map_err(|error| CliError::of_evidence(&error))?;
        let index =
            Index::open_read_only(&dir.join("index")).map_err(|error| CliError::new(Exit::InputOutput, error))?;
        let followed = Followed { tails: followed(global, &dir), running: None };
        Ok(Asker::Local(Box::new(Engine::new(reader, index).following(followed))))
    }

    /// Asks; each line goes to `sink`, whose error ends the answer quietly.
    pub fn ask(
        &self,
        question: &Question,
        sink: &mut dyn FnMut(Value) -> Result<(), CliError>,
    ) -> Result<Trailer, CliError> {
        match self {
            Asker::Remote(remote) => remote.ask_on(question, sink),
            Asker::Local(engine) => {
                let mut failed = None;
                let answered = engine.answer(question, crate::time::now(), &mut |line| {
                    sink(line).map_err(|error| {
                        failed = Some(error);
                        Stop
                    })
                });
                match (failed, answered) {
                    (Some(error), _) => Err(error),
                    (None, Ok(trailer)) => Ok(trailer),
                    (None, Err(AnswerError::Stopped)) => Ok(engine.trailer()),
                    (None, Err(error)) => Err(CliError::of_answer(&error, query_text(question))),
                }
            }
        }
    }
}

fn query_text(question: &Question) -> &str {
    if let Question::Search(search) = question { &search.q } else { "" }
}
