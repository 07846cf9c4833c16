//! `doctor`: which checks are made, of a node or a collector, and how they are shown.
//!
//! Not here: the checks (`doctor`).

mod args;
mod show;

pub use args::{DoctorArgs, HELP};

use super::args::Global;
use super::exit::{CliError, Exit};
use crate::agent::ask_collector;
use crate::config::{AgentConfig, Config, ConfigError, KERNEL_AUDIT, Tail};
use crate::doctor::{self, Check, Group, Host, Side};
use crate::evidence::StoreOptions;
use crate::model::{Moment, RecordKind};
use crate::source::audit_status;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A folder that is followed needs no more; the index of a collector does.
const STORE_BYTES: u64 = 1 << 30;

/// What was found, and whether evidence is not what it should be.
#[derive(Default)]
struct Findings {
    groups: Vec<Group>,
    broken: bool,
}

impl Findings {
    fn add(&mut self, title: &'static str, checks: Vec<Check>) {
        if !checks.is_empty() {
            self.groups.push(Group { title, checks });
        }
    }
}

/// Looks, and says what to change.
pub fn run(global: &Global, args: &DoctorArgs) -> Result<Exit, CliError> {
    if global.server.is_some() {
        return Err(CliError::usage("doctor looks at this machine: run it where the collector runs"));
    }
    let (host, now) = (Host::this(), crate::time::now());
    let mut found = Findings::default();
    let agent = agent_toml(global, args);
    let tails = match &agent {
        Some(path) => node(&mut found, path, args, &host, now),
        None => collector(&mut found, global, &host, now),
    };
    let is_kernel =
        |tail: &Tail| tail.kind == Some(RecordKind::Auditd) || tail.paths.iter().any(|path| path == KERNEL_AUDIT);
    if agent.is_some() || tails.iter().any(is_kernel) {
        machine(&mut found, &host, &tails);
    }
    found.add("API server", api_server(&host, args.policy.as_deref(), &tails, agent.is_some()));
    show::show(global, &found.groups)?;
    let failed = found.groups.iter().flat_map(|group| &group.checks).any(|check| check.state == doctor::State::Fail);
    Ok(match (found.broken, failed) {
        (true, _) => Exit::Integrity,
        (false, true) => Exit::Incomplete,
        (false, false) => Exit::Match,
    })
}

/// The agent's configuration, where it is one's that is asked about.
fn agent_toml(global: &Global, args: &DoctorArgs) -> Option<PathBuf> {
    if args.agent {
        return Some(global.config.clone().unwrap_or(PathBuf::from("agent.toml")));
    }
    let path = global.config.clone()?;
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let is_agent = match text.parse::<toml::Table>() {
        Ok(table) => table.contains_key("collector"),
        Err(_) => path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("agent")),
    };
    is_agent.then_some(path)
}

fn configuration<C>(path: &Path, read: Result<C, ConfigError>, whose: impl FnOnce(&C) -> String) -> (Option<C>, Check) {
    let name = "configuration";
    match read {
        Ok(config) => {
            let seen = format!("{}: {}", path.display(), whose(&config));
            (Some(config), Check { name, state: doctor::State::Ok, seen, advice: None })
        }
        Err(error) => {
            let advice = match &error {
                ConfigError::Read { .. } => format!("--config FILE; ls -l {}", path.display()),
                _ => format!("correct it in {}", path.display()),
            };
            (None, Check::fail(name, error.to_string(), advice))
        }
    }
}

fn node(found: &mut Findings, path: &Path, args: &DoctorArgs, host: &Host, now: Moment) -> Vec<Tail> {
    let own_name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = args.node.as_deref().unwrap_or(own_name.trim());
    let read = AgentConfig::read(path, Some(name));
    let (config, check) = configuration(path, read, |config| format!("an agent of {}/{}", config.cluster, config.node));
    found.add("configuration", vec![check]);
    let Some(config) = config else {
        found.add("clock", clock(host, &[]));
        return Vec::new();
    };
    let mut read = doctor::followed(host, &config.tail);
    read.push(doctor::cgroups(host));
    found.add("what is read", read);
    let side = Side::Agent { cluster: &config.cluster, node: &config.node };
    found.add("certificates", doctor::certificates(&config.tls, side, now));
    let answer = ask_collector(&config, Duration::from_secs(args.timeout.into()), crate::time::now);
    let kept = std::fs::read_to_string(config.state.join("collector")).ok();
    let to = format!("https://{}:{}", config.host, config.port);
    let mut reached = vec![doctor::collector(&to, &answer, config.collector_key.as_deref().or(kept.as_deref()))];
    let mut clocks = clock(host, &config.tail);
    if let Ok(greeting) = &answer {
        clocks.push(doctor::skew(greeting.date.as_deref(), greeting.before, greeting.after));
    }
    reached.push(doctor::spool(&config.state.join("spool"), config.spool_bytes, now));
    found.add("collector", reached);
    found.add("clock", clocks);
    found.add("limits", vec![doctor::inotify(host, &config.tail), doctor::open_files(host, &config.tail, 0, None)]);
    let room = doctor::room_of(&config.state);
    found.add(
        "disk",
        vec![
            doctor::room("room of the spool", &config.state, &room, config.spool_bytes),
            doctor::private("folder of key and spool", &config.state, host.uid),
        ],
    );
    config.tail
}

