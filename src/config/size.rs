use std::fmt;
use std::str::FromStr;

/// A number of bytes, written as `1500`, `10G` (powers of 1,000) or `10GiB` (powers of 1,024).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Bytes(pub u64);

/// Text that is not a number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a number of bytes such as 1500, \"10G\" (10¹⁰) or \"10GiB\" is expected")]
pub struct NotBytes;

const UNITS: [&str; 6] = ["k", "m", "g", "t", "p", "e"];

impl FromStr for Bytes {
    type Err = NotBytes;

    fn from_str(text: &str) -> Result<Bytes, NotBytes> {
        let text = text.trim();
        let digits_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(digits_end);
        let factor = factor_of(unit.trim()).ok_or(NotBytes)?;
        if let Ok(whole) = number.parse::<u64>() {
            return whole.checked_mul(factor).map(Bytes).ok_or(NotBytes);
        }
        // A fraction such as 1.5T: exact enough, and bounded before the conversion.
        let fraction: f64 = number.parse().map_err(|_| NotBytes)?;
        let bytes = (fraction * factor as f64).round();
        if bytes.is_finite() && (0.0..u64::MAX as f64).contains(&bytes) {
            Ok(Bytes(bytes as u64))
        } else {
            Err(NotBytes)
        }
    }
}

fn factor_of(unit: &str) -> Option<u64> {
    let unit = unit.to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let (prefix, base) = unit.strip_suffix('i').map_or((unit, 1000_u64), |prefix| (prefix, 1024));
    if prefix.is_empty() {
        return (base == 1000).then_some(1);
    }
    let power = UNITS.iter().position(|known| *known == prefix)? + 1;
    base.checked_pow(u32::try_from(power).ok()?)
}

/// Shows the largest power of 1,000 with one decimal, as Garage does: `1.5 GB`.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut unit = None;
        let (mut whole, mut rest) = (self.0, 0);
        for name in UNITS {
            if whole < 1000 {
                break;
            }
            (whole, rest) = (whole / 1000, whole % 1000);
            unit = Some(name);
        }
        match unit {
            None => write!(f, "{whole} B"),
            Some(name) => write!(f, "{whole}.{} {}B", rest / 100, name.to_uppercase()),
        }
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
            [(0, "0 B"), (999, "999 B"), (1500, "1.5 KB"), (1_000_000_000, "1.0 GB"), (u64::MAX, "18.4 EB")]
        {
            assert_eq!(Bytes(bytes).to_string(), expect);
        }
    }
}
