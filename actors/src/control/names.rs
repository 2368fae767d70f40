//! Names of the control plane, parsed once at the edge.

use crate::limits::{ALIAS_BYTES, CONTROL_TEXT_BYTES_MAX};
use core::net::Ipv4Addr;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Text that is not the name it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a bucket alias.
    #[error(
        "a bucket name has 3 to 63 characters: lower-case letters, digits, `-` and `.`; it begins and ends with a letter \
         or digit, has no two dots in a row and is not an IP address"
    )]
    Alias,
    /// Not an access key id.
    #[error("an access key id is `GK` followed by 24 lower-case hex digits")]
    KeyId,
    /// Not a secret key.
    #[error("a secret key is 64 hex digits")]
    SecretKey,
    /// Not the id of an admin token.
    #[error("the id of an admin token is 24 lower-case hex digits")]
    AdminTokenId,
    /// Free text out of bounds.
    #[error("a name has 1 to {CONTROL_TEXT_BYTES_MAX} bytes and no control characters")]
    FreeText,
}

/// A bucket's name, by S3's rules, so that a bucket of Garage keeps its name here.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Alias(String);

impl Alias {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Alias {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Alias, NameError> {
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = text.as_bytes();
        let fits = ALIAS_BYTES.contains(&bytes.len())
            && bytes.iter().all(|b| is_plain(*b) || matches!(b, b'-' | b'.'))
            && bytes.first().is_some_and(|b| is_plain(*b))
            && bytes.last().is_some_and(|b| is_plain(*b))
            && !text.contains("..")
            && text.parse::<Ipv4Addr>().is_err();
        if fits { Ok(Alias(text.to_owned())) } else { Err(NameError::Alias) }
    }
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The public half of an access key: `GK` and 24 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct KeyId(pub [u8; 12]);

impl FromStr for KeyId {
    type Err = NameError;

    /// Only lower-case digits: a request names a key in one way, and signs that spelling.
    fn from_str(text: &str) -> Result<KeyId, NameError> {
        text.strip_prefix("GK").and_then(lower_hex).map(KeyId).ok_or(NameError::KeyId)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GK{}", hex::encode(self.0))
    }
}

/// The id of an admin token: the part of it before the dot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct AdminTokenId(pub [u8; 12]);

impl FromStr for AdminTokenId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<AdminTokenId, NameError> {
        lower_hex(text).map(AdminTokenId).ok_or(NameError::AdminTokenId)
    }
}

impl fmt::Display for AdminTokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

fn lower_hex(text: &str) -> Option<[u8; 12]> {
    let mut bytes = [0; 12];
    let is_lower = !text.bytes().any(|b| b.is_ascii_uppercase());
    (is_lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

/// The secret half of an access key. The text is what signatures are derived from, so its spelling is kept.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SecretKey(String);

impl SecretKey {
    /// 32 random bytes as a secret key.
    pub fn from_random(bytes: [u8; 32]) -> SecretKey {
        SecretKey(hex::encode(bytes))
    }

    /// The text, for deriving signing keys and for the one answer that shows it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretKey {
    type Err = NameError;

    fn from_str(text: &str) -> Result<SecretKey, NameError> {
        let fits = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if fits { Ok(SecretKey(text.to_owned())) } else { Err(NameError::SecretKey) }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

/// A name that people give to an access key or an admin token. Need not be unique.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct FreeText(String);

impl FreeText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FreeText {
    type Err = NameError;

    fn from_str(text: &str) -> Result<FreeText, NameError> {
        let fits = (1..=CONTROL_TEXT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits { Ok(FreeText(text.to_owned())) } else { Err(NameError::FreeText) }
    }
}

impl fmt::Display for FreeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_follow_the_rules_of_bucket_names() {
        for text in ["abc", "my-bucket", "a.b.c", "0-0", &"a".repeat(63)] {
            assert!(text.parse::<Alias>().is_ok(), "{text}");
        }
        for text in ["", "ab", "My-bucket", "a_b", "-ab", "ab-", "a..b", "10.0.0.1", "é23", &"a".repeat(64)]
        {
            assert_eq!(text.parse::<Alias>(), Err(NameError::Alias), "{text}");
        }
    }

    #[test]
    fn a_key_id_has_one_spelling() {
        let id: KeyId = "GK31c2f218a2e44f485b94239e".parse().unwrap();
        assert_eq!(id.to_string(), "GK31c2f218a2e44f485b94239e");
        for text in
            ["", "GK", "GK31C2f218a2e44f485b94239e", "31c2f218a2e44f485b94239e", "GK31c2f218a2e44f485b94239"]
        {
            assert_eq!(text.parse::<KeyId>(), Err(NameError::KeyId), "{text}");
        }
    }

    #[test]
    fn a_secret_keeps_its_spelling_and_never_shows_in_debug_output() {
        let text = "AB".repeat(32);
        let secret: SecretKey = text.parse().unwrap();
        assert_eq!(secret.reveal(), text);
        assert_eq!(format!("{secret:?}"), "SecretKey(…)");
        assert_eq!("AB".parse::<SecretKey>(), Err(NameError::SecretKey));
        assert_eq!("é".repeat(32).parse::<SecretKey>(), Err(NameError::SecretKey));
    }

    #[test]
    fn free_text_is_bounded_and_holds_no_control_characters() {
        assert!("My key, 1st".parse::<FreeText>().is_ok());
        for text in ["", "a\nb", "\u{1b}[31m", &"x".repeat(CONTROL_TEXT_BYTES_MAX + 1)] {
            assert_eq!(text.parse::<FreeText>(), Err(NameError::FreeText));
        }
    }
}
