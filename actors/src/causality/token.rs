//! Causality tokens: a context, sealed.

use super::Context;
use super::seal::{Purpose, SealError, TokenKey};
use crate::limits::TOKEN_BYTES_MAX;

/// A causality token that this cluster did not issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// More bytes than any token has.
    #[error("the causality token is longer than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    /// Not base64url without padding, or not a whole number of fields.
    #[error("the causality token is malformed: pass it back exactly as it was received")]
    Malformed,
    /// The seal does not match.
    #[error("the causality token was not issued by this cluster")]
    Forged,
}

impl From<SealError> for TokenError {
    fn from(error: SealError) -> TokenError {
        match error {
            SealError::TooLong => TokenError::TooLong,
            SealError::Alphabet | SealError::Length => TokenError::Malformed,
            SealError::Mac => TokenError::Forged,
        }
    }
}

impl TokenKey {
    /// The causality token of `context`: `mac u64, (actor u64, time u64)*` in base64url.
    pub fn seal_token(&self, context: &Context) -> String {
        self.seal(Purpose::Token, &[], context.pairs())
    }

    /// Reads a causality token back.
    ///
    /// # Errors
    /// [`TokenError`] if this cluster did not issue it.
    pub fn open_token(&self, token: &str) -> Result<Context, TokenError> {
        let pairs = self.open(Purpose::Token, &[], TOKEN_BYTES_MAX, token)?;
        Context::from_ascending(pairs).ok_or(TokenError::Malformed)
    }
}
