//! The verification as a whole, against published vectors, against another implementation, and against hostile
//! requests.

mod actix;
mod client;
mod hostile;
mod oracle;
mod vectors;
