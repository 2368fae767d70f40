use crate::ids::{ActorId, PartitionHash};
use crate::mutation::{Mutation, is_on};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// The cluster's key that seals causality tokens and seen markers: what a client hands in was issued by this cluster,
/// so client input never advances a clock and never fills an item with actors that do not exist.
///
/// Sealed bytes are `mac u64, (actor u64, time u64)*`, big-endian, actors ascending; on the wire base64url without
/// padding. The MAC is HMAC-SHA256 truncated to 64 bits (RFC 2104, section 5): a forger has no oracle but this server,
/// and 2^63 requests to try.
#[derive(Clone)]
pub struct TokenKey {
    /// Keyed once, cloned per seal: it saves two of four compressions.
    keyed: Hmac<Sha256>,
    /// What other keys of this cluster sealed is opened, too.
    others: Arc<[Hmac<Sha256>]>,
}

/// What a MAC is for: the same bytes never pass for the other kind.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Token,
    Marker,
}

/// What sealed text belongs to: it is refused anywhere else.
///
/// `partition hash [16]`, and for an item `length u64 ‖ sort key`, stand before the body in what the MAC covers, so no
/// sort key runs into the body. The hash stands for bucket and partition key: items of two partitions with one hash would
/// be one row of the store, so a seal over the full names would bind no tighter.
#[derive(Clone, Copy)]
pub(super) struct Binding<'a> {
    pub(super) partition: PartitionHash,
    /// `None`: all items of the partition.
    pub(super) sort_key: Option<&'a str>,
}

/// Sealed text that this cluster did not issue.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SealError {
    TooLong,
    Alphabet,
    Length,
    Mac,
}

const MAC_BYTES: usize = 8;
const PAIR_BYTES: usize = 16;

impl TokenKey {
    /// Takes the key of the control plane.
    pub fn new(key: &[u8; 32]) -> TokenKey {
        TokenKey { keyed: keyed(key), others: Arc::new([]) }
    }

    /// Has it also open what these keys sealed.
    #[must_use]
    pub fn opening<'k>(self, others: impl Iterator<Item = &'k [u8; 32]>) -> TokenKey {
        TokenKey { others: others.map(keyed).collect(), ..self }
    }

    pub(super) fn seal(&self, purpose: Purpose, binding: Binding<'_>, pairs: &[(ActorId, u64)]) -> String {
        let mut bytes = Vec::with_capacity(MAC_BYTES + pairs.len() * PAIR_BYTES);
        bytes.extend_from_slice(&[0; MAC_BYTES]);
        for (actor, time) in pairs {
            bytes.extend_from_slice(&actor.0.to_be_bytes());
            bytes.extend_from_slice(&time.to_be_bytes());
        }
        let mac = mac(&self.keyed, purpose, binding, &bytes[MAC_BYTES..]);
        bytes[..MAC_BYTES].copy_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(super) fn open(
        &self,
        purpose: Purpose,
        binding: Binding<'_>,
        bytes_max: usize,
        text: &str,
    ) -> Result<Vec<(ActorId, u64)>, SealError> {
        if text.len() > bytes_max.div_ceil(3) * 4 {
            return Err(SealError::TooLong);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| SealError::Alphabet)?;
        let (mac, body) = bytes.split_first_chunk::<MAC_BYTES>().ok_or(SealError::Length)?;
        let (pairs, rest) = body.as_chunks::<PAIR_BYTES>();
        if !rest.is_empty() {
            return Err(SealError::Length);
        }
        let mut keys = std::iter::once(&self.keyed).chain(&*self.others);
        if !keys.any(|key| bool::from(self::mac(key, purpose, binding, body).ct_eq(mac))) {
            return Err(SealError::Mac);
        }
        Ok(pairs.iter().map(read_pair).collect())
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    // HMAC pads a short key with zeros to the block of its hash.
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    Hmac::new(&block.into())
}

fn mac(key: &Hmac<Sha256>, purpose: Purpose, binding: Binding<'_>, body: &[u8]) -> [u8; MAC_BYTES] {
    let mut mac = key.clone();
    mac.update(match purpose {
        Purpose::Token => b"t",
        Purpose::Marker => b"m",
    });
    let is_unbound = is_on(Mutation::TokenOfAnotherItemAccepted) && matches!(purpose, Purpose::Token);
    let binding =
        if is_unbound { Binding { partition: PartitionHash([0; 16]), sort_key: None } } else { binding };
    mac.update(&binding.partition.0);
    if let Some(sort_key) = binding.sort_key {
        mac.update(&(sort_key.len() as u64).to_be_bytes());
        mac.update(sort_key.as_bytes());
    }
    mac.update(body);
    let full = mac.finalize().into_bytes();
    let mut truncated = [0; MAC_BYTES];
    truncated.copy_from_slice(&full[..MAC_BYTES]);
    truncated
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(secret)")
    }
}

fn read_pair(pair: &[u8; PAIR_BYTES]) -> (ActorId, u64) {
    let (mut actor, mut time) = ([0; 8], [0; 8]);
    actor.copy_from_slice(&pair[..8]);
    time.copy_from_slice(&pair[8..]);
    (ActorId(u64::from_be_bytes(actor)), u64::from_be_bytes(time))
}
