//! The first page of a journal: whose it is. Written once, when the journal is made.
//!
//! ```text
//!  0  "TRPJ"
//!  4  format      u32   of this page and of the records
//!  8  environment u64   the number that the environment's records carry
//! 16  capacity    u64   bytes of records that fit behind this page
//! 24  CRC32C      u32   of the bytes before it
//! ```

use std::io;

/// Bytes before the first record: a page, so that no write of a record touches it.
pub const HEADER_BYTES: u64 = 4096;

const MAGIC: &[u8; 4] = b"TRPJ";
const FORMAT: u32 = 1;
const LENGTH: usize = 28;

/// What the first page says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// The number that the environment's records carry.
    pub environment: u64,
    /// Bytes of records that the journal holds.
    pub capacity: u64,
}

impl Header {
    /// The bytes at the beginning of the file.
    pub fn encode(self) -> [u8; 28] {
        let mut bytes = [0; LENGTH];
        bytes[..4].copy_from_slice(MAGIC);
        bytes[4..8].copy_from_slice(&FORMAT.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.environment.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.capacity.to_be_bytes());
        let sum = crc32c::crc32c(&bytes[..24]);
        bytes[24..].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    /// Reads the first page of a journal; `None` if it is not one that this version writes.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn read<F: super::JournalFile>(file: &F) -> io::Result<Option<Header>> {
        let mut bytes = [0; LENGTH];
        match file.read_at(&mut bytes, 0) {
            Ok(()) => Ok(Header::decode(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn decode(bytes: &[u8; LENGTH]) -> Option<Header> {
        let number = |at: usize| bytes[at..].first_chunk().map(|bytes| u64::from_be_bytes(*bytes));
        let header = Header { environment: number(8)?, capacity: number(16)? };
        (header.encode() == *bytes).then_some(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_the_header_never_change() {
        let header = Header { environment: 0x0102, capacity: 0x0003_0000 };
        let bytes = header.encode();
        assert_eq!(hex::encode(bytes), "5452504a00000001000000000000010200000000000300007a00a670");
        assert_eq!(Header::decode(&bytes), Some(header));
    }

    #[test]
    fn a_page_with_any_one_bit_changed_is_no_header() {
        let bytes = Header { environment: 1, capacity: 4096 }.encode();
        for bit in 0..LENGTH * 8 {
            let mut changed = bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&changed), None);
        }
    }
}
