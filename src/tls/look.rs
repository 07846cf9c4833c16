//! What a certificate says of itself, and whether it comes from an authority: for whoever looks after them.
//!
//! Not here: connections, which check the same by themselves (`tls`).

use super::files::{Files, TlsError, certificates};
use super::name::peer_name;
use crate::model::Moment;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A certificate, as far as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Whom it names, as `peer_name` has it.
    pub name: Option<String>,
    /// Hosts and addresses that it is for.
    pub hosts: Vec<String>,
    /// From when it is valid.
    pub not_before: Moment,
    /// Until when.
    pub not_after: Moment,
}

/// Describes all certificates of a file, in order.
///
/// # Errors
/// A file without one, or with one that is malformed.
pub fn describe(path: &Path) -> Result<Vec<Described>, TlsError> {
    let mut described = Vec::new();
    for der in certificates(path)? {
        let (_, certificate) = X509Certificate::from_der(&der)
            .map_err(|error| TlsError::unfit(path, &format!("no certificate: {error}")))?;
        let names = certificate.subject_alternative_name().ok().flatten();
        let names = names.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
        let hosts = names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        });
        let validity = certificate.validity();
        let moment = |seconds: i64| Moment { nanos: seconds.saturating_mul(1_000_000_000), digits: 0 };
        described.push(Described {
            name: peer_name(&der),
            hosts: hosts.collect(),
            not_before: moment(validity.not_before.timestamp()),
            not_after: moment(validity.not_after.timestamp()),
        });
    }
    Ok(described)
}

fn address(bytes: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let address = four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
    address.ok().map(|address| address.to_string())
}

/// Whether the certificate comes from the authority beside it. `host`: as a server's of that name; else as a client's.
///
/// # Errors
/// Files that cannot be read; what does not fit, for people.
pub fn comes_from_authority(files: &Files, host: Option<&str>, now: Moment) -> Result<(), String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let roots = Arc::new(files.roots().map_err(|error| said(&error))?);
    let chain = files.chain().map_err(|error| said(&error))?;
    let Some((own, between)) = chain.split_first() else { return Err("no certificate".to_owned()) };
    let now = UnixTime::since_unix_epoch(Duration::from_nanos(u64::try_from(now.nanos).unwrap_or(0)));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    match host {
        None => {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
            let verifier = verifier.map_err(|error| said(&error))?;
            verifier.verify_client_cert(own, between, now).map_err(|error| said(&error))?;
        }
        Some(host) => {
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
            let verifier = verifier.map_err(|error| said(&error))?;
            let host = ServerName::try_from(host).map_err(|error| said(&error))?;
            verifier.verify_server_cert(own, between, &host, &[], now).map_err(|error| said(&error))?;
        }
    }
    Ok(())
}
