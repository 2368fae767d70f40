//! Where clients connect: sockets, how long a client may take for what it has to send, and how many there may be.
//!
//! actix-web speaks HTTP on a connection, and times nothing but its first head. So each socket is wrapped in a
//! [`stream`] that knows what the connection is doing, as its [`connection`] core says, and ends when its time is over:
//!
//! ```text
//!            first byte         end of the head      nobody reads more of it    last byte left
//!   Idle ───────────────▶ Head ─────────────────▶ Body ────────────────▶ Answer ─────────────▶ Idle
//!   75 s                  10 s                    paced by its reader                 └──────▶ Leftover   1 s, 8 MiB
//! ```
//!
//! A [`request`] tells the core when it begins and when the last of its answer has left. The [`registry`] of a listener
//! looks at the time of all its connections once a second, which costs a request nothing.

mod connection;
mod descriptors;
pub(crate) mod limits;
mod link;
mod place;
mod registry;
mod request;
mod server;
mod stream;

pub(crate) use descriptors::{Room, TooFewDescriptors, check as check_descriptors};
pub(crate) use place::{Gate, Place};
pub(crate) use registry::Capacity;
pub(crate) use server::{Listener, serve};
