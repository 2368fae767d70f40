//! Every parser of bytes that come from outside, each behind a function that takes any bytes: what the fuzz targets and the
//! property tests call. None may panic, loop, or accept what is forged.
//!
//! The first line of the input, where a parser takes several parts, is one part; the next line is the next.

use crate::config::Config;
use crate::http::k2v::doors as k2v;
use crate::http::sigv4::{
    AccessKey, Authentication, HeaderSource, RequestHead, VerifierConfig, authenticate,
};
use std::collections::BTreeMap;
use std::path::Path;
use troupe_actors::causality::{Item, TokenKey};
use troupe_actors::control::ControlState;
use troupe_actors::ids::{BucketId, PartitionHash};
use troupe_actors::transport::take_bytes_of_a_peer;

#[cfg(test)]
mod tests;

const BUCKET: BucketId = BucketId([7; 32]);
const PARTITION: PartitionHash = PartitionHash([7; 16]);

fn token_key() -> TokenKey {
    TokenKey::new(&[7; 32])
}

struct Key;

impl AccessKey for Key {
    fn secret(&self) -> &'static str {
        "b892c0665f0ada8a4755dae98baa3b133590e11dae3bcc1f9d769d67f16c3835"
    }
}

struct Lines<'a>(Vec<(String, &'a [u8])>);

impl HeaderSource for Lines<'_> {
    fn visit<'a>(&'a self, mut visit: impl FnMut(&'a str, &'a [u8])) {
        for (name, value) in &self.0 {
            visit(name, value);
        }
    }
}

/// A signed request: method, path, query, then headers, a line each.
///
/// # Panics
/// If a request is let in: signing one takes the secret.
pub fn signature(input: &[u8]) {
    let mut lines = input.split(|byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let [method, raw_path, raw_query] = [line(), line(), line()].map(|line| String::from_utf8_lossy(line));
    let headers = lines
        .filter_map(|line| {
            let at = line.iter().position(|byte| *byte == b':')?;
            Some((String::from_utf8_lossy(&line[..at]).to_ascii_lowercase(), line[at + 1..].trim_ascii()))
        })
        .collect();
    let headers = Lines(headers);
    let head = RequestHead { method: &method, raw_path: &raw_path, raw_query: &raw_query, headers: &headers };
    let config =
        VerifierConfig { region: "garage".to_owned(), clock_window: std::time::Duration::from_secs(900) };
    let is_let_in = match authenticate(&head, 1_763_596_800, &config, |_| Some(Key)) {
        Ok(Authentication::Proven(_)) => true,
        Ok(Authentication::Unproven(unproven)) => unproven.prove(input).is_ok(),
        Err(_) => false,
    };
    assert!(!is_let_in, "a forged signature was accepted");
}

/// An item as it is stored and sent.
///
/// # Panics
/// If an item that was read is written as another one.
pub fn item(input: &[u8]) {
    let Some(item) = Item::decode(input) else { return };
    let again = item.encode();
    assert_eq!(Item::decode(&again).as_ref(), Some(&item), "what was read is written as it was");
    let context = item.token_context();
    assert!(item.is_covered_by(&context));
    let mut merged = item.clone();
    merged.merge(&item);
    assert_eq!(merged, item, "merging with itself changes nothing");
    let _ = (item.values(), item.is_tombstone(), item.sibling_count());
}

/// A causality token and a seen marker.
///
/// # Panics
/// If one is opened that was not sealed.
pub fn sealed(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    assert!(token_key().open_token(PARTITION, "sk", &text).is_err(), "a forged token was opened");
    assert!(token_key().open_marker(PARTITION, &text).is_err(), "a forged marker was opened");
}

/// The bodies of the batch calls and of PollRange.
pub fn body(input: &[u8]) {
    k2v::parse_bodies(input, BUCKET, &token_key());
}

/// A request line's path and query, and an `Accept` header, a line each.
pub fn request_line(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    k2v::parse_request_line(line(), line(), line());
}

/// A configuration file.
pub fn config(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    // Its outcome is a configuration or an error that can be shown; both have been made when this returns.
    let outcome = Config::parse(Path::new("troupe.toml"), &text, &BTreeMap::new());
    let _ = outcome.map(|config| format!("{config:?}")).map_err(|error| error.to_string());
}

/// What another node sends over a link after its hello.
pub fn frames(input: &[u8]) {
    take_bytes_of_a_peer(input);
}

/// Rows of the control tables: keys and values by turns, a line each.
///
/// # Panics
/// If rows that were read are written as other ones.
pub fn control_rows(input: &[u8]) {
    let lines: Vec<_> = input.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let rows: Vec<_> =
        lines.as_chunks::<2>().0.iter().map(|[key, value]| (key.clone(), value.clone())).collect();
    let Ok(state) = ControlState::from_rows(&rows) else { return };
    let again = ControlState::from_rows(&state.to_rows());
    assert!(again.is_ok_and(|again| again == state), "what was read is written as it was");
}
