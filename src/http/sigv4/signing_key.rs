//! Signing keys: one per access key, UTC day and region, remembered by each thread.
//!
//! Deriving one costs four HMACs, more than the rest of a verification. A remembered key is used only with the
//! very secret it was derived from, so a key that was deleted and imported again with another secret never
//! verifies with the old one.

use super::credentials::{SERVICE, TERMINATOR};
use super::limits::SIGNING_KEY_SLOTS;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::cell::RefCell;

/// HMAC-SHA256, its key already taken in, so that a signature costs no key schedule.
#[derive(Clone)]
pub(super) struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// The key of AWS Signature Version 4: the secret, then day, region, service and terminator.
    pub(super) fn derive(secret: &str, day: [u8; 8], region: &str, service: &str) -> Self {
        let mut prefixed = Vec::with_capacity(4 + secret.len());
        prefixed.extend_from_slice(b"AWS4");
        prefixed.extend_from_slice(secret.as_bytes());
        let mut key = keyed(&prefixed);
        for part in [&day[..], region.as_bytes(), service.as_bytes(), TERMINATOR.as_bytes()] {
            key.update(part);
            key = keyed(&key.finalize().into_bytes());
        }
        Self(key)
    }

    /// The signature of a string to sign.
    pub(super) fn sign(self, string_to_sign: &[u8]) -> [u8; 32] {
        let mut mac = self.0;
        mac.update(string_to_sign);
        mac.finalize().into_bytes().into()
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// Secret, day, region and service: what a signing key is derived from.
#[derive(Clone, Copy)]
pub(super) struct Signer<'a> {
    pub(super) key_id: &'a str,
    pub(super) secret: &'a str,
    pub(super) day: [u8; 8],
    pub(super) region: &'a str,
}

struct Slot {
    key_id: Box<str>,
    secret: Box<str>,
    day: [u8; 8],
    region: Box<str>,
    key: SigningKey,
}

impl Slot {
    /// Compares what this server itself holds, nothing that a client sent, so it need not take constant time.
    fn holds(&self, signer: &Signer<'_>) -> bool {
        self.day == signer.day
            && *self.key_id == *signer.key_id
            && *self.region == *signer.region
            && *self.secret == *signer.secret
    }
}

/// A fixed number of slots; keys that meet in one slot take turns. Which slot is not a secret and needs no defence:
/// only keys that exist get here, and losing a slot costs one derivation.
struct Cache {
    slots: Vec<Option<Slot>>,
}

impl Cache {
    fn get(&mut self, signer: &Signer<'_>) -> SigningKey {
        let slot = &mut self.slots[slot_index(signer)];
        match slot {
            Some(slot) if slot.holds(signer) => slot.key.clone(),
            Some(_) | None => {
                let key = SigningKey::derive(signer.secret, signer.day, signer.region, SERVICE);
                *slot = Some(Slot {
                    key_id: signer.key_id.into(),
                    secret: signer.secret.into(),
                    day: signer.day,
                    region: signer.region.into(),
                    key: key.clone(),
                });
                key
            }
        }
    }
}

/// FNV-1a over the end of the key id, which is random, and the day.
fn slot_index(signer: &Signer<'_>) -> usize {
    let hash = signer.key_id.bytes().chain(signer.day).fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 32) as usize % SIGNING_KEY_SLOTS
}

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::new(Cache { slots: (0..SIGNING_KEY_SLOTS).map(|_| None).collect() });
}

/// The signing key, remembered or derived.
pub(super) fn signing_key(signer: &Signer<'_>) -> SigningKey {
    CACHE.with_borrow_mut(|cache| cache.get(signer))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNER: Signer<'static> =
        Signer { key_id: "GKaa", secret: "first", day: *b"20260101", region: "garage" };

    #[track_caller]
    fn check_is_what_a_derivation_gives(signer: Signer<'_>) {
        let derived = SigningKey::derive(signer.secret, signer.day, signer.region, SERVICE);
        assert_eq!(signing_key(&signer).sign(b"text"), derived.sign(b"text"));
    }

    #[test]
    fn a_remembered_key_is_never_used_for_another_secret_day_region_or_key() {
        for _ in 0..2 {
            check_is_what_a_derivation_gives(SIGNER);
            check_is_what_a_derivation_gives(Signer { secret: "second", ..SIGNER });
            check_is_what_a_derivation_gives(Signer { day: *b"20260102", ..SIGNER });
            check_is_what_a_derivation_gives(Signer { region: "elsewhere", ..SIGNER });
            check_is_what_a_derivation_gives(Signer { key_id: "GKbb", ..SIGNER });
        }
    }

    #[test]
    fn more_keys_than_slots_still_all_sign_right() {
        for round in 0..2 {
            for n in 0..3 * SIGNING_KEY_SLOTS {
                let (key_id, secret) = (format!("GK{n}"), format!("secret {n} {round}"));
                check_is_what_a_derivation_gives(Signer { key_id: &key_id, secret: &secret, ..SIGNER });
            }
        }
        CACHE.with_borrow(|cache| assert_eq!(cache.slots.len(), SIGNING_KEY_SLOTS));
    }
}
