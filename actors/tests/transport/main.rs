//! One contract for every transport between nodes.

mod echo;
mod memory;
