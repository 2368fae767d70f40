//! The date of a request: `YYYYMMDDTHHMMSSZ`, UTC.

use super::error::SigV4Error;
use jiff::civil::{Date, Time};
use jiff::tz::Offset;

/// A date that exists in the calendar, with its text, which is what is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AmzDate {
    text: [u8; 16],
    unix_s: i64,
}

impl AmzDate {
    pub(super) fn parse(text: &[u8]) -> Result<Self, SigV4Error> {
        Self::parse_checked(text).ok_or(SigV4Error::InvalidDate)
    }

    fn parse_checked(text: &[u8]) -> Option<Self> {
        let text: [u8; 16] = text.try_into().ok()?;
        let number = |from: usize, to: usize| digits(&text[from..to]);
        let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
        let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
        if text[8] != b'T' || text[15] != b'Z' {
            return None;
        }
        let narrow = |number: i16| i8::try_from(number).ok();
        let date = Date::new(year, narrow(month)?, narrow(day)?).ok()?;
        let time = Time::new(narrow(hour)?, narrow(minute)?, narrow(second)?, 0).ok()?;
        let unix_s = Offset::UTC.to_timestamp(date.to_datetime(time)).ok()?.as_second();
        Some(Self { text, unix_s })
    }

    /// The 16 bytes as they came.
    pub(super) fn text(&self) -> &[u8; 16] {
        &self.text
    }

    /// The 8 digits of the day.
    pub(super) fn day(&self) -> [u8; 8] {
        let mut day = [0; 8];
        day.copy_from_slice(&self.text[..8]);
        day
    }

    /// Seconds since 1970; negative before.
    pub(super) fn unix_s(&self) -> i64 {
        self.unix_s
    }
}

/// Four digits at most, so the value cannot overflow.
fn digits(text: &[u8]) -> Option<i16> {
    text.iter()
        .try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + i16::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, unix_s: Option<i64>) {
        assert_eq!(AmzDate::parse_checked(text.as_bytes()).map(|date| date.unix_s), unix_s, "{text}");
    }

    #[test]
    fn dates_of_the_calendar_are_seconds_since_1970() {
        check("19700101T000000Z", Some(0));
        check("20150830T123600Z", Some(1_440_938_160));
        check("20240229T235959Z", Some(1_709_251_199));
        check("20000229T000000Z", Some(951_782_400));
        check("20991231T235959Z", Some(4_102_444_799));
        check("00000101T000000Z", Some(-62_167_219_200));
    }

    #[test]
    fn dates_that_are_not_in_the_calendar_are_refused() {
        for text in ["20230229T000000Z", "19000229T000000Z", "20231301T000000Z", "20230001T000000Z"] {
            check(text, None);
        }
        for text in ["20230100T000000Z", "20230431T000000Z", "20230101T240000Z", "20230101T006000Z"] {
            check(text, None);
        }
        for text in ["20230101T000060Z", "20230101t000000Z", "20230101T000000z", "20230101T000000", ""] {
            check(text, None);
        }
        for text in ["-0230101T000000Z", "+0230101T000000Z", "20230101T000000Z ", "2023-01-01T00:00:00Z"] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_date_parser_panic(text in prop::collection::vec(any::<u8>(), 0..24)) {
            let _ = AmzDate::parse(&text);
        }

        #[test]
        fn every_sixteen_byte_shape_of_a_date_parses_or_is_refused(text in "[0-9]{8}T[0-9]{6}Z") {
            let _ = AmzDate::parse(text.as_bytes());
        }
    }
}
