//! How the control plane is persisted: one row per entity.
//!
//! ```text
//! key                                value: format (1) ‖ postcard of
//! 01                                 ClusterSecret: the only one of a store that an earlier version made
//! 02 ‖ bucket id[32]                 Lifetime<BucketState>
//! 03 ‖ alias                         Latest<Option<BucketId>>
//! 04 ‖ key id[12]                    Lifetime<KeyState>
//! 05 ‖ key id[12] ‖ alias            Latest<Option<BucketId>>
//! 06 ‖ key id[12] ‖ bucket id[32]    PermissionState
//! 07 ‖ admin token id[12]            Lifetime<AdminTokenState>
//! 08 ‖ number u64 BE                 LayoutVersion
//! 09 ‖ node id[32]                   Latest<StagedRole>
//! 0a                                 Latest<Option<LayoutParameters>>
//! 0b ‖ node id[32]                   Latest<Incarnation>
//! 0c ‖ node id[32] ‖ u64 BE          Tracker of this incarnation
//! 0d ‖ node id[32]                   Skipped
//! 0e ‖ SHA-256 of the secret[8]      ClusterSecret
//! 0f ‖ bucket id[32]                 Latest<bool>: closing
//! 80                                 Acceptor: of this node alone, never sent
//! ```

use super::entities::{ClusterSecret, Secrets};
use super::merge::Merge;
use super::names::{AdminTokenId, Alias, KeyId};
use super::state::ControlState;
use crate::ids::{BucketId, NodeId};
use crate::layout::decree::Acceptor;
use crate::layout::{Incarnation, LayoutVersion, Tracker};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// A row's key and value.
pub type Row = (Vec<u8>, Vec<u8>);

/// A persisted row cannot be understood. The node must not start: it would answer as if the entity had never been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// A newer version wrote it.
    #[error("row {key_hex} of the control plane was written by a newer version of Troupe")]
    Newer {
        /// The row's key.
        key_hex: String,
    },
    /// It does not hold what the layout above says.
    #[error("row {key_hex} of the control plane is corrupt")]
    Corrupt {
        /// The row's key.
        key_hex: String,
    },
}

/// The format of every row's value so far.
const FORMAT: u8 = 1;

const FIRST_SECRET: u8 = 1;
const BUCKET: u8 = 2;
const GLOBAL_ALIAS: u8 = 3;
const KEY: u8 = 4;
const LOCAL_ALIAS: u8 = 5;
const PERMISSION: u8 = 6;
const ADMIN_TOKEN: u8 = 7;
const LAYOUT: u8 = 8;
const STAGED_ROLE: u8 = 9;
const STAGED_PARAMETERS: u8 = 10;
const INCARNATION: u8 = 11;
const TRACKER: u8 = 12;
const SKIPPED: u8 = 13;
const CLUSTER_SECRET: u8 = 14;
const CLOSING: u8 = 15;

/// Rows from here on are of this node alone.
const LOCAL: u8 = 0x80;
const ACCEPTOR: u8 = LOCAL;

/// The row of what this node promised and accepted.
pub(super) fn acceptor_row(acceptor: &Acceptor) -> Row {
    row(ACCEPTOR, &[], acceptor)
}

