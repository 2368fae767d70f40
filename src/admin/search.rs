//! Finding what people name: whole names first, then the beginnings of ids. What is ambiguous is refused.

use super::error::AdminError;
use troupe_actors::control::{AccessKey, AdminToken, Bucket, ControlSnapshot};
use troupe_actors::ids::NodeId;

/// The bucket that is meant by a global alias, a whole id, a local alias, or the beginning of an id.
pub(super) fn bucket<'s>(snapshot: &'s ControlSnapshot, search: &str) -> Result<&'s Bucket, AdminError> {
    if let Some(bucket) = snapshot.resolve_global(search) {
        return Ok(bucket);
    }
    let buckets = snapshot.buckets();
    let is_called = |bucket: &Bucket| bucket.local_aliases.iter().any(|(_, alias)| alias.as_str() == search);
    let called: Vec<_> = buckets.iter().copied().filter(|bucket| is_called(bucket)).collect();
    let found = match called.is_empty() {
        false => called,
        true => buckets.into_iter().filter(|bucket| begins(&bucket.id.to_string(), search)).collect(),
    };
    match found[..] {
        [] => Err(AdminError::NoBucketFound(search.to_owned())),
        [bucket] => Ok(bucket),
        _ => Err(AdminError::BucketAmbiguous { search: search.to_owned(), count: found.len() }),
    }
}

/// The access key that is meant by an id, a name, or the beginning of an id.
pub(super) fn key<'s>(snapshot: &'s ControlSnapshot, search: &str) -> Result<&'s AccessKey, AdminError> {
    if let Some(key) = snapshot.key(search) {
        return Ok(key);
    }
    let keys = snapshot.keys();
    let named: Vec<_> = keys.iter().copied().filter(|key| key.name.as_str() == search).collect();
    let found = match named.is_empty() {
        false => named,
        true => keys.into_iter().filter(|key| begins(&key.id.to_string(), search)).collect(),
    };
    match found[..] {
        [] => Err(AdminError::NoKeyFound(search.to_owned())),
        [key] => Ok(key),
        _ => Err(AdminError::KeyAmbiguous { search: search.to_owned(), count: found.len() }),
    }
}

/// The admin token that is meant by an id, a name, or the beginning of an id.
pub(super) fn admin_token<'s>(
    snapshot: &'s ControlSnapshot,
    search: &str,
) -> Result<&'s AdminToken, AdminError> {
    let tokens = || snapshot.admin_tokens();
    let named: Vec<_> = tokens().filter(|token| token.name.as_str() == search).collect();
    let found = match named.is_empty() {
        false => named,
        true => tokens().filter(|token| begins(&token.id.to_string(), search)).collect(),
    };
    match found[..] {
        [] => Err(AdminError::NoTokenFound(search.to_owned())),
        [token] => Ok(token),
        _ => Err(AdminError::TokenAmbiguous { search: search.to_owned(), count: found.len() }),
    }
}

/// A whole node id.
pub(super) fn node(text: &str) -> Result<NodeId, AdminError> {
    text.parse().map_err(|_| AdminError::Field { field: "id", expected: "the 64 hex digits of a node id" })
}

fn begins(id: &str, search: &str) -> bool {
    // Two hex digits would already name one of 256: too little to call a choice.
    const SEARCH_CHARS_MIN: usize = 4;
    search.len() >= SEARCH_CHARS_MIN && id.starts_with(search)
}
