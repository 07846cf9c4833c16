//! `agent`: what runs on every node; `agents`: what the collector knows of them.
//!
//! Not here: what an agent does (`agent`).

use super::args::{AgentArgs, AgentsArgs, AgentsCommand, Form, Global};
use super::exit::{CliError, Exit};
use super::output::say;
use super::reload::{of_agent, on_hangup};
use super::remote::Remote;
use super::serve::{asked_to_stop, listen, log};
use crate::agent::{Agent, AgentError, Counts, healthy, page};
use crate::config::AgentConfig;
use crate::evidence::EvidenceError;
use crate::render::Safe;
use crate::serve::{Door, Metrics, serve};
use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Connections to the page of numbers at once.
const PAGE_CONNECTIONS_MAX: usize = 16;

/// Reads, seals, keeps and sends until told to stop.
pub fn run(global: &Global, args: &AgentArgs) -> Result<Exit, CliError> {
    log();
    let path = global.config.as_deref().unwrap_or(Path::new("agent.toml"));
    let config = AgentConfig::read(path, args.node.as_deref()).map_err(CliError::usage)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::io("starting the agent", &error))?;
    let again = || {
        let new = AgentConfig::read(path, args.node.as_deref()).map_err(|error| error.to_string())?;
        Ok(of_agent(&config, &new))
    };
    runtime.block_on(async {
        tokio::select! {
            biased;
            never = on_hangup(again) => match never {},
            ended = run_until_stopped(config.clone()) => ended,
        }
    })
}

async fn run_until_stopped(config: AgentConfig) -> Result<Exit, CliError> {
    let listener = match config.metrics {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let asked = asked_to_stop();
    let starting = config.clone();
    let started = tokio::task::spawn_blocking(move || Agent::start(&starting, crate::time::now)).await;
    let started = started.map_err(|error| CliError::new(Exit::InputOutput, error))?.map_err(|error| failed(&error))?;
    let agent = started.agent;
    say(format_args!(
        "deponent agent {} of {}/{} sends to https://{}:{}",
        env!("CARGO_PKG_VERSION"),
        Safe(&config.cluster),
        Safe(&config.node),
        Safe(&config.host),
        config.port
    ));
    say(format_args!("  signs with {}", started.vkey));
    let recovery = &started.recovery;
    say(format_args!("  {} batches wait in the spool, {} bytes", recovery.blocks, recovery.bytes));
    for damage in &recovery.damaged {
        tracing::error!(
            damage,
            "a segment of the spool was damaged: what lies behind that place in it is lost unless the files still have it"
        );
    }
    for tail in &config.tail {
        say(format_args!("  follows {}", Safe(&tail.paths.join(", "))));
    }
    if let Some(listener) = listener {
        let (router, metrics) = (numbers(agent.counts()), Arc::new(Metrics::default()));
        let door = Door { listener, tls: None, router, connections_max: PAGE_CONNECTIONS_MAX, is_of_agents: false };
        tokio::spawn(serve(door, metrics, std::future::pending()));
    }
    let first = tokio::select! {
        () = asked => None,
        failure = agent.failed() => Some(failure),
    };
    tracing::info!("stopping: what was read is made durable in the spool, and sent as far as that works at once");
    let ended = tokio::task::spawn_blocking(move || agent.stop()).await;
    let ended = ended.map_err(|error| CliError::new(Exit::InputOutput, error))?;
    match first.map_or(ended, Err) {
        Ok(()) => Ok(Exit::Match),
        Err(error) => Err(failed(&error)),
    }
}

fn failed(error: &AgentError) -> CliError {
    let exit = match error {
        AgentError::Tls(_) => Exit::Usage,
        AgentError::Evidence(EvidenceError::Damaged { .. }) => Exit::Integrity,
        _ => Exit::InputOutput,
    };
    CliError::new(exit, error)
}

/// `/metrics` and `/healthz`.
fn numbers(counts: Arc<Counts>) -> Router {
    let health = Arc::clone(&counts);
    let health = move || async move {
        match healthy(&health) {
            Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
            Err(what) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", Safe(&what))),
        }
    };
    let numbers = move || async move {
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page(&counts)).into_response()
    };
    // Alive is whoever answers; a collector that cannot be reached is no reason to kill an agent.
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/healthz", get(health))
        .route("/metrics", get(numbers))
}

/// Lists nodes, or lets one in again.
pub fn agents(global: &Global, args: &AgentsArgs) -> Result<Exit, CliError> {
    let remote = Remote::find(global)?;
    match &args.command {
        Some(AgentsCommand::Accept { node }) => {
            let (cluster, node) =
                node.split_once('/').ok_or_else(|| CliError::usage(format!("`{node}` is not CLUSTER/NODE")))?;
            remote.json("/v1/agents/accept", Some(&json!({ "cluster": cluster, "node": node })))?;
            say(format_args!("{}/{} is let in again: its next batches begin new chains", Safe(cluster), Safe(node)));
            Ok(Exit::Match)
        }
        None => {
            let list = remote.json("/v1/agents", None)?;
            let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
            let mut out = std::io::stdout().lock();
            let written = match global.output {
                Some(Form::Json) => writeln!(out, "{}", crate::query::json::line(&Value::Array(list.to_vec()))),
                Some(Form::Ndjson) => {
                    list.iter().try_for_each(|line| writeln!(out, "{}", crate::query::json::line(line)))
                }
                None | Some(Form::Table | Form::Text) => {
                    list.iter().try_for_each(|line| writeln!(out, "{}", row(line)))
                }
                Some(_) => return Err(CliError::usage("`agents` has the forms table, json and ndjson")),
            };
            written.map_err(|error| CliError::io("writing", &error))?;
            Ok(if list.is_empty() { Exit::NoMatch } else { Exit::Match })
        }
    }
}

fn row(line: &Value) -> String {
    let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
    let state =
        line.get("quarantine").and_then(Value::as_str).map_or("ok".to_owned(), |why| format!("QUARANTINED: {why}"));
    let sources = line.get("sources").and_then(Value::as_u64).unwrap_or(0);
    let row = format!(
        "{}/{}  last {}  {sources} sources  {}  {state}",
        text("cluster"),
        text("node"),
        text("last"),
        text("peer")
    );
    Safe(&row).to_string()
}