impl ControlState {
    /// The rows of every entity in this state or delta.
    pub fn to_rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        rows.extend(self.secrets.iter().map(|secret| row(CLUSTER_SECRET, &[&secret_name(secret)], secret)));
        rows.extend(self.closing.iter().map(|(id, closing)| row(CLOSING, &[&id.0], closing)));
        rows.extend(self.buckets.iter().map(|(id, bucket)| row(BUCKET, &[&id.0], bucket)));
        rows.extend(
            self.global_aliases.iter().map(|(alias, to)| row(GLOBAL_ALIAS, &[alias.as_str().as_bytes()], to)),
        );
        rows.extend(self.keys.iter().map(|(id, key)| row(KEY, &[&id.0], key)));
        rows.extend(
            self.local_aliases
                .iter()
                .map(|((key, alias), to)| row(LOCAL_ALIAS, &[&key.0, alias.as_str().as_bytes()], to)),
        );
        rows.extend(
            self.permissions
                .iter()
                .map(|((key, bucket), permission)| row(PERMISSION, &[&key.0, &bucket.0], permission)),
        );
        rows.extend(self.admin_tokens.iter().map(|(id, token)| row(ADMIN_TOKEN, &[&id.0], token)));
        rows.extend(
            self.layouts
                .iter()
                .map(|(number, version)| row(LAYOUT, &[&number.to_be_bytes()], version.as_ref())),
        );
        rows.extend(self.staged_roles.iter().map(|(node, role)| row(STAGED_ROLE, &[&node.0], role)));
        rows.extend(self.staged_parameters.iter().map(|parameters| row(STAGED_PARAMETERS, &[], parameters)));
        rows.extend(self.incarnations.iter().map(|(node, now)| row(INCARNATION, &[&node.0], now)));
        rows.extend(self.trackers.iter().map(|((node, incarnation), tracker)| {
            row(TRACKER, &[&node.0, &incarnation.0.to_be_bytes()], tracker)
        }));
        rows.extend(self.skipped.iter().map(|(node, skipped)| row(SKIPPED, &[&node.0], skipped)));
        rows
    }

    /// Reads what [`ControlState::to_rows`] wrote.
    ///
    /// Rows of this node alone are passed over.
    ///
    /// # Errors
    /// [`RowError`] names the row.
    pub fn from_rows(rows: &[Row]) -> Result<ControlState, RowError> {
        let mut state = ControlState::default();
        for (key, value) in rows.iter().filter(|(key, _)| !is_local(key)) {
            state.read_row(key, value)?;
        }
        Ok(state)
    }

    /// Reads what a peer sent. Rows that this version does not understand are left to those that do.
    pub fn from_peer(rows: &[Row]) -> ControlState {
        let mut state = ControlState::default();
        for (key, value) in rows.iter().filter(|(key, _)| !is_local(key)) {
            // A row that cannot be read changes nothing, as it is inserted last.
            let _ = state.read_row(key, value);
        }
        state
    }

    fn read_row(&mut self, key: &[u8], value: &[u8]) -> Result<(), RowError> {
        let corrupt = || RowError::Corrupt { key_hex: hex::encode(key) };
        let newer = || RowError::Newer { key_hex: hex::encode(key) };
        let (kind, id) = key.split_first().ok_or_else(corrupt)?;
        let (format, body) = value.split_first().ok_or_else(corrupt)?;
        if *format != FORMAT || *kind > CLOSING {
            return Err(newer());
        }
        self.read_entity(*kind, id, body).ok_or_else(corrupt)
    }

    fn read_entity(&mut self, kind: u8, id: &[u8], body: &[u8]) -> Option<()> {
        match kind {
            FIRST_SECRET if id.is_empty() => self.read_secret(body)?,
            CLUSTER_SECRET if id.len() == SECRET_NAME_BYTES => self.read_secret(body)?,
            CLOSING => _ = self.closing.insert(BucketId(fixed(id)?), read(body)?),
            BUCKET => _ = self.buckets.insert(BucketId(fixed(id)?), read(body)?),
            GLOBAL_ALIAS => _ = self.global_aliases.insert(alias(id)?, read(body)?),
            KEY => _ = self.keys.insert(KeyId(fixed(id)?), read(body)?),
            LOCAL_ALIAS => {
                let (key, rest) = id.split_first_chunk()?;
                self.local_aliases.insert((KeyId(*key), alias(rest)?), read(body)?);
            }
            PERMISSION => {
                let (key, rest) = id.split_first_chunk()?;
                self.permissions.insert((KeyId(*key), BucketId(fixed(rest)?)), read(body)?);
            }
            ADMIN_TOKEN => _ = self.admin_tokens.insert(AdminTokenId(fixed(id)?), read(body)?),
            LAYOUT => return self.read_layout(id, body),
            STAGED_ROLE => _ = self.staged_roles.insert(NodeId(fixed(id)?), read(body)?),
            STAGED_PARAMETERS if id.is_empty() => self.staged_parameters = Some(read(body)?),
            INCARNATION => _ = self.incarnations.insert(NodeId(fixed(id)?), read(body)?),
            TRACKER => {
                let (node, rest) = id.split_first_chunk()?;
                let incarnation = Incarnation(u64::from_be_bytes(fixed(rest)?));
                let mut tracker = Tracker::default();
                tracker.join(&read(body)?);
                self.trackers.insert((NodeId(*node), incarnation), tracker);
            }
            SKIPPED => _ = self.skipped.insert(NodeId(fixed(id)?), read(body)?),
            _ => return None,
        }
        Some(())
    }

    fn read_secret(&mut self, body: &[u8]) -> Option<()> {
        self.secrets.merge_with(&Secrets::from_iter([read::<ClusterSecret>(body)?]));
        Some(())
    }

    fn read_layout(&mut self, id: &[u8], body: &[u8]) -> Option<()> {
        let number = u64::from_be_bytes(fixed(id)?);
        let version: LayoutVersion = read(body)?;
        if version.number != number || !version.assignment.is_sound() {
            return None;
        }
        self.layouts.insert(number, Arc::new(version));
        Some(())
    }
}

/// Bytes that tell secrets apart.
const SECRET_NAME_BYTES: usize = 8;

fn secret_name(secret: &ClusterSecret) -> [u8; SECRET_NAME_BYTES] {
    let mut hasher = Sha256::new();
    hasher.update(secret.drawn.encode());
    hasher.update(secret.token_key);
    let mut name = [0; SECRET_NAME_BYTES];
    name.copy_from_slice(&hasher.finalize()[..SECRET_NAME_BYTES]);
    name
}

fn is_local(key: &[u8]) -> bool {
    key.first().is_some_and(|kind| *kind >= LOCAL)
}

/// What this node promised and accepted, out of all its rows.
///
/// # Errors
/// [`RowError`] if it cannot be understood.
pub(super) fn read_acceptor(rows: &[Row]) -> Result<Acceptor, RowError> {
    let Some((key, value)) = rows.iter().find(|(key, _)| key == &[ACCEPTOR]) else {
        return Ok(Acceptor::default());
    };
    let corrupt = || RowError::Corrupt { key_hex: hex::encode(key) };
    let (format, body) = value.split_first().ok_or_else(corrupt)?;
    if *format != FORMAT {
        return Err(RowError::Newer { key_hex: hex::encode(key) });
    }
    read(body).ok_or_else(corrupt)
}

fn row(kind: u8, id: &[&[u8]], entity: &impl Serialize) -> Row {
    let key = std::iter::once(kind).chain(id.iter().flat_map(|part| part.iter().copied())).collect();
    let value = postcard::to_extend(entity, vec![FORMAT])
        .expect("a vector takes every byte, and every map and sequence knows its length");
    (key, value)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    match postcard::take_from_bytes(body) {
        Ok((entity, [])) => Some(entity),
        Ok(_) | Err(_) => None,
    }
}

fn fixed<const N: usize>(id: &[u8]) -> Option<[u8; N]> {
    id.try_into().ok()
}

fn alias(id: &[u8]) -> Option<Alias> {
    std::str::from_utf8(id).ok()?.parse().ok()
}
