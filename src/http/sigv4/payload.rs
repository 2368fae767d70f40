//! What the signature says about the body.

use super::encode::hex_32;
use super::error::SigV4Error;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

pub(super) const UNSIGNED_PAYLOAD: &[u8] = b"UNSIGNED-PAYLOAD";

/// What is left to check once the body is there. Nothing may be read from the body before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the body is not trusted before it is checked"]
pub enum PayloadCheck {
    /// The body must have this SHA-256.
    Sha256([u8; 32]),
    /// The signature does not cover the body.
    Unsigned,
}

impl PayloadCheck {
    /// Checks the whole body.
    ///
    /// # Errors
    /// [`SigV4Error::PayloadMismatch`] if it is not the body that was signed.
    pub fn check(&self, body: &[u8]) -> Result<(), SigV4Error> {
        let Self::Sha256(signed) = self else { return Ok(()) };
        let actual: [u8; 32] = Sha256::digest(body).into();
        if bool::from(actual.ct_eq(signed)) { Ok(()) } else { Err(SigV4Error::PayloadMismatch) }
    }

    /// Reads the value of `x-amz-content-sha256`; returns also the text that stands in the canonical request.
    pub(super) fn parse(header: &[u8]) -> Result<(Self, &[u8]), SigV4Error> {
        let text = header.trim_ascii();
        if text == UNSIGNED_PAYLOAD {
            return Ok((Self::Unsigned, text));
        }
        if text.starts_with(b"STREAMING-") {
            return Err(SigV4Error::StreamingPayload);
        }
        let digest = hex_32(text).ok_or(SigV4Error::InvalidPayloadHash)?;
        Ok((Self::Sha256(digest), text))
    }
}
