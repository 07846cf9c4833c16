//! `init pki`: a certificate authority, and certificates of a collector and its agents, for a first try.
//!
//! Not here: what they are used for (`tls`). A cluster that has its own authority uses that one: names are all that matters.

use super::args::InitPkiArgs;
use super::exit::{CliError, Exit};
use super::output::say;
use crate::render::Safe;
use crate::tls::AgentName;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const DAY_S: i64 = 86_400;
/// Clocks differ.
const EARLY_S: i64 = 3_600;

/// Makes the files; none is overwritten.
pub fn run(args: &InitPkiArgs) -> Result<Exit, CliError> {
    let dir = &args.out;
    std::fs::create_dir_all(dir).map_err(|error| CliError::io(dir.display().to_string(), &error))?;
    let days = i64::from(args.days);
    let authority = params("deponent authority", days.saturating_mul(10), |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    })?;
    let key = KeyPair::generate().map_err(made)?;
    let certificate = authority.self_signed(&key).map_err(made)?;
    let mut files =
        vec![("ca.crt".to_owned(), certificate.pem(), 0o644), ("ca.key".to_owned(), key.serialize_pem(), 0o600)];
    let issuer = Issuer::new(authority, key);
    let mut issue = |name: &str, params: CertificateParams| -> Result<(), CliError> {
        let key = KeyPair::generate().map_err(made)?;
        let certificate = params.signed_by(&key, &issuer).map_err(made)?;
        files.push((format!("{name}.crt"), certificate.pem(), 0o644));
        files.push((format!("{name}.key"), key.serialize_pem(), 0o600));
        Ok(())
    };
    let mut names = Vec::new();
    for host in &args.collector {
        names.push(match host.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(Ia5String::try_from(host.clone()).map_err(made)?),
        });
    }
    let collector = params("deponent collector", days, |params| {
        params.subject_alt_names = names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    })?;
    issue("collector", collector)?;
    let nodes =
        if args.agent.is_empty() { vec![None] } else { args.agent.iter().map(|node| Some(node.clone())).collect() };
    for node in nodes {
        let name = AgentName { cluster: args.cluster.clone(), node: node.clone() }.to_string();
        if AgentName::parse(&name).is_none() {
            return Err(CliError::usage(format!(
                "`{name}`: names of clusters and nodes have letters, digits, `-`, `.` and `_`"
            )));
        }
        let uri = SanType::URI(Ia5String::try_from(name).map_err(made)?);
        let agent = params("deponent agent", days, |params| {
            params.subject_alt_names = vec![uri];
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })?;
        issue(&node.map_or("agent".to_owned(), |node| format!("agent-{node}")), agent)?;
    }
    for name in &args.client {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'@');
        if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) || name.starts_with('.') {
            let message = format!("`{name}`: names of clients have 64 letters, digits, `-`, `.`, `_` and `@` at most");
            return Err(CliError::usage(message));
        }
        let client = params(name, days, |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })?;
        issue(&format!("client-{name}"), client)?;
    }
    let paths: Vec<PathBuf> = files.iter().map(|(name, ..)| dir.join(name)).collect();
    if let Some(path) = paths.iter().find(|path| path.exists()) {
        return Err(CliError::usage(format!("{} is there already; another --out, or remove it first", path.display())));
    }
    for ((_, text, mode), path) in files.iter().zip(&paths) {
        write(path, text, *mode).map_err(|error| CliError::io(path.display().to_string(), &error))?;
    }
    say(format_args!(
        "{} files in {}; valid for {days} days (the authority ten times as long)",
        paths.len(),
        Safe(&dir.display().to_string())
    ));
    say(format_args!(
        "keep ca.key where neither the collector nor an agent is: whoever has it can speak for every node"
    ));
    Ok(Exit::Match)
}

fn params(name: &str, days: i64, set: impl FnOnce(&mut CertificateParams)) -> Result<CertificateParams, CliError> {
    let mut params = CertificateParams::new(Vec::<String>::new()).map_err(made)?;
    params.distinguished_name.push(DnType::CommonName, name);
    let now = crate::time::now().nanos / 1_000_000_000;
    let at = |seconds: i64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    params.not_before = at(now.saturating_sub(EARLY_S));
    params.not_after = at(now.saturating_add(days.saturating_mul(DAY_S)));
    set(&mut params);
    Ok(params)
}

fn made(error: impl Display) -> CliError {
    CliError::usage(format!("a certificate could not be made: {error}"))
}

fn write(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
