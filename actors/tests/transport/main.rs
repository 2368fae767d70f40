//! One contract for every transport between nodes.

mod contract;
mod cut;
mod echo;
mod memory;
mod tcp;
mod world;
