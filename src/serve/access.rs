//! Who a request comes from, and what they may ask: a token, a certificate, whoever can read the store, or nobody in particular on this machine.
//!
//! Inside: `Access` (what a collector knows of that), `Caller` (who it is). Not here: tokens' file (`access`), what is kept of a request (`record`), routes (`session`).

use super::clients::Clients;
use super::error::Problem;
use super::listen::Peer;
use super::record::Recorder;
use crate::access::{Standing, Tokens, sight};
use crate::config::{AccessConfig, Grant, Role};
use crate::model::Moment;
use crate::query::Sight;
use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// The file in a store's folder that holds the running collector's own token: who can read the store can read it.
const LOCAL: &str = "access/local";

/// By what somebody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum By {
    /// A token.
    Token,
    /// A certificate.
    Certificate,
    /// Being able to read the store's files.
    Local,
    /// Nothing.
    Anonymous,
}

impl By {
    fn name(self) -> &'static str {
        match self {
            By::Token => "token",
            By::Certificate => "certificate",
            By::Local => "local",
            By::Anonymous => "anonymous",
        }
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// By what they are known.
    pub by: By,
    /// Their name; nobody's where they are anonymous.
    pub name: Option<String>,
    /// The id of the token.
    pub credential: Option<String>,
    /// What they may do.
    pub grant: Arc<Grant>,
    /// What they may see.
    pub sight: Arc<Sight>,
    /// Where they are.
    pub peer: Peer,
}

impl Caller {
    /// What tells one client from another.
    pub fn client(&self) -> String {
        let name = self.credential.as_deref().or(self.name.as_deref()).unwrap_or("");
        let uid = self.peer.uid.map(|uid| uid.to_string()).unwrap_or_default();
        format!("{}/{name}/{}/{uid}", self.by.name(), self.peer.address.ip())
    }

    /// What the access log says of them.
    pub fn told(&self) -> Map<String, Value> {
        let mut told = Map::new();
        told.extend(self.name.as_ref().map(|name| ("who".to_owned(), name.as_str().into())));
        told.insert("by".to_owned(), self.by.name().into());
        told.extend(self.credential.as_ref().map(|id| ("credential".to_owned(), id.as_str().into())));
        told.extend(from(&self.peer));
        told.insert("roles".to_owned(), self.grant.names().into());
        told
    }

    /// Refuses whoever has none of these roles.
    pub fn needs(&self, roles: &[Role]) -> Result<(), Problem> {
        if roles.iter().any(|role| self.grant.has(*role)) {
            return Ok(());
        }
        let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
        Err(Problem::foreign(format!("this takes the role {}; yours: {}", names.join(" or "), self.grant.names())))
    }
}

/// Where somebody is, as the access log has it.
pub fn from(peer: &Peer) -> Map<String, Value> {
    let mut told = Map::new();
    told.insert("from".to_owned(), peer.address.ip().to_canonical().to_string().into());
    told.insert("port".to_owned(), peer.address.port().into());
    told.extend(peer.uid.map(|uid| ("uid".to_owned(), uid.into())));
    told
}

type Granted = (Arc<Grant>, Arc<Sight>);

fn granted(grant: Grant) -> Granted {
    let sight = Arc::new(sight(&grant));
    (Arc::new(grant), sight)
}

/// What a collector knows of who may ask.
pub struct Access {
    tokens: Tokens,
    named: RwLock<Arc<Named>>,
    local: Local,
    /// How much each of them asks.
    pub clients: Clients,
    /// Where it is kept.
    pub recorder: Recorder,
}

/// Who may ask, as the configuration names them.
struct Named {
    certificates: BTreeMap<String, Granted>,
    anonymous: Option<Granted>,
}

impl Named {
    fn of(config: &AccessConfig) -> Arc<Named> {
        let certificates = config.certificates.iter().map(|one| (one.name.clone(), granted(one.grant()))).collect();
        let anonymous = Grant { roles: config.anonymous.clone(), ..Grant::default() };
        let anonymous = Some(anonymous).filter(|grant| !grant.roles.is_empty()).map(granted);
        Arc::new(Named { certificates, anonymous })
    }
}

/// The collector's own token, for whoever can read the store.
pub struct Local {
    path: PathBuf,
    hash: [u8; 32],
    granted: Granted,
}

impl Access {
    /// As configured, for a store.
    pub fn open(config: &AccessConfig, store: &Path, recorder: Recorder, local: Local) -> Access {
        let named = RwLock::new(Named::of(config));
        Access { tokens: Tokens::of(store), named, local, clients: Clients::default(), recorder }
    }

