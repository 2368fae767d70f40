//! A whole node in this process, asked over real connections.

mod calls;
mod harness;
mod hostile;
mod polls;
mod streams;
