//! What a node keeps of its own life and of its peers', in the file `incarnation`. It is replaced as a whole.
//!
//! ```text
//! "TRPI" ‖ format u8 ‖ life ‖ saved ‖ count varint ‖ count × (node [32] ‖ memory) ‖ CRC32C of all before, u32 BE
//!
//! saved = 0 ‖ stores ‖ is_new u8   asking since it had these stores
//!       | 1 ‖ loss                 lost something, and is not complete again
//!       | 2 ‖ stores               whole, with these stores
//! ```

use super::life::{Life, Memory};
use super::standing::Loss;
use crate::ids::NodeId;
use crate::transport::Environment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const MAGIC: &[u8; 4] = b"TRPI";
const FORMAT: u8 = 1;

/// How far a node was when it last wrote this down.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Saved {
    /// It asked, or was about to.
    Asking {
        /// What it had when it began.
        since: Vec<Environment>,
        /// Whether that was nothing at all.
        is_new: bool,
    },
    /// It had lost something.
    Lost(Loss),
    /// It had everything.
    Whole {
        /// At least this.
        stores: Vec<Environment>,
    },
}

/// What is kept.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct State {
    /// Its life.
    pub life: Life,
    /// How far it was.
    pub saved: Saved,
    /// What it heard of others.
    pub heard: BTreeMap<NodeId, Memory>,
}

/// The file cannot be understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StateError {
    /// It is damaged.
    #[error(
        "it is damaged: remove it, and the node counts towards no read until its data was compared with its peers'"
    )]
    Damaged,
    /// A newer program wrote it.
    #[error("it has format {0}, which a newer version of this program wrote")]
    Newer(u8),
}

impl State {
    /// The bytes of the file.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = [MAGIC.as_slice(), &[FORMAT]].concat();
        bytes.extend(postcard::to_allocvec(self).expect("maps know their lengths, and a vector grows"));
        bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
        bytes
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn decode(bytes: &[u8]) -> Result<State, StateError> {
        let (body, sum) = bytes.split_last_chunk::<4>().ok_or(StateError::Damaged)?;
        let (format, state) =
            body.strip_prefix(MAGIC).and_then(<[u8]>::split_first).ok_or(StateError::Damaged)?;
        if u32::from_be_bytes(*sum) != crc32c::crc32c(body) {
            return Err(StateError::Damaged);
        }
        if *format > FORMAT {
            return Err(StateError::Newer(*format));
        }
        match postcard::take_from_bytes(state) {
            Ok((state, [])) => Ok(state),
            Ok(_) | Err(_) => Err(StateError::Damaged),
        }
    }
}
