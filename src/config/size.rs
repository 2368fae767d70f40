use bytesize::ByteSize;
use std::fmt;
use std::str::FromStr;

/// A number of bytes, written as `1500`, `10G` (powers of 1,000) or `10GiB` (powers of 1,024), and shown as `1.5 kB`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Bytes(pub u64);

/// Text that is not a number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a number of bytes such as 1500, \"10G\" (10¹⁰) or \"10GiB\" is expected")]
pub struct NotBytes;

impl FromStr for Bytes {
    type Err = NotBytes;

    fn from_str(text: &str) -> Result<Bytes, NotBytes> {
        let ByteSize(bytes) = text.trim().parse().map_err(|_| NotBytes)?;
        // The crate takes what is too large for the largest number.
        if bytes == u64::MAX { Err(NotBytes) } else { Ok(Bytes(bytes)) }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ByteSize(self.0).display().si().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<u64>) {
        assert_eq!(text.parse::<Bytes>().ok(), expect.map(Bytes), "{text}");
    }

    #[test]
    fn sizes_are_read_in_powers_of_1000_or_1024() {
        check("0", Some(0));
        check("1500", Some(1500));
        check("1k", Some(1000));
        check("1G", Some(1_000_000_000));
        check("1GB", Some(1_000_000_000));
        check("1 GiB", Some(1 << 30));
        check("1T", Some(1_000_000_000_000));
        check("1.5T", Some(1_500_000_000_000));
        check("10EB", Some(10_000_000_000_000_000_000));
    }

    #[test]
    fn what_is_not_a_size_is_refused_and_nothing_overflows() {
        for text in
            ["", "G", "-1", "1X", "i", "1i", "20000E", "1e400", "99999999999999999999999", "1.2.3", "0x10"]
        {
            check(text, None);
        }
    }

    #[test]
    fn sizes_are_shown_with_the_largest_unit() {
        for (bytes, expect) in
            [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (1_000_000_000, "1.0 GB"), (1 << 60, "1.2 EB")]
        {
            assert_eq!(Bytes(bytes).to_string(), expect);
        }
    }
}
