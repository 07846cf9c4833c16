//! `token`: who may ask the collector of a store.
//!
//! Not here: the file (`access`), roles (`config`), what a collector does with tokens (`serve`).

use super::args::{Form, Global};
use super::ask::store_dir;
use super::exit::{CliError, Exit};
use super::output::say;
use crate::access::{self, Standing, TokenError};
use crate::config::{Grant, Role};
use crate::model::Moment;
use crate::render::Safe;
use crate::time::{now, parse_duration, rfc3339};
use clap::{Args, Subcommand};
use serde_json::json;
use std::io::Write;

/// `token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// What to do
    #[command(subcommand)]
    pub command: TokenCommand,
}

/// What can be done about tokens.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token; it is printed once
    Add(AddArgs),
    /// Those that there are, revoked and expired ones too
    List,
    /// Take a token back: it opens nothing any more
    Revoke {
        /// Its id, or the name it was made for
        name: String,
        /// All of that name
        #[arg(long)]
        all: bool,
    },
}

/// `token add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Who will use it
    pub name: String,
    /// What for; several add up
    #[arg(long = "role", value_name = "ROLE", required = true, value_delimiter = ',')]
    pub roles: Vec<Role>,
    /// Events of these clusters alone
    #[arg(long = "cluster", value_name = "NAME", value_delimiter = ',')]
    pub clusters: Vec<String>,
    /// Events about these namespaces alone
    #[arg(long = "namespace", value_name = "NAME", value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// Events of these sources alone (linux, kubernetes, …)
    #[arg(long = "source", value_name = "NAME", value_delimiter = ',')]
    pub sources: Vec<String>,
    /// How long it is one: 12h, 90d; `never`
    #[arg(long, value_name = "TIME", default_value = "90d")]
    pub expires: String,
}

/// Adds, lists or revokes.
pub fn run(global: &Global, args: &TokenArgs) -> Result<Exit, CliError> {
    if global.server.is_some() {
        return Err(CliError::usage("tokens are made where the store is: `--store DIR`, on the collector's machine"));
    }
    let store = store_dir(global)?;
    if !store.exists() {
        let message = format!("there is no store at {}; `deponent serve` makes one", store.display());
        return Err(CliError::new(Exit::Unreachable, message));
    }
    match &args.command {
        TokenCommand::Add(args) => add(global, args, &store),
        TokenCommand::List => list(global, &store),
        TokenCommand::Revoke { name, all } => {
            let ids = access::revoke(&store, name, *all, now()).map_err(failed)?;
            say(format_args!("revoked: {}", ids.join(", ")));
            Ok(Exit::Match)
        }
    }
}

fn add(global: &Global, args: &AddArgs, store: &std::path::Path) -> Result<Exit, CliError> {
    let mut roles = args.roles.clone();
    roles.sort_unstable();
    roles.dedup();
    let grant = Grant {
        roles,
        clusters: args.clusters.clone(),
        namespaces: args.namespaces.clone(),
        sources: args.sources.clone(),
    };
    let now = now();
    let expires = match args.expires.as_str() {
        "never" => None,
        text => {
            let time = parse_duration(text).map_err(CliError::usage)?;
            Some(Moment { nanos: now.nanos.saturating_add(time), digits: 0 })
        }
    };
    let added = access::add(store, &args.name, grant, expires, now).map_err(failed)?;
    let mut out = std::io::stdout().lock();
    let written = match global.output {
        Some(Form::Json | Form::Ndjson) => {
            writeln!(out, "{}", json!({ "id": added.token.id, "token": added.secret, "expires": added.token.expires }))
        }
        _ => writeln!(out, "{}", added.secret),
    };
    written.and_then(|()| out.flush()).map_err(|error| CliError::io("stdout", &error))?;
    if !global.quiet {
        let until = expires.map_or("for ever".to_owned(), |expires| format!("until {}", rfc3339(expires)));
        say(format_args!(
            "token {} of {}, {until}; it is shown this once. `deponent --server URL --token-file FILE search …` uses it",
            added.token.id,
            Safe(&args.name)
        ));
    }
    Ok(Exit::Match)
}

fn list(global: &Global, store: &std::path::Path) -> Result<Exit, CliError> {
    let tokens = access::list(store).map_err(failed)?;
    let now = now();
    let mut out = std::io::stdout().lock();
    let failed = |error| CliError::io("stdout", &error);
    for token in &tokens {
        let (standing, grant) = (token.standing(now), &token.grant);
        let limits = [("cluster", &grant.clusters), ("ns", &grant.namespaces), ("source", &grant.sources)];
        let written = if matches!(global.output, Some(Form::Json | Form::Ndjson)) {
            let line = json!({
                "id": token.id, "name": token.name, "state": standing.name(), "roles": grant.roles,
                "clusters": grant.clusters, "namespaces": grant.namespaces, "sources": grant.sources,
                "added": token.added, "expires": token.expires, "revoked": token.revoked,
            });
            writeln!(out, "{}", crate::query::json::line(&line))
        } else {
            let limits = limits.iter().filter(|(_, of)| !of.is_empty());
            let limits: Vec<String> = limits.map(|(name, of)| format!("{name}:{}", of.join("|"))).collect();
            let when = match standing {
                Standing::Revoked => token.revoked.as_deref(),
                _ => token.expires.as_deref(),
            };
            let line = format!(
                "{}  {:<8} {}  {:<20} {}  {}",
                token.id,
                standing.name(),
                when.unwrap_or("never expires"),
                grant.names(),
                token.name,
                limits.join(" ")
            );
            writeln!(out, "{}", Safe(line.trim_end()))
        };
        written.map_err(failed)?;
    }
    out.flush().map_err(failed)?;
    Ok(if tokens.is_empty() { Exit::NoMatch } else { Exit::Match })
}

fn failed(error: TokenError) -> CliError {
    match error {
        TokenError::Io { .. } | TokenError::Shape { .. } => CliError::new(Exit::InputOutput, error),
        TokenError::Unknown { .. } => CliError::new(Exit::NoMatch, error),
        _ => CliError::usage(error),
    }
}
