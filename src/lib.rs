//! The Troupe node: command line, configuration, and the HTTP gateway over the actors of `troupe-actors`.

pub mod admin;
mod bootstrap;
mod budget;
pub mod cli;
pub mod config;
mod edge;
pub mod http;
mod logging;
pub mod metrics;
pub mod node;
mod provision;
#[doc(hidden)]
pub mod untrusted;
mod watchdog;
