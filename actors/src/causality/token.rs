//! Causality tokens: the context of an item, sealed for that item.

use super::Context;
use super::seal::{Binding, Purpose, SealError, TokenKey};
use crate::ids::PartitionHash;
use crate::limits::TOKEN_BYTES_MAX;

/// A causality token that this cluster did not issue for this item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// More bytes than any token has.
    #[error("the causality token is longer than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    /// Not base64url without padding, or not a whole number of fields.
    #[error("the causality token is malformed: pass it back exactly as it was received")]
    Malformed,
    /// The seal does not match.
    #[error(
        "the causality token was not issued by this cluster for this item: read the item, and pass on the token of that read"
    )]
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
    /// The causality token of an item with this context: `mac u64, (actor u64, time u64)*` in base64url.
    pub fn seal_token(&self, partition: PartitionHash, sort_key: &str, context: &Context) -> String {
        let binding = Binding { partition, sort_key: Some(sort_key) };
        self.seal(Purpose::Token, binding, context.pairs())
    }

    /// Reads a causality token of an item back.
    ///
    /// # Errors
    /// [`TokenError`] if this cluster did not issue it for this item.
    pub fn open_token(
        &self,
        partition: PartitionHash,
        sort_key: &str,
        token: &str,
    ) -> Result<Context, TokenError> {
        let binding = Binding { partition, sort_key: Some(sort_key) };
        let pairs = self.open(Purpose::Token, binding, TOKEN_BYTES_MAX, token)?;
        Context::from_ascending(pairs).ok_or(TokenError::Malformed)
    }
}
