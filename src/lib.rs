//! The Troupe node: command line, configuration, and the HTTP gateway over the actors of `troupe-actors`.

pub mod config;
pub mod http;
pub mod node;
#[doc(hidden)]
pub mod untrusted;
