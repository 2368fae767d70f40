use crate::limits::ABOUT_BYTES_MAX;
use serde::{Deserialize, Serialize};

/// What a node says of itself to people. Nothing depends on it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct About {
    /// The program and its version.
    pub version: String,
    /// What its machine is called.
    pub hostname: String,
}

impl About {
    /// Whether the texts are as short as they have to be.
    pub fn is_short(&self) -> bool {
        self.version.len() <= ABOUT_BYTES_MAX && self.hostname.len() <= ABOUT_BYTES_MAX
    }
}
