//! One contract for every transport between nodes.

mod contract;
mod echo;
mod memory;
mod tcp;
mod world;
