//! The two opaque strings a server hands out: what a reader has seen of an item, and of a range.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! opaque_string {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub(crate) String);

        impl $name {
            /// The token as the server wrote it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(token: $name) -> Self {
                token.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

opaque_string! {
    /// What a reader has seen of one item. A write that carries it replaces exactly that; a write without
    /// one adds a value beside those that are there.
    ///
    /// It is opaque: keep it as it came, and give it back.
    CausalityToken
}

opaque_string! {
    /// What a watcher has seen of a range: the next [`poll_range`](crate::Bucket::poll_range) that carries it
    /// answers with what changed since.
    SeenMarker
}