fn collector(found: &mut Findings, global: &Global, host: &Host, now: Moment) -> Vec<Tail> {
    let path = global.config.clone().or_else(|| Some(PathBuf::from("config.toml")).filter(|path| path.exists()));
    let config = match &path {
        None => Some(Config::default()),
        Some(path) => {
            let (config, check) = configuration(path, Config::read(path), |_| "a collector".to_owned());
            found.add("configuration", vec![check]);
            config
        }
    };
    let mut config = config.unwrap_or_default();
    if let Some(store) = &global.store {
        config.store.clone_from(store);
    }
    if !config.tail.is_empty() {
        found.add("what is read", doctor::followed(host, &config.tail));
    }
    let own = doctor::own_check(&StoreOptions::new(config.store.clone()), host.uid);
    found.broken = own.broken;
    let holder = own.holder;
    found.add("store", own.checks);
    let room = doctor::room_of(&config.store);
    found.add("disk", vec![doctor::room("room of the store", &config.store, &room, STORE_BYTES)]);
    let mut ports: Vec<(&'static str, SocketAddr)> = vec![("port of questions", config.listen)];
    ports.extend(config.agents.iter().map(|door| ("port of agents", door.listen)));
    ports.extend(config.doors.iter().map(|door| (door.protocol.name(), door.listen)));
    found.add("ports", ports.into_iter().map(|(name, address)| doctor::door(name, address, holder)).collect());
    let files =
        config.agents.iter().map(|door| &door.tls).chain(config.doors.iter().filter_map(|door| door.tls.as_ref()));
    let mut seen = Vec::new();
    for files in files {
        if !seen.contains(&files) {
            seen.push(files);
            found.add("certificates", doctor::certificates(files, Side::Server, now));
        }
    }
    found.add("clock", clock(host, &config.tail));
    let connections = config.doors.iter().map(|door| u64::try_from(door.limits.connections).unwrap_or(u64::MAX));
    let connections = connections.fold(64, u64::saturating_add);
    let pid = holder.map(|holder| holder.pid);
    let mut limits = vec![doctor::open_files(host, &config.tail, connections, pid)];
    if !config.tail.is_empty() {
        limits.push(doctor::inotify(host, &config.tail));
    }
    found.add("limits", limits);
    config.tail
}

fn clock(host: &Host, tails: &[Tail]) -> Vec<Check> {
    let timedatectl = doctor::asked("timedatectl", &["show", "-p", "NTPSynchronized", "--value"]);
    let chronyc = doctor::asked("chronyc", &["-c", "tracking"]);
    vec![doctor::synchronised(&timedatectl, &chronyc), doctor::zone(host, tails)]
}

/// What a node's kernel and services record.
fn machine(found: &mut Findings, host: &Host, tails: &[Tail]) {
    let cmdline = std::fs::read_to_string("/proc/cmdline").unwrap_or_default();
    let mut kernel = doctor::kernel(&audit_status(), &cmdline);
    kernel.extend(doctor::loaded(host, &doctor::asked("auditctl", &["-l"])));
    kernel.push(doctor::auditd_conf(host));
    found.add("kernel audit", kernel);
    let mut logs = vec![doctor::rotation(host, tails), doctor::containerd(host)];
    logs.extend(doctor::kubelet(host));
    found.add("logs of the node", logs);
}

fn api_server(host: &Host, policy: Option<&Path>, tails: &[Tail], is_agent: bool) -> Vec<Check> {
    let mut checks = Vec::new();
    let server = match doctor::manifest(host) {
        Ok(server) => server,
        Err(why) => {
            checks.push(Check::unknown("manifest of kube-apiserver", why, "as root on the node"));
            None
        }
    };
    if let Some(server) = &server {
        checks.extend(doctor::of_flags(server, tails));
    }
    let text = match (policy, &server) {
        (Some(path), _) => Some(
            std::fs::read_to_string(path)
                .map_err(|error| Check::fail("audit policy", format!("{}: {error}", path.display()), "--policy FILE")),
        ),
        (None, Some(server)) => Some(doctor::policy_of_manifest(host, server)),
        (None, None) => None,
    };
    match text {
        Some(Ok(text)) => checks.extend(doctor::policy(&text)),
        Some(Err(check)) => checks.push(check),
        None if checks.is_empty() && is_agent => checks.push(Check::unknown(
            "audit policy",
            "no manifest of kube-apiserver here: not a node of the control plane, or it is run otherwise",
            "on a node of the control plane, or --policy FILE",
        )),
        None => {}
    }
    checks
}
