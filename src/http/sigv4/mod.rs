//! AWS Signature Version 4, the server's side, for the service `k2v`.
//!
//! A request is verified in two steps, because its body arrives after its head:
//!
//! ```text
//! head ─▶ authenticate ─▶ Authenticated { key, payload }     who signed, and what the body must be
//! body ─▶ payload.check ─▶ Ok                                 only now may anything be read from the body
//! ```
//!
//! Laws:
//! - The path is signed as it came, encoded once more; nothing is normalised, nothing is decoded.
//! - Every header that this server acts on (`host`, `x-amz-*`, `x-garage-*`) is covered by the signature.
//! - An unknown key and a wrong signature cannot be told apart, neither by the answer nor by the work done.
//! - Whatever the client sends: no panic, no work beyond what the HTTP parser's own limits on the head allow.

mod canonical;
mod credentials;
mod date;
mod encode;
mod error;
mod head;
mod limits;
mod payload;
mod query;
mod signing_key;
#[cfg(test)]
mod tests;

pub use error::{MalformedPart, SigV4Error};
pub use head::{HeaderSource, RequestHead};
pub use payload::PayloadCheck;

use canonical::{CanonicalParts, check_all_signed};
use credentials::{ALGORITHM, Claim, SERVICE, TERMINATOR};
use date::AmzDate;
use encode::push_hex;
use head::Headers;
use query::CanonicalQuery;
use sha2::{Digest, Sha256};
use signing_key::{Signer, signing_key};
use std::cell::Cell;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// What the verification needs to know about this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierConfig {
    /// The region that requests must be signed for (`s3_region`).
    pub region: String,
    /// How far a request's date may be from the server's clock, either way; whole seconds count.
    pub clock_window: Duration,
}

/// An access key, as far as verification needs it.
pub trait AccessKey {
    /// The secret, as the client holds it.
    fn secret(&self) -> &str;
}

impl<K: AccessKey + ?Sized> AccessKey for std::sync::Arc<K> {
    fn secret(&self) -> &str {
        (**self).secret()
    }
}

impl<K: AccessKey + ?Sized> AccessKey for &K {
    fn secret(&self) -> &str {
        (**self).secret()
    }
}

/// A request whose head was signed with a key that exists.
#[derive(Debug)]
pub struct Authenticated<K> {
    /// The key that signed, as the lookup gave it.
    pub key: K,
    /// What the body must be.
    pub payload: PayloadCheck,
}

/// Verifies the head of a request. `now_unix_s` is the server's clock in seconds since 1970, UTC; `lookup` finds
/// an access key by its id and is called at most once, after everything cheaper has been checked.
///
/// # Errors
/// Each variant of [`SigV4Error`] but `PayloadMismatch`; nothing has happened then.
pub fn authenticate<H: HeaderSource + ?Sized, K: AccessKey>(
    head: &RequestHead<'_, H>,
    now_unix_s: i64,
    config: &VerifierConfig,
    lookup: impl FnOnce(&str) -> Option<K>,
) -> Result<Authenticated<K>, SigV4Error> {
    let mut scratch = SCRATCH.take();
    let outcome = verify(head, now_unix_s, config, lookup, &mut scratch);
    scratch.keep();
    outcome
}

fn verify<H: HeaderSource + ?Sized, K: AccessKey>(
    head: &RequestHead<'_, H>,
    now_unix_s: i64,
    config: &VerifierConfig,
    lookup: impl FnOnce(&str) -> Option<K>,
    scratch: &mut Scratch,
) -> Result<Authenticated<K>, SigV4Error> {
    let mut headers = Headers::collect(head.headers)?;
    scratch.query.read(head.raw_query)?;
    let claim = match (headers.authorization, scratch.query.is_presigned()) {
        (Some(authorization), false) => Claim::from_header(authorization, headers.date)?,
        (None, true) => Claim::from_query(&scratch.query)?,
        (Some(_), true) => return Err(SigV4Error::CredentialsTwice),
        (None, false) => return Err(SigV4Error::NoCredentials),
    };
    let key_id = claim.key_id_in_scope(&config.region)?;
    claim.check_clock(now_unix_s, config.clock_window)?;
    let (payload, payload_hash) = PayloadCheck::parse(headers.payload_hash, claim.expires_s.is_some())?;

    let parts = CanonicalParts {
        method: head.method,
        raw_path: head.raw_path,
        query: &scratch.query,
        signed_headers: &claim.signed_headers,
        payload_hash,
    };
    parts.write(&mut headers, &mut scratch.canonical)?;
    check_all_signed(&headers)?;
    let request_hash = Sha256::digest(&scratch.canonical).into();
    // The canonical request is not needed any more, so its buffer takes the next text.
    write_string_to_sign(&mut scratch.canonical, &claim.date, &config.region, SERVICE, &request_hash);

    let key = lookup(key_id);
    let is_right = matches_signature(key.as_ref(), key_id, &claim, &config.region, &scratch.canonical);
    match key {
        Some(key) if is_right => Ok(Authenticated { key, payload }),
        Some(_) | None => Err(SigV4Error::AccessDenied),
    }
}

/// Compares in constant time. An unknown key costs the same HMAC, under a secret that no client has.
fn matches_signature<K: AccessKey>(
    key: Option<&K>,
    key_id: &str,
    claim: &Claim<'_>,
    region: &str,
    string_to_sign: &[u8],
) -> bool {
    let (key_id, secret) = match key {
        Some(key) => (key_id, key.secret()),
        None => ("", NOBODYS_SECRET),
    };
    let signer = Signer { key_id, secret, day: claim.date.day(), region };
    let expected = signing_key(&signer).sign(string_to_sign);
    bool::from(expected.ct_eq(&claim.signature))
}

/// As long as a real secret. Signing with it opens nothing: without a key there is nobody to authenticate as.
const NOBODYS_SECRET: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn write_string_to_sign(
    out: &mut Vec<u8>,
    date: &AmzDate,
    region: &str,
    service: &str,
    request_hash: &[u8; 32],
) {
    out.clear();
    for part in [ALGORITHM.as_bytes(), b"\n", date.text(), b"\n", &date.day()] {
        out.extend_from_slice(part);
    }
    for part in ["/", region, "/", service, "/", TERMINATOR, "\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    push_hex(out, request_hash);
}

/// Buffers that one thread uses for one request after the other.
#[derive(Default)]
struct Scratch {
    query: CanonicalQuery,
    canonical: Vec<u8>,
}

thread_local! {
    /// Taken out while in use, so a lookup that verifies another request finds an empty one instead of a panic.
    static SCRATCH: Cell<Scratch> = Cell::default();
}

impl Scratch {
    fn keep(self) {
        if self.canonical.capacity() + self.query.bytes_kept() <= limits::SCRATCH_BYTES_KEPT_MAX {
            SCRATCH.set(self);
        }
    }
}
