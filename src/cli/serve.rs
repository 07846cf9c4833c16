//! `serve`: the collector.

use super::args::{Global, ServeArgs};
use super::ask::config;
use super::exit::{CliError, Exit};
use super::output::say;
use super::reload::{of_collector, on_hangup};
use crate::config::Config;
use crate::evidence::Reader;
use crate::pipeline::{Live, LiveOptions};
use crate::query::Engine;
use crate::render::{Safe, whole};
use crate::serve::{
    Access, AgentDoor, Alerts, Door, DoorError, Doors, Ground, Local, Metrics, Shared, agents_max, check_alerts,
    connections_max, health, recorder, router, serve,
};
use crate::tls::{Clients, ServerTls};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, Weak};

/// Connections at once of whoever asks for metrics and health.
const HEALTH_MAX: usize = 64;

/// Follows, indexes and answers until told to stop.
pub fn run(global: &Global, args: &ServeArgs) -> Result<Exit, CliError> {
    log();
    let config = effective(global, args)?;
    check_alerts(&config, crate::time::now()).map_err(CliError::usage)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CliError::io("starting the server", &error))?;
    // Weak: the access log ends when the last one who may write into it is gone.
    let access: OnceLock<Weak<Access>> = OnceLock::new();
    let again = || {
        let new = effective(global, args).map_err(|error| error.message)?;
        check_alerts(&new, crate::time::now()).map_err(|error| error.to_string())?;
        // With other certificates for the server both come together, with a restart.
        if let Some(access) = access.get().and_then(Weak::upgrade).filter(|_| new.access.tls == config.access.tls) {
            access.configure(&new.access);
            tracing::info!("hangup: who may ask is as `[access]` says now");
        }
        Ok(of_collector(&config, &new))
    };
    runtime.block_on(async {
        tokio::select! {
            biased;
            never = on_hangup(again) => match never {},
            ended = run_until_stopped(&config, &access) => ended,
        }
    })
}

/// The configuration, with what the command line says instead.
fn effective(global: &Global, args: &ServeArgs) -> Result<Config, CliError> {
    let mut config = config(global)?;
    if let Some(store) = &global.store {
        config.store.clone_from(store);
    }
    if let Some(listen) = args.listen {
        if !listen.ip().is_loopback() && config.access.tls.is_none() {
            let message = format!(
                "{listen} is not a loopback address: there it takes `access.cert` and `access.key` in the configuration (docs/access.md)"
            );
            return Err(CliError::usage(message));
        }
        config.listen = listen;
    }
    Ok(config)
}

/// Where the program's own log goes: stderr, from level info on.
pub(super) fn log() {
    tracing_subscriber::fmt()
        .with_writer(|| Visible(std::io::stderr()))
        // Colours are escapes, and none may come from a log line.
        .with_ansi(false)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("DEPONENT_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,tantivy=warn,sled=warn")),
        )
        .init();
}

/// The program's own log: names of files and errors about them are made by others, so each message is one line of visible text.
struct Visible<W>(W);

impl<W: std::io::Write> std::io::Write for Visible<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // A message comes whole.
        let line = String::from_utf8_lossy(bytes);
        writeln!(self.0, "{}", whole(line.trim_end_matches('\n')))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Log entries before anything is read: an alert that is new begins behind them. `None` where only the recovery of the store can say.
fn entries(config: &Config) -> Option<u64> {
    if !config.store.exists() {
        return Some(0);
    }
    Reader::open(&config.store).ok().map(|reader| reader.size())
}

/// Starts the alerts; where that fails, the collector ends in good order.
async fn alerts(
    config: &Config,
    ground: Ground,
    metrics: &Arc<Metrics>,
    live: Live,
) -> Result<(Alerts, Live), CliError> {
    let (config, metrics) = (config.clone(), Arc::clone(metrics));
    let started = tokio::task::spawn_blocking(move || match Alerts::start(&config, &ground, &metrics) {
        Ok(alerts) => Ok((alerts, live)),
        Err(error) => {
            // Why it ends is more than how.
            let _ended = live.stop();
            Err(CliError::new(if error.is_usage() { Exit::Usage } else { Exit::InputOutput }, error))
        }
    });
    started.await.map_err(|error| CliError::new(Exit::InputOutput, error))?
}

