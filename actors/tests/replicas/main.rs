//! Several nodes as their gateways see them: shards, lanes and services at work, over links that a test cuts and delays.

mod index;
mod items;
mod polls;
mod world;
mod writes;
