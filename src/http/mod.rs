//! The HTTP gateway: what turns a request on the wire into a call on the actors, and back.

pub mod sigv4;
