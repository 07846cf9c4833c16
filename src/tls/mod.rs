//! TLS 1.3: certificates from files, read again when they change; the name in a peer's certificate.
//!
//! Inside: what a server and a client of ours need, `files` (PEM, and when it changed), `name` (SAN URIs), `look` (what certificates say of themselves). Not here: connections (`serve::listen`, `agent::wire`), making certificates
//! (`cli::pki`), who may do what (`serve::access`).

mod files;
mod look;
mod name;

pub use files::{Files, TlsError};
pub use look::{Described, comes_from_authority, describe};
pub use name::{AgentName, expiry, peer_name};

use rustls::client::WebPkiServerVerifier;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often it is looked whether the files have changed, at most.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const VERSIONS: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// Whether clients show a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    /// All must, and it must be the authority's.
    Required,
    /// Who has none may have a token; without an authority, none is asked for.
    Optional,
}

/// A configuration that is made again when its files change. What is made from broken files is not used: the last good one stays, and the log says so.
struct Reloading<C> {
    files: Files,
    make: Make<C>,
    now: Mutex<Now<C>>,
}

type Make<C> = Box<dyn Fn(&Files) -> Result<C, TlsError> + Send + Sync>;

struct Now<C> {
    config: Arc<C>,
    stamp: files::Stamp,
    looked: Instant,
}

impl<C> Reloading<C> {
    fn open(
        files: Files,
        make: impl Fn(&Files) -> Result<C, TlsError> + Send + Sync + 'static,
    ) -> Result<Reloading<C>, TlsError> {
        let stamp = files.stamp();
        let config = Arc::new(make(&files)?);
        let now = Mutex::new(Now { config, stamp, looked: Instant::now() });
        Ok(Reloading { files, make: Box::new(make), now })
    }

    fn config(&self) -> Arc<C> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if now.looked.elapsed() < LOOK_EVERY {
            return Arc::clone(&now.config);
        }
        now.looked = Instant::now();
        let stamp = self.files.stamp();
        if stamp != now.stamp {
            match (self.make)(&self.files) {
                Ok(config) => {
                    tracing::info!(cert = %self.files.cert.display(), "certificates were read again");
                    (now.config, now.stamp) = (Arc::new(config), stamp);
                }
                // It is tried again: files are replaced one after the other.
                Err(error) => {
                    tracing::warn!(%error, "certificates changed, but cannot be used; the last good ones stay")
                }
            }
        }
        Arc::clone(&now.config)
    }
}

/// The server's side.
pub struct ServerTls(Reloading<ServerConfig>);

impl ServerTls {
    /// With certificate, key and the authority of clients.
    ///
    /// # Errors
    /// Files that cannot be read or do not fit each other.
    pub fn open(files: Files, clients: Clients) -> Result<ServerTls, TlsError> {
        let make = move |files: &Files| {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let unfit = |error: &dyn std::fmt::Display| TlsError::unfit(&files.ca, error);
            let verifier = if clients == Clients::Optional && files.ca.as_os_str().is_empty() {
                WebPkiClientVerifier::no_client_auth()
            } else {
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(files.roots()?), Arc::clone(&provider));
                let verifier = match clients {
                    Clients::Required => verifier,
                    Clients::Optional => verifier.allow_unauthenticated(),
                };
                verifier.build().map_err(|error| unfit(&error))?
            };
            let mut config = ServerConfig::builder_with_provider(provider)
                .with_protocol_versions(VERSIONS)
                .map_err(|error| unfit(&error))?
                .with_client_cert_verifier(verifier)
                .with_single_cert(files.chain()?, files.secret()?)
                .map_err(|error| TlsError::unfit(&files.cert, &error))?;
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            // A ticket would outlive a certificate that was taken away.
            config.send_tls13_tickets = 0;
            Ok(config)
        };
        Ok(ServerTls(Reloading::open(files, make)?))
    }

    /// The present configuration.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.0.config()
    }
}

/// The client's side.
pub struct ClientTls(Reloading<ClientConfig>);

impl ClientTls {
    /// With certificate, key and the authority of the server; `protocols` as ALPN names them.
    ///
    /// # Errors
    /// Files that cannot be read or do not fit each other.
    pub fn open(files: Files, protocols: &'static [&'static [u8]]) -> Result<ClientTls, TlsError> {
        let make = move |files: &Files| {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let roots: Arc<RootCertStore> = Arc::new(files.roots()?);
            let unfit = |error: &dyn std::fmt::Display| TlsError::unfit(&files.ca, error);
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
            let verifier = verifier.build().map_err(|error| unfit(&error))?;
            let builder = ClientConfig::builder_with_provider(provider)
                .with_protocol_versions(VERSIONS)
                .map_err(|error| unfit(&error))?
                .with_webpki_verifier(verifier);
            let config = if files.has_certificate() {
                builder.with_client_auth_cert(files.chain()?, files.secret()?)
            } else {
                Ok(builder.with_no_client_auth())
            };
            let mut config = config.map_err(|error| TlsError::unfit(&files.cert, &error))?;
            config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
            Ok(config)
        };
        Ok(ClientTls(Reloading::open(files, make)?))
    }

    /// The present configuration.
    pub fn config(&self) -> Arc<ClientConfig> {
        self.0.config()
    }
}