    /// As configured anew: who is not named any more is refused from now on, and streams of theirs end.
    pub fn configure(&self, config: &AccessConfig) {
        *self.named.write().unwrap_or_else(PoisonError::into_inner) = Named::of(config);
    }

    fn named(&self) -> Arc<Named> {
        Arc::clone(&self.named.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Who a request comes from. `plain`: by a loopback address, without TLS.
    ///
    /// # Errors
    /// Nobody who may ask, and why. What is told does not say whether a token exists.
    pub fn caller(&self, headers: &HeaderMap, peer: &Peer, plain: bool, now: Moment) -> Result<Caller, Denied> {
        let caller = |by, name, credential, (grant, sight): Granted| Caller {
            by,
            name,
            credential,
            grant,
            sight,
            peer: peer.clone(),
        };
        let mut given = headers.get_all(header::AUTHORIZATION).iter();
        if let Some(value) = given.next() {
            if given.next().is_some() {
                return Err(Denied::new("several Authorization headers", None));
            }
            let token = value.to_str().ok().and_then(|text| text.split_once(' '));
            let token =
                token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
            let Some(token) = token else { return Err(Denied::new("no bearer token", None)) };
            if plain && self.local.is(token) {
                return Ok(caller(By::Local, Some("local".to_owned()), None, self.local.granted.clone()));
            }
            return match self.tokens.find(token, now) {
                Some((known, Standing::Valid)) => {
                    Ok(caller(By::Token, Some(known.name), Some(known.id), granted(known.grant)))
                }
                Some((known, Standing::Expired)) => Err(Denied::new("an expired token", Some((known.name, known.id)))),
                Some((known, Standing::Revoked)) => Err(Denied::new("a revoked token", Some((known.name, known.id)))),
                None => Err(Denied::new("an unknown token", None)),
            };
        }
        if let Some(name) = &peer.name {
            let known = self.named().certificates.get(name).cloned();
            let known = known.map(|granted| caller(By::Certificate, Some(name.clone()), None, granted));
            return known.ok_or_else(|| {
                Denied::new("a certificate that no `access.certificate` names", Some((name.clone(), String::new())))
            });
        }
        match &self.named().anonymous {
            Some(granted) if plain => Ok(caller(By::Anonymous, None, None, granted.clone())),
            _ => Err(Denied::new("neither a token nor a certificate", None)),
        }
    }

    /// Whether somebody who was let in still would be.
    pub fn still(&self, caller: &Caller, now: Moment) -> bool {
        let now_is = |named: Option<&Granted>| named.is_some_and(|(grant, _)| *grant == caller.grant);
        let named = self.named();
        let Some(id) = &caller.credential else {
            return match caller.by {
                By::Certificate => now_is(caller.name.as_ref().and_then(|name| named.certificates.get(name))),
                By::Anonymous => now_is(named.anonymous.as_ref()),
                By::Local | By::Token => true,
            };
        };
        self.tokens.all().iter().any(|token| token.id == *id && token.standing(now) == Standing::Valid)
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        // A token of a collector that is gone opens nothing.
        let _left = std::fs::remove_file(&self.local.path);
    }
}

impl Local {
    /// Makes it and writes it into the store's folder, which must be this process's own by then.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(store: &Path) -> std::io::Result<Local> {
        let path = &store.join(LOCAL);
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| std::io::Error::other(error.to_string()))?;
        let token = data_encoding::BASE32_NOPAD.encode(&secret).to_ascii_lowercase();
        let dir = path.parent().unwrap_or(path);
        std::fs::create_dir_all(dir)?;
        let new = path.with_extension("new");
        // Another one's permissions would stay.
        let _none = std::fs::remove_file(&new);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        writeln!(file, "{token}")?;
        std::fs::rename(&new, path)?;
        let hash = Sha256::digest(token.as_bytes()).into();
        Ok(Local { path: path.to_owned(), hash, granted: granted(Grant::all()) })
    }

    fn is(&self, token: &str) -> bool {
        Sha256::digest(token.as_bytes()).as_slice() == self.hash
    }
}

/// The token of the collector that serves a store, for one who can read it.
pub fn local_token(store: &Path) -> Option<String> {
    let text = std::fs::read_to_string(store.join(LOCAL)).ok()?;
    let token = text.trim_end();
    (token.len() == 52).then(|| token.to_owned())
}

/// Why somebody was not let in; for the access log.
#[derive(Debug)]
pub struct Denied {
    /// What they showed.
    pub what: &'static str,
    /// Name and id, where what they showed is somebody's.
    pub whose: Option<(String, String)>,
}

impl Denied {
    fn new(what: &'static str, whose: Option<(String, String)>) -> Denied {
        Denied { what, whose }
    }
}
