//! Clients that poll through any node. In the end each must have been shown the state that everybody else sees.

use super::Book;
use crate::caller::{Caller, call, sorted};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

const TIMEOUT_SECONDS: u64 = 2;

/// A poll in the end, when nobody writes any more, waits no longer for nothing to come.
const LAST_TIMEOUT_SECONDS: u64 = 1;

/// What was shown is not shown for ever: so many polls are enough to be told everything once nobody writes.
const LAST_POLLS_MAX: usize = 40;

pub(super) struct OfRange {
    pk: String,
    shown: BTreeMap<String, Vec<Option<String>>>,
    marker: Value,
    is_done: bool,
}

impl OfRange {
    pub(super) fn new(pk: String) -> OfRange {
        OfRange { pk, shown: BTreeMap::new(), marker: Value::Null, is_done: false }
    }

    /// Asks once, and tells whether anything came.
    fn ask(&mut self, caller: &mut Caller, node: IpAddr, timeout: u64) -> Option<bool> {
        let body = json!({ "seenMarker": self.marker, "timeout": timeout });
        let request = call("SEARCH", &self.pk, &[("poll_range", "")]).with_body(body.to_string());
        let answer = caller.call_within(node, request, Duration::from_secs(timeout + 6))?;
        match answer.status {
            304 => return Some(false),
            200 => {}
            // The marker is too old: all of it, once more.
            400 if answer.json()["code"] == "SeenMarkerExpired" => {
                self.marker = Value::Null;
                return Some(true);
            }
            _ => return caller.excuse(&format!("poll of {} at {node}", self.pk), &answer),
        }
        let page = answer.json();
        for item in page["items"].as_array().into_iter().flatten() {
            self.shown.insert(item["sk"].as_str().unwrap_or_default().to_owned(), sorted(&item["v"]));
        }
        self.marker = page["seenMarker"].clone();
        Some(true)
    }
}

impl Book for OfRange {
    fn turn(&mut self, caller: &mut Caller) {
        let node = caller.pick();
        // A node that cannot answer is asked another time.
        let _ = self.ask(caller, node, TIMEOUT_SECONDS);
    }

    fn check(&mut self, caller: &mut Caller, node: IpAddr, _: bool) -> Option<()> {
        if !self.is_done {
            let mut polls = 0;
            while self.ask(caller, node, LAST_TIMEOUT_SECONDS)? {
                polls += 1;
                if polls > LAST_POLLS_MAX {
                    caller.findings.add(format!("a poll of {} at {node} shows the same for ever", self.pk));
                    break;
                }
            }
        }
        let truth = caller.list(node, &self.pk, "")?;
        self.is_done = true;
        for (sk, values) in &truth {
            if self.shown.get(sk) != Some(values) {
                let (shown, pk) = (self.shown.get(sk), &self.pk);
                caller.findings.add(format!(
                    "a follower of {pk} was last shown {shown:?} of {sk}, and {node} holds {values:?}"
                ));
            }
        }
        Some(())
    }
}

pub(super) struct OfItem {
    pk: &'static str,
    sk: String,
    /// The token and the values that were shown last.
    shown: Option<(String, Vec<Option<String>>)>,
    is_done: bool,
}

impl OfItem {
    pub(super) fn new(pk: &'static str, sk: String) -> OfItem {
        OfItem { pk, sk, shown: None, is_done: false }
    }

    /// Reads, or polls with the token of the last time; tells whether anything came.
    fn ask(&mut self, caller: &mut Caller, node: IpAddr, timeout: u64) -> Option<bool> {
        let seconds = timeout.to_string();
        let mut query = vec![("sort_key", self.sk.as_str())];
        if let Some((token, _)) = &self.shown {
            query.extend([("causality_token", token.as_str()), ("timeout", &seconds)]);
        }
        let request = call("GET", self.pk, &query).with("accept", "application/json");
        let answer = caller.call_within(node, request, Duration::from_secs(timeout + 6))?;
        match answer.status {
            304 | 404 => Some(false),
            200 => {
                self.shown = Some((answer.token(), sorted(&answer.json())));
                Some(true)
            }
            _ => caller.excuse(&format!("poll of {}/{} at {node}", self.pk, self.sk), &answer),
        }
    }
}

impl Book for OfItem {
    fn turn(&mut self, caller: &mut Caller) {
        let node = caller.pick();
        // A node that cannot answer is asked another time.
        let _ = self.ask(caller, node, TIMEOUT_SECONDS);
    }

    fn check(&mut self, caller: &mut Caller, node: IpAddr, _: bool) -> Option<()> {
        if !self.is_done {
            let mut polls = 0;
            while self.ask(caller, node, LAST_TIMEOUT_SECONDS)? && polls < LAST_POLLS_MAX {
                polls += 1;
            }
        }
        let truth = caller.read(node, self.pk, &self.sk)?;
        self.is_done = true;
        let shown: Vec<_> = self.shown.iter().flat_map(|(_, values)| values).flatten().cloned().collect();
        if !shown.iter().eq(&truth.values) {
            let (pk, sk, held) = (self.pk, &self.sk, truth.values.len());
            caller.findings.add(format!("a follower of {pk}/{sk} was not shown the {held} values of {node}"));
        }
        Some(())
    }
}
