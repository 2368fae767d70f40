//! The HTTP gateway: what turns a request on the wire into a call on the actors, and back.

mod body;
mod cors;
mod error;
mod gateway;
mod grant;
mod held;
mod json;
pub(crate) mod k2v;
mod limits;
mod percent;
mod query;
pub(crate) mod route;
pub mod server;
pub mod sigv4;
mod stop;
