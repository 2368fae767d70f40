//! Clients that add members to a set together: read, merge what was read, write it with the token.

use super::Book;
use crate::caller::{Caller, call};
use crate::history::{Set, Values};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

const PK: &str = "sets";

/// So many members to a set: its value stays short enough to be written often.
const MEMBERS_MAX: usize = 400;

pub(super) struct Adder {
    sk: String,
    name: String,
    added: usize,
    set: Arc<Mutex<Set>>,
}

impl Adder {
    pub(super) fn new(number: usize, adder: usize, set: &Arc<Mutex<Set>>) -> Adder {
        Adder {
            sk: format!("set-{number}"),
            name: format!("{number}.{adder}"),
            added: 0,
            set: Arc::clone(set),
        }
    }

    /// Reads the set at a node, and checks it against what was promised before.
    fn read(&self, caller: &mut Caller, node: IpAddr) -> Option<(Option<String>, Values)> {
        let promised = self.set().promised();
        let shown = caller.read(node, PK, &self.sk)?;
        let members: Values =
            shown.values.iter().flat_map(|value| value.split(' ')).map(str::to_owned).collect();
        let result = self.set().check(&promised, &members);
        caller.findings.check(&format!("{PK}/{} at {node}", self.sk), result);
        Some((shown.token, members))
    }

    fn set(&self) -> std::sync::MutexGuard<'_, Set> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book for Adder {
    fn turn(&mut self, caller: &mut Caller) {
        let node = caller.pick();
        let Some((token, mut members)) = self.read(caller, node) else { return };
        if self.added >= MEMBERS_MAX {
            return;
        }
        let member = format!("{}.{}", self.name, self.added);
        self.added += 1;
        self.set().begin(&member);
        members.insert(member.clone());
        let body = members.into_iter().collect::<Vec<_>>().join(" ");
        let mut request = call("PUT", PK, &[("sort_key", &self.sk)]).with_body(body);
        if let Some(token) = token {
            request = request.with("x-garage-causality-token", &token);
        }
        let node = caller.pick();
        let answer = caller.call(node, request);
        let outcome = caller.outcome(&format!("{PK}/{} at {node}", self.sk), answer.as_ref());
        self.set().end(&member, outcome);
    }

    fn check(&mut self, caller: &mut Caller, node: IpAddr, _: bool) -> Option<()> {
        self.read(caller, node).map(|_| ())
    }
}
