//! A client that signs: plain strings, sharing no code with the verification. It signs whatever it is told to,
//! right or wrong.

use super::super::{
    AccessKey, Authenticated, Authentication, HeaderSource, PayloadCheck, RequestHead, SigV4Error,
    VerifierConfig, authenticate,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::time::Duration;

pub(super) const KEY_ID: &str = "GK3515373e4c851ebaad366558";
pub(super) const SECRET: &str = "7d37d093435a41f2aab8f13c19ba067d9776c90215f56614adad6ece597dbb34";
pub(super) const REGION: &str = "garage";
pub(super) const DATE: &str = "20260314T150926Z";
pub(super) const NOW_S: i64 = 1_773_500_966;
pub(super) const WINDOW_S: u64 = 900;

/// A request as it goes over the wire, header names in lower case.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

impl HeaderSource for Vec<(String, Vec<u8>)> {
    fn visit<'a>(&'a self, mut visit: impl FnMut(&'a str, &'a [u8])) {
        for (name, value) in self {
            visit(name, value);
        }
    }
}

impl Request {
    pub(super) fn new(method: &str, path: &str, query: &str, body: &[u8]) -> Self {
        let headers = vec![("host".to_owned(), b"k2v.example:3904".to_vec())];
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: body.to_vec(),
        }
    }

    /// The insert that most tests begin with.
    pub(super) fn insert() -> Self {
        Self::new("PUT", "/bucket/partition", "sort_key=sort", b"the value")
            .with("x-garage-causality-token", "token")
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(present, _)| present != name);
        self
    }

    pub(super) fn with_query(mut self, more: &str) -> Self {
        self.query = if self.query.is_empty() { more.to_owned() } else { format!("{}&{more}", self.query) };
        self
    }

    /// Replaces text in every header and in the query, as someone on the way could.
    pub(super) fn tampered(mut self, from: &str, to: &str) -> Self {
        let before = (self.query.clone(), self.headers.clone());
        self.query = self.query.replace(from, to);
        for (_, value) in &mut self.headers {
            *value = String::from_utf8_lossy(value).replace(from, to).into_bytes();
        }
        assert_ne!(before, (self.query.clone(), self.headers.clone()), "'{from}' is not in the request");
        self
    }

    pub(super) fn signed(self, how: &Signing<'_>) -> Self {
        let payload = how.payload.map_or_else(|| hex::encode(Sha256::digest(&self.body)), str::to_owned);
        let request = self.with("x-amz-date", how.date);
        let request =
            if how.states_payload { request.with("x-amz-content-sha256", &payload) } else { request };
        let names = how.signed_names(&request);
        let signature = how.signature(&request, &names, &payload);
        let credential = how.credential();
        request.with(
            "authorization",
            &format!(
                "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
            ),
        )
    }

    pub(super) fn presigned(self, how: &Signing<'_>, expires: &str) -> Self {
        let names = how.signed_names(&self);
        let credential = how.credential().replace('/', "%2F");
        let request = self.with_query(&format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={}&X-Amz-Expires={expires}\
             &X-Amz-SignedHeaders={}",
            how.date,
            names.replace(';', "%3B"),
        ));
        let signature = how.signature(&request, &names, how.payload.unwrap_or("UNSIGNED-PAYLOAD"));
        request.with_query(&format!("X-Amz-Signature={signature}"))
    }

    pub(super) fn verify(&self) -> Result<Authenticated<Key>, SigV4Error> {
        self.verify_at(NOW_S)
    }

    /// The whole way, with the body where it is needed.
    pub(super) fn verify_at(&self, now_s: i64) -> Result<Authenticated<Key>, SigV4Error> {
        self.verify_head(now_s, |authentication| match authentication {
            Authentication::Proven(authenticated) => Ok(authenticated),
            Authentication::Unproven(unproven) => {
                let payload = PayloadCheck::Sha256(Sha256::digest(&self.body).into());
                unproven.prove(&self.body).map(|key| Authenticated { key, payload })
            }
        })?
    }

    pub(super) fn needs_its_body(&self) -> Result<bool, SigV4Error> {
        self.verify_head(NOW_S, |authentication| matches!(authentication, Authentication::Unproven(_)))
    }

    fn verify_head<T>(
        &self,
        now_s: i64,
        then: impl FnOnce(Authentication<'_, Key>) -> T,
    ) -> Result<T, SigV4Error> {
        let head = RequestHead {
            method: &self.method,
            raw_path: &self.path,
            raw_query: &self.query,
            headers: &self.headers,
        };
        let config =
            VerifierConfig { region: REGION.to_owned(), clock_window: Duration::from_secs(WINDOW_S) };
        authenticate(&head, now_s, &config, |id| (id == KEY_ID).then_some(Key)).map(then)
    }
}

/// The only key there is.
#[derive(Debug)]
pub(super) struct Key;

impl AccessKey for Key {
    fn secret(&self) -> &str {
        SECRET
    }
}

/// How to sign; [`Signing::RIGHT`] with some fields changed is how to sign wrongly.
#[derive(Clone, Copy)]
pub(super) struct Signing<'a> {
    pub(super) key_id: &'a str,
    pub(super) secret: &'a str,
    pub(super) date: &'a str,
    pub(super) day: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) terminator: &'a str,
    /// What `x-amz-content-sha256` says instead of the body's hash.
    pub(super) payload: Option<&'a str>,
    /// Whether there is an `x-amz-content-sha256`.
    pub(super) states_payload: bool,
    /// What `SignedHeaders` says instead of all headers.
    pub(super) names: Option<&'a str>,
}

impl Signing<'_> {
    pub(super) const RIGHT: Signing<'static> = Signing {
        key_id: KEY_ID,
        secret: SECRET,
        date: DATE,
        day: "20260314",
        region: REGION,
        service: "k2v",
        terminator: "aws4_request",
        payload: None,
        states_payload: true,
        names: None,
    };

    fn credential(&self) -> String {
        [self.key_id, self.day, self.region, self.service, self.terminator].join("/")
    }

    fn signed_names(&self, request: &Request) -> String {
        let mut names: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        self.names.map_or_else(|| names.join(";"), str::to_owned)
    }

    fn signature(&self, request: &Request, names: &str, payload: &str) -> String {
        let mut canonical =
            format!("{}\n{}\n{}\n", request.method, encoded_path(&request.path), sorted(&request.query));
        for name in names.split(';') {
            let values = request.headers.iter().filter(|(present, _)| present == name);
            let values: Vec<_> = values.map(|(_, value)| String::from_utf8_lossy(value)).collect();
            writeln!(canonical, "{name}:{}", values.join(",")).expect("a string takes everything");
        }
        write!(canonical, "\n{names}\n{payload}").expect("a string takes everything");
        let scope = [self.day, self.region, self.service, self.terminator].join("/");
        let hash = hex::encode(Sha256::digest(canonical));
        let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{hash}", self.date);
        let key = [self.day, self.region, self.service, self.terminator]
            .iter()
            .fold(format!("AWS4{}", self.secret).into_bytes(), |key, part| hmac(&key, part));
        hex::encode(hmac(&key, &to_sign))
    }
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes any key");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn encoded_path(path: &str) -> String {
    path.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a string takes everything");
        }
        out
    })
}

/// The tests of this client write their queries in canonical encoding, so sorting is all that is left.
fn sorted(query: &str) -> String {
    let segments = query.split('&').filter(|segment| !segment.is_empty());
    let mut pairs: Vec<_> = segments.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    pairs.sort_unstable();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}
