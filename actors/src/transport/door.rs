use super::connection::Connection;
use super::frame::{self, Read};
use crate::clock;
use std::time::Duration;

/// Takes `bytes` as what a peer sends after its hello, up to the first thing that ends its link: for fuzzers and property
/// tests.
///
/// # Panics
/// If a frame is said to be longer than what was read.
pub fn take_bytes_of_a_peer(mut bytes: &[u8]) {
    let now = clock::monotonic_now();
    let mut connection = Connection::new(now, 1);
    // What answers may refer to.
    (0..3).for_each(|asker| _ = connection.pending().ask(now, now + Duration::from_secs(1), asker));
    while let Ok(read) = frame::read(bytes) {
        let taken_bytes = match read {
            Read::Incomplete => return,
            Read::Unknown { kind, bytes } => {
                let _ = connection.receive_unknown(now, kind);
                bytes
            }
            Read::Frame(frame) => {
                let taken_bytes = frame.bytes;
                if connection.receive(now, frame, 0).is_err() {
                    return;
                }
                taken_bytes
            }
        };
        bytes = &bytes[taken_bytes..];
    }
}
