//! The HTTP gateway: what turns a request on the wire into a call on the actors, and back.

pub mod admin;
mod body;
mod calls;
mod cors;
mod error;
mod gateway;
mod json;
mod k2v;
pub(crate) mod k2v_parsers;
mod limits;
mod percent;
mod query;
mod route;
pub mod server;
pub mod sigv4;
mod stop;
