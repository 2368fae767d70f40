//! The servers of a client: one, or several nodes of one cluster.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::endpoint::Endpoint;
use crate::error::InvalidArgument;
use crate::health::Health;

/// The endpoints in order of preference, and which of them are healthy. Clones of a client share what they know.
#[derive(Debug)]
pub(crate) struct Endpoints {
    all: Vec<Endpoint>,
    health: Mutex<Health>,
}

/// One endpoint, chosen for one attempt.
pub(crate) struct Chosen<'a> {
    pub(crate) endpoint: &'a Endpoint,
    index: usize,
}

impl Endpoints {
    /// One URL, or several with commas between them.
    pub(crate) fn parse(list: &str) -> Result<Self, InvalidArgument> {
        let all: Vec<_> =
            list.split(',').map(|text| Endpoint::parse(text.trim())).collect::<Result<_, _>>()?;
        Ok(Self { health: Mutex::new(Health::new(all.len())), all })
    }

    pub(crate) fn is_any_tls(&self) -> bool {
        self.all.iter().any(|endpoint| endpoint.is_tls)
    }

    /// The endpoint that the next attempt is likely to go to.
    pub(crate) fn preferred(&self) -> &Endpoint {
        &self.all[self.health().preferred(Instant::now())]
    }

    /// Chooses the endpoint for an attempt, whose outcome is then reported.
    pub(crate) fn choose(&self) -> Chosen<'_> {
        let index = self.health().choose(Instant::now());
        Chosen { endpoint: &self.all[index], index }
    }

    pub(crate) fn succeeded(&self, chosen: &Chosen<'_>) {
        self.health().succeeded(chosen.index);
    }

    /// The endpoint did not answer. Says whether a repeat has another one to go to.
    pub(crate) fn failed(&self, chosen: &Chosen<'_>) -> bool {
        let now = Instant::now();
        let mut health = self.health();
        health.failed(chosen.index, now);
        health.has_eligible(now)
    }

    /// Nothing panics while it holds the lock, and a list of states is never half changed.
    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_commas_between_urls() {
        let hosts = |list| {
            let endpoints = Endpoints::parse(list).unwrap();
            endpoints.all.iter().map(|endpoint| endpoint.as_str().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(hosts("http://a:1"), ["http://a:1"]);
        assert_eq!(hosts("http://a:1, https://b,http://c:3"), ["http://a:1", "https://b", "http://c:3"]);
        assert!(Endpoints::parse("http://a:1,https://b").unwrap().is_any_tls());
        for list in ["", ",", "http://a:1,", "http://a:1 http://b:2", "http://a:1,b:2"] {
            assert!(Endpoints::parse(list).is_err(), "{list:?}");
        }
    }
}
