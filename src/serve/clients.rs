//! How much each client asks: questions at once, questions a second, streams; who came when, who was refused how often.
//!
//! All of it is bounded: whoever has not been seen for a while is forgotten. Not here: who a client is (`access`).

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Questions of one client that are answered at once.
const AT_ONCE: usize = 8;
/// Streams of `/v1/tail` of one client.
const TAILS: usize = 16;
/// Questions of one client a second, over time.
const PER_SECOND: f64 = 100.0;
/// Questions that it may ask at once after a pause.
const BURST: f64 = 200.0;
/// Clients that are remembered.
const CLIENTS_MAX: usize = 4_096;
/// For how long.
const REMEMBERED: Duration = Duration::from_secs(3_600);
/// Refusals of one address within `WINDOW` that are told one by one.
const REFUSALS: u64 = 5;
/// Over which they are counted.
const WINDOW: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Client {
    questions: usize,
    tails: usize,
    /// Questions that it may still ask at once.
    left: f64,
    seen: Instant,
    login: Option<Instant>,
}

#[derive(Debug)]
struct Refused {
    since: Instant,
    count: u64,
}

#[derive(Debug, Default)]
struct Known {
    clients: HashMap<String, Client>,
    refused: HashMap<IpAddr, Refused>,
}

/// What is known of clients.
#[derive(Debug, Clone, Default)]
pub struct Clients(Arc<Mutex<Known>>);

/// What a client takes, until it is dropped.
#[derive(Debug)]
pub struct Place {
    clients: Clients,
    client: String,
    tail: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut known = self.clients.known();
        if let Some(client) = known.clients.get_mut(&self.client) {
            let taken = if self.tail { &mut client.tails } else { &mut client.questions };
            *taken = taken.saturating_sub(1);
        }
    }
}

impl Clients {
    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a question, or for a stream; none where the client has as many as it may have, or asks too often. `limited`: it may not ask as often as it likes.
    pub fn place(&self, name: &str, tail: bool, limited: bool) -> Option<Place> {
        let mut known = self.known();
        let client = known.client(name);
        let elapsed = client.seen.elapsed().as_secs_f64();
        client.seen = Instant::now();
        client.left = elapsed.mul_add(PER_SECOND, client.left).min(BURST);
        let (taken, most) = if tail { (&mut client.tails, TAILS) } else { (&mut client.questions, AT_ONCE) };
        if *taken >= most || (limited && client.left < 1.0) {
            return None;
        }
        *taken += 1;
        client.left -= 1.0;
        Some(Place { clients: self.clone(), client: name.to_owned(), tail })
    }

    /// Whether a client comes for the first time, or again after a long while.
    pub fn comes(&self, name: &str) -> bool {
        let mut known = self.known();
        let client = known.client(name);
        let new = client.login.is_none_or(|login| login.elapsed() >= REMEMBERED);
        if new {
            client.login = Some(Instant::now());
        }
        new
    }

    /// Counts a refusal: whether it is told by itself.
    pub fn refused(&self, from: IpAddr) -> bool {
        let mut known = self.known();
        // Beyond so many addresses, the others count as one.
        let from = if known.refused.len() >= CLIENTS_MAX && !known.refused.contains_key(&from) {
            IpAddr::from([0, 0, 0, 0])
        } else {
            from
        };
        let refused = known.refused.entry(from).or_insert(Refused { since: Instant::now(), count: 0 });
        refused.count += 1;
        refused.count <= REFUSALS
    }

    /// Addresses whose time is over (or all), with the refusals that nobody was told of.
    pub fn untold(&self, all: bool) -> Vec<(IpAddr, u64)> {
        let mut untold = Vec::new();
        self.known().refused.retain(|from, refused| {
            let over = all || refused.since.elapsed() >= WINDOW;
            if over && refused.count > REFUSALS {
                untold.push((*from, refused.count - REFUSALS));
            }
            !over
        });
        untold
    }
}

impl Known {
    fn client(&mut self, name: &str) -> &mut Client {
        if self.clients.len() >= CLIENTS_MAX && !self.clients.contains_key(name) {
            let busy = |client: &Client| client.questions > 0 || client.tails > 0;
            self.clients.retain(|_, client| busy(client) || client.seen.elapsed() < WINDOW);
            if self.clients.len() >= CLIENTS_MAX {
                // Their limits begin anew, and their logins are told again.
                self.clients.retain(|_, client| busy(client));
            }
        }
        let new = || Client { questions: 0, tails: 0, left: BURST, seen: Instant::now(), login: None };
        self.clients.entry(name.to_owned()).or_insert_with(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_so_many_questions_at_once() {
        let clients = Clients::default();
        let places: Vec<_> = (0..AT_ONCE).map(|_| clients.place("a", false, true).unwrap()).collect();
        assert!(clients.place("a", false, true).is_none());
        assert!(clients.place("b", false, true).is_some(), "others are not in its way");
        assert!(clients.place("a", true, true).is_some(), "nor are its streams");
        drop(places);
        assert!(clients.place("a", false, true).is_some());
    }

    #[test]
    fn a_client_that_asks_too_often_is_told_to_wait() {
        let clients = Clients::default();
        let answered = (0..1_000).filter(|_| clients.place("a", false, true).is_some()).count();
        assert!((200..1_000).contains(&answered), "{answered}");
        assert!((0..1_000).all(|_| clients.place("b", false, false).is_some()));
    }

    #[test]
    fn refusals_are_counted_and_memory_is_bounded() {
        let clients = Clients::default();
        let told = (0..100).filter(|_| clients.refused([10, 0, 0, 1].into())).count();
        assert_eq!(told, 5);
        for number in 0..20_000_u32 {
            let number = number.to_be_bytes();
            clients.refused(IpAddr::from(number));
            clients.comes(&format!("{number:?}"));
        }
        assert!(clients.known().refused.len() <= CLIENTS_MAX + 1 && clients.known().clients.len() <= CLIENTS_MAX);
        let untold: u64 = clients.untold(true).into_iter().map(|(_, count)| count).sum();
        assert!(untold >= 95, "{untold}");
        assert!(clients.untold(true).is_empty());
        assert!(clients.comes("x") && !clients.comes("x"));
    }
}