async fn run_until_stopped(config: &Config, current: &OnceLock<Weak<Access>>) -> Result<Exit, CliError> {
    let listener = listen(config.listen).await?;
    let place =
        |listener: &tokio::net::TcpListener| listener.local_addr().map_err(|error| CliError::io("listening", &error));
    let public = place(&listener)?;
    let tls = config.access.tls.clone().map(|files| ServerTls::open(files, Clients::Optional));
    let tls = tls.transpose().map_err(CliError::usage)?;
    // Whoever can read the store asks without a certificate, on this machine.
    let local = match &tls {
        Some(_) => Some(listen(SocketAddr::from(([127, 0, 0, 1], 0))).await?),
        None => None,
    };
    let address = local.as_ref().map_or(Ok(public), place)?;
    let open_door = match config.metrics {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let agents = match &config.agents {
        None => None,
        Some(door) => {
            let tls = ServerTls::open(door.tls.clone(), Clients::Required).map_err(CliError::usage)?;
            Some((listen(door.listen).await?, tls))
        }
    };
    let doors = Doors::open(&config.doors).await.map_err(|error| {
        let exit = if matches!(error, DoorError::Tls { .. }) { Exit::Usage } else { Exit::InputOutput };
        CliError::new(exit, error)
    })?;
    let begin = entries(config);
    let options = LiveOptions { config: config.clone(), address, clock: crate::time::now };
    let started = tokio::task::spawn_blocking(move || Live::start(&options, Local::write));
    let started = started.await.map_err(|error| CliError::new(Exit::InputOutput, error))?;
    let (live, own_token) = started.map_err(|error| super::ingest::pipeline_error(&error))?;
    let asked = asked_to_stop();
    greet(config, public, &live.engine());
    if let Some(listener) = &open_door {
        say(format_args!("metrics and health at http://{}, for everybody", place(listener)?));
    }
    if let Some((listener, _)) = &agents {
        let address = listener.local_addr().map_err(|error| CliError::io("listening", &error))?;
        say(format_args!("agents send to https://{address}"));
    }
    for (name, address) in doors.places() {
        say(format_args!("{name} is taken at {address}"));
    }
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let within = std::time::Duration::from_secs(config.limits.answer_s);
    let items = live.door().0;
    let (recorder, writing) = recorder(items.clone(), &config.cluster, &config.node, crate::time::now);
    let access = Arc::new(Access::open(&config.access, &config.store, recorder, own_token));
    let _first = current.set(Arc::downgrade(&access));
    let recording = tokio::spawn(writing.run(access.clients.clone()));
    let mut shared = Shared::new(live.engine(), crate::time::now, address, within, access);
    shared.items = Some(items);
    let metrics = Arc::clone(&shared.metrics);
    let ground = Ground {
        engine: live.engine(),
        clock: crate::time::now,
        within,
        begin: begin.unwrap_or_else(|| live.engine().trailer().size),
        out: Arc::new(Mutex::new(std::io::stdout())),
    };
    let (alerts, live) = alerts(config, ground, &metrics, live).await?;
    let encrypted = tls.is_some().then(|| router(shared.with_certificates()));
    let open_to_all = open_door.is_some().then(|| health(shared.clone()));
    metrics.room(live.room());
    let router = router(shared);
    let mut servers = tokio::task::JoinSet::new();
    doors.start((&live.door().0, &live.room()), &config.store, crate::time::now, &metrics, &mut servers, &stopped);
    let mut open = |door: Door, metrics: Arc<Metrics>| {
        let mut waits = stopped.clone();
        servers.spawn(serve(door, metrics, async move {
            // An error means that the sender is gone: stop too.
            let _closed = waits.wait_for(|stop| *stop).await;
        }));
    };
    if let Some((listener, tls)) = agents {
        let (items, vkey) = live.door();
        let router = AgentDoor::new(items, vkey, Arc::clone(&metrics), live.room(), live.engine().reader).router();
        open(
            Door { listener, tls: Some(tls), router, connections_max: agents_max(), is_of_agents: true },
            Arc::clone(&metrics),
        );
    }
    if let (Some(listener), Some(router)) = (open_door, open_to_all) {
        open(
            Door { listener, tls: None, router, connections_max: HEALTH_MAX, is_of_agents: false },
            Arc::clone(&metrics),
        );
    }
    let plain = match (local, encrypted) {
        (Some(local), Some(router)) => {
            open(
                Door { listener, tls, router, connections_max: connections_max(), is_of_agents: false },
                Arc::clone(&metrics),
            );
            local
        }
        _ => listener,
    };
    open(Door { listener: plain, tls: None, router, connections_max: connections_max(), is_of_agents: false }, metrics);
    let failed = tokio::select! {
        () = asked => None,
        failure = live.failed() => Some(failure),
    };
    tracing::info!("stopping: what was read is made durable and signed");
    let _nobody_left = stop.send(true);
    // Open connections get a moment; what they ask is not evidence.
    let ended = async { while servers.join_next().await.is_some() {} };
    let _late = tokio::time::timeout(std::time::Duration::from_secs(2), ended).await;
    servers.abort_all();
    while servers.join_next().await.is_some() {}
    // What was asked is kept before the ledger closes.
    let _late = tokio::time::timeout(std::time::Duration::from_secs(5), recording).await;
    let ended = tokio::task::spawn_blocking(move || {
        alerts.stop();
        live.stop()
    });
    let ended = ended.await.map_err(|error| CliError::new(Exit::InputOutput, error))?;
    let summary = ended.map_err(|error| super::ingest::pipeline_error(&error))?;
    tracing::info!(records = summary.records, events = summary.events, bad_records = summary.bad_records, "stopped");
    match failed {
        None => Ok(Exit::Match),
        Some(error) => Err(super::ingest::pipeline_error(&error)),
    }
}

pub(super) async fn listen(address: SocketAddr) -> Result<tokio::net::TcpListener, CliError> {
    let bound = tokio::net::TcpListener::bind(address).await;
    bound.map_err(|error| CliError::new(Exit::InputOutput, crate::serve::ServeError::Listen { address, error }))
}

/// Resolves when somebody asks to stop. What is asked counts from this call on, not from the first wait: whoever has been greeted can stop in good order.
pub(super) fn asked_to_stop() -> impl Future<Output = ()> {
    use tokio::signal::unix::{Signal, SignalKind, signal};
    async fn came(signal: std::io::Result<Signal>) {
        match signal {
            Ok(mut signal) => {
                let _asked = signal.recv().await;
            }
            // It ends the process as it does by default.
            Err(_) => std::future::pending().await,
        }
    }
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async move {
        tokio::select! {
            () = came(interrupt) => {}
            () = came(terminate) => {}
        }
    }
}

/// Says where everything is, and what can be asked right now.
fn greet(config: &Config, address: SocketAddr, engine: &Engine) {
    let trailer = engine.trailer();
    say(format_args!(
        "deponent {} serves {} at {}://{address}",
        env!("CARGO_PKG_VERSION"),
        Safe(&config.store.display().to_string()),
        if config.access.tls.is_some() { "https" } else { "http" }
    ));
    say(format_args!("{} log entries, {} of them indexed", trailer.size, trailer.indexed));
    for tail in &config.tail {
        say(format_args!("  follows {}", Safe(&tail.paths.join(", "))));
    }
    say(format_args!("\nAsk from a second terminal, in this folder, while it runs:"));
    let plain = config.store == Config::default().store;
    let store = if plain { String::new() } else { format!(" --store {}", Safe(&config.store.display().to_string())) };
    for (question, why) in QUESTIONS {
        say(format_args!("  cargo run --release -q -- {question}{store}\n      {why}"));
    }
    say(format_args!(""));
}

/// Questions that the shipped samples answer.
const QUESTIONS: &[(&str, &str)] = &[
    ("search 'what:exec' -o text", "who opened a shell in which pod?"),
    ("timeline 'key:audit-docker'", "who touched /var/lib/docker, under which login?"),
    ("top who 'outcome:denied'", "who was refused most often?"),
];
