//! AWS Signature Version 4, the server's side, for the service `k2v`.
//!
//! A request is verified in two steps, because its body arrives after its head:
//!
//! ```text
//! head ─▶ authenticate ─┬▶ Proven { key, payload }           who signed, and what the body must be
//! body ─────────────────┼─▶ payload.check ─▶ Ok               only now may anything be parsed from the body
//!                       │
//!                       └▶ Unproven                          nothing states the payload hash
//! body ───────────────────▶ prove ─▶ key                     only now is it known who signed
//! ```
//!
//! Laws:
//! - The path is signed as it came, encoded once more; nothing is normalised, nothing is decoded.
//! - Every header that decides about authentication (`host`, `x-amz-*`) is covered by the signature.
//! - An unknown key and a wrong signature get the same answer for the same work, so keys cannot be enumerated. One who
//!   knows a key id already can see that it exists: only then is a long body awaited whose hash is not stated.
//! - Whatever the client sends: no panic, no work beyond what the HTTP parser's own limits on the head allow.

mod canonical;
mod credentials;
mod date;
mod encode;
mod error;
mod head;
mod limits;
mod payload;
mod proof;
mod query;
mod signing_key;
#[cfg(test)]
mod tests;

pub use error::{MalformedPart, SigV4Error};
pub use head::{HeaderSource, RequestHead};
pub use payload::PayloadCheck;
pub use proof::Unproven;

use canonical::{CanonicalParts, check_all_signed};
use credentials::Claim;
pub(crate) use encode::escapes_are_complete;
use head::Headers;
use payload::UNSIGNED_PAYLOAD;
use proof::Proof;
use query::CanonicalQuery;
use sha2::{Digest, Sha256};
use signing_key::{Signer, signing_key};
use std::cell::Cell;
use std::time::Duration;

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

/// What the head of a request proves.
pub enum Authentication<'a, K> {
    /// The signature is right.
    Proven(Authenticated<K>),
    /// Whether it is right can be said once the body is there.
    Unproven(Unproven<'a, K>),
}

/// A request that was signed with a key that exists.
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
pub fn authenticate<'a, H: HeaderSource + ?Sized, K: AccessKey>(
    head: &RequestHead<'_, H>,
    now_unix_s: i64,
    config: &'a VerifierConfig,
    lookup: impl FnOnce(&str) -> Option<K>,
) -> Result<Authentication<'a, K>, SigV4Error> {
    let mut scratch = SCRATCH.take();
    let outcome = verify(head, now_unix_s, config, lookup, &mut scratch);
    scratch.keep();
    outcome
}

fn verify<'a, H: HeaderSource + ?Sized, K: AccessKey>(
    head: &RequestHead<'_, H>,
    now_unix_s: i64,
    config: &'a VerifierConfig,
    lookup: impl FnOnce(&str) -> Option<K>,
    scratch: &mut Scratch,
) -> Result<Authentication<'a, K>, SigV4Error> {
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
    let stated = headers.payload_hash.map(PayloadCheck::parse).transpose()?;

    let parts = CanonicalParts {
        method: head.method,
        raw_path: head.raw_path,
        query: &scratch.query,
        signed_headers: &claim.signed_headers,
    };
    parts.write(&mut headers, &mut scratch.canonical)?;
    check_all_signed(&headers)?;

    let key = lookup(key_id);
    let proof = Proof {
        canonical: Sha256::new_with_prefix(&scratch.canonical),
        date: claim.date,
        region: &config.region,
        key: signing_key(&signer(key.as_ref(), key_id, &claim, &config.region)),
        signature: claim.signature,
    };
    // An unsigned payload is tried first where nothing is stated: it needs no body.
    let (payload, payload_hash) = stated.unwrap_or((PayloadCheck::Unsigned, UNSIGNED_PAYLOAD));
    let may_be_unsigned = stated.is_some() || claim.expires_s.is_some();
    // The canonical request is not needed any more, so its buffer takes the next text.
    let is_right = proof.holds_for(payload_hash, &mut scratch.canonical);
    match key {
        Some(key) if is_right && may_be_unsigned => {
            Ok(Authentication::Proven(Authenticated { key, payload }))
        }
        Some(key) if stated.is_none() => {
            Ok(Authentication::Unproven(Unproven { key, proof: Box::new(proof) }))
        }
        Some(_) | None => Err(SigV4Error::AccessDenied),
    }
}

/// An unknown key costs the same HMACs, under a secret that no client has.
fn signer<'a, K: AccessKey>(
    key: Option<&'a K>,
    key_id: &'a str,
    claim: &Claim<'_>,
    region: &'a str,
) -> Signer<'a> {
    let (key_id, secret) = match key {
        Some(key) => (key_id, key.secret()),
        None => ("", NOBODYS_SECRET),
    };
    Signer { key_id, secret, day: claim.date.day(), region }
}

/// As long as a real secret. Signing with it opens nothing: without a key there is no identity to authenticate as.
const NOBODYS_SECRET: &str = "0000000000000000000000000000000000000000000000000000000000000000";

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
