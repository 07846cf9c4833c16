//! A collector with doors, and made clients for them: HTTP, TLS, bare sockets.
//!
//! Not here: what is tested (`doors`, `doors_streams`).

use crate::harness::Scratch;
use crate::live::{BOUND, Collector, let_in};
use deponent::evidence::{Entry, Reader};
use deponent::model::RecordRef;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;

/// A running collector and the addresses of its doors.
pub struct Served {
    pub collector: Collector,
    doors: HashMap<String, String>,
}

impl Served {
    /// With the tables of `doors` in its configuration.
    pub fn start(scratch: &Scratch, doors: &str) -> Served {
        let text = format!("store = 'store'\nnode = 'node-1'\ncluster = 'lab'\n{doors}");
        scratch.write("config.toml", text);
        let_in(scratch);
        let mut command = scratch.command(&["serve", "-c", "config.toml", "--listen", "127.0.0.1:0"]);
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (mut said, mut address, mut found) = (String::new(), None, HashMap::new());
        while address.is_none() || found.len() < doors.matches("listen").count() {
            let line = lines.next().unwrap_or_else(|| panic!("serve ended: {said}")).unwrap();
            said.push_str(&line);
            said.push('\n');
            if let Some((_, at)) = line.split_once(" at http://") {
                address = Some(at.trim().to_owned());
            } else if let Some((name, at)) = line.split_once(" is taken at ") {
                found.insert(name.to_owned(), at.to_owned());
            }
        }
        // Its log must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Served { collector: Collector { child, address: address.unwrap() }, doors: found }
    }

    /// A new connection to a door.
    pub fn connect(&self, door: &str) -> TcpStream {
        let stream = TcpStream::connect(&self.doors[door]).unwrap();
        stream.set_read_timeout(Some(BOUND)).unwrap();
        stream
    }

    /// Asks a door of HTTP.
    pub fn ask(&self, door: &str, method: &str, path: &str, headers: &str, body: &[u8]) -> Reply {
        ask(self.connect(door), method, path, headers, body)
    }

    /// A number of the metrics.
    pub fn metric(&self, name: &str) -> u64 {
        let (_, page) = self.collector.get("/metrics", "");
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
    }

    /// Waits until a number of the metrics is so high.
    pub fn wait_metric(&self, name: &str, wanted: u64) {
        let started = Instant::now();
        while self.metric(name) < wanted {
            assert!(started.elapsed() < BOUND, "{name} is {} instead of {wanted}", self.metric(name));
        }
    }
}

/// An answer.
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// One request on a connection.
pub fn ask(mut stream: impl Read + Write, method: &str, path: &str, headers: &str, body: &[u8]) -> Reply {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: door\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    // The server may answer before it has all of it.
    let _closed = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    reply(stream)
}

/// The answer on a connection.
pub fn reply(mut stream: impl Read) -> Reply {
    let mut answer = Vec::new();
    let _reset = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

/// The events that match, once there are so many.
pub fn wait_for(scratch: &Scratch, query: &str, count: usize) -> Vec<Value> {
    let started = Instant::now();
    loop {
        let events = scratch.search(query);
        if events.len() >= count {
            assert_eq!(events.len(), count, "{query}");
            return events;
        }
        assert!(started.elapsed() < BOUND, "{query}: {} events instead of {count}", events.len());
    }
}

/// What is in the log: entries with their records; deponent's own left out.
pub fn log(scratch: &Scratch) -> Vec<(Arc<Entry>, Vec<String>)> {
    let reader = Reader::open(&scratch.path("store")).unwrap();
    let entries = (0..reader.size()).map(|leaf| (leaf, reader.entry(leaf).unwrap()));
    let ours = entries.filter(|(_, entry)| entry.header.kind.name() != "deponent");
    ours.map(|(leaf, entry)| {
        let records = (0..entry.header.records).map(|record| reader.record(RecordRef { leaf, record }).unwrap());
        (entry, records.map(|record| String::from_utf8_lossy(&record).into_owned()).collect())
    })
    .collect()
}

/// All records in the log, in order.
pub fn records(scratch: &Scratch) -> Vec<String> {
    log(scratch).into_iter().flat_map(|(_, records)| records).collect()
}

/// Certificates: an authority, a server, a client, and a client of another authority.
pub struct Pki {
    /// Keys of a table in the configuration.
    pub table: String,
    ca: CertificateDer<'static>,
    client: (CertificateDer<'static>, Vec<u8>),
    foreign: (CertificateDer<'static>, Vec<u8>),
}

/// Which certificate a client shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    Ours,
    Foreign,
    Nothing,
}

impl Pki {
    pub fn new(scratch: &Scratch, name: &str) -> Pki {
        let authority = || {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let key = KeyPair::generate().unwrap();
            let certificate = params.self_signed(&key).unwrap();
            (certificate, Issuer::new(params, key))
        };
        let leaf = |issuer: &Issuer<'_, KeyPair>, name: &str| {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            params.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
            let key = KeyPair::generate().unwrap();
            (params.signed_by(&key, issuer).unwrap(), key)
        };
        let (ca, issuer) = authority();
        let (_, other) = authority();
        let (server, key) = leaf(&issuer, "collector");
        let path = |file: &str| -> PathBuf { scratch.path(file) };
        scratch.write("ca.pem", ca.pem());
        scratch.write("server.pem", server.pem());
        scratch.write("server.key", key.serialize_pem());
        std::fs::set_permissions(path("server.key"), PermissionsExt::from_mode(0o600)).unwrap();
        let client = |issuer| {
            let (certificate, key) = leaf(issuer, name);
            (certificate.der().clone(), key.serialize_der())
        };
        let table =
            format!("cert = {:?}\nkey = {:?}\nca = {:?}\n", path("server.pem"), path("server.key"), path("ca.pem"));
        Pki { table, ca: ca.der().clone(), client: client(&issuer), foreign: client(&other) }
    }

    /// Speaks TLS on a connection.
    pub fn over(&self, stream: TcpStream, shows: Shows) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.clone()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let with = |(certificate, key): &(CertificateDer<'static>, Vec<u8>)| {
            (vec![certificate.clone()], PrivateKeyDer::try_from(key.clone()).unwrap())
        };
        let config = match shows {
            Shows::Nothing => builder.with_no_client_auth(),
            Shows::Ours | Shows::Foreign => {
                let (chain, key) = with(if shows == Shows::Ours { &self.client } else { &self.foreign });
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        let name = ServerName::try_from("127.0.0.1").unwrap();
        StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
    }
}
