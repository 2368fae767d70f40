//! Whether a signature is right, once the payload hash is known.

use super::credentials::{ALGORITHM, SERVICE, TERMINATOR};
use super::date::AmzDate;
use super::encode::push_hex;
use super::error::SigV4Error;
use super::signing_key::SigningKey;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A signature and everything it covers, except for the payload hash, which ends the canonical request.
#[derive(Clone)]
pub(super) struct Proof<'a> {
    /// Has taken in the canonical request up to the payload hash.
    pub(super) canonical: Sha256,
    pub(super) date: AmzDate,
    pub(super) region: &'a str,
    pub(super) key: SigningKey,
    pub(super) signature: [u8; 32],
}

impl Proof<'_> {
    /// Whether the signature is right for this payload hash. Compares in constant time; `buffer` is overwritten.
    pub(super) fn holds_for(&self, payload_hash: &[u8], buffer: &mut Vec<u8>) -> bool {
        let canonical = self.canonical.clone().chain_update(payload_hash).finalize().into();
        write_string_to_sign(buffer, &self.date, self.region, SERVICE, &canonical);
        bool::from(self.key.clone().sign(buffer).ct_eq(&self.signature))
    }
}

/// A request whose head is in order and names a key that exists, but whose signature covers the hash of a body that
/// has not been read. Anybody who knows a key id can send one.
#[must_use = "nothing is proven before the body is there"]
pub struct Unproven<'a, K> {
    pub(super) key: K,
    pub(super) proof: Box<Proof<'a>>,
}

impl<K> Unproven<'_, K> {
    /// The key that signed the request, if this is the body that was signed.
    ///
    /// # Errors
    /// [`SigV4Error::AccessDenied`]: a wrong secret and another body cannot be told apart.
    pub fn prove(self, body: &[u8]) -> Result<K, SigV4Error> {
        let (mut payload_hash, mut buffer) = (Vec::with_capacity(64), Vec::with_capacity(256));
        push_hex(&mut payload_hash, &Sha256::digest(body).into());
        let is_right = self.proof.holds_for(&payload_hash, &mut buffer);
        if is_right { Ok(self.key) } else { Err(SigV4Error::AccessDenied) }
    }
}

pub(super) fn write_string_to_sign(
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
