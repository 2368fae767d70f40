//! AWS Signature Version 4, header form, for service `k2v`.
//!
//! Signed are `host` and every `x-amz-*` and `x-garage-*` header; the payload goes in by its digest. The
//! canonical URI is the path as sent, percent-encoded once more and never normalised.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use sha2::{Digest, Sha256};

use crate::error::InvalidArgument;
use crate::percent;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "k2v";
const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// The parts of a request that a signature covers. `path` is encoded; `query` is encoded, sorted, and has a
/// `=` in every pair.
pub(crate) struct ToSign<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) body: &'a [u8],
}

/// An access key and the region it signs for.
pub(crate) struct Signer {
    region: String,
    key_id: String,
    secret: String,
}

impl Signer {
    pub(crate) fn new(region: String, key_id: String, secret: String) -> Self {
        Self { region, key_id, secret }
    }

    /// Adds date, digest and authorization to `headers`, which must already hold `host` and everything
    /// else that is to be signed.
    pub(crate) fn sign(
        &self,
        request: &ToSign<'_>,
        headers: &mut HeaderMap,
        now: SystemTime,
    ) -> Result<(), InvalidArgument> {
        let date_time = Timestamp::new(now).to_string();
        let date = &date_time[..8];
        let payload_hash = hex::encode(Sha256::digest(request.body));
        headers.insert(X_AMZ_DATE, header_value(&date_time)?);
        headers.insert(X_AMZ_CONTENT_SHA256, header_value(&payload_hash)?);

        let (canonical_headers, signed_names) = canonical_headers(headers);
        let canonical_request = format!(
            "{}\n{}\n{}\n{canonical_headers}\n{signed_names}\n{payload_hash}",
            request.method,
            percent::encode_path_again(request.path),
            request.query,
        );
        let scope = format!("{date}/{}/{SERVICE}/aws4_request", self.region);
        let request_hash = hex::encode(Sha256::digest(canonical_request.as_bytes()));
        let string_to_sign = format!("{ALGORITHM}\n{date_time}\n{scope}\n{request_hash}");
        let signature = hex::encode(hmac(&self.signing_key(date), string_to_sign.as_bytes()));

        let authorization = format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={signed_names}, Signature={signature}",
            self.key_id,
        );
        headers.insert(AUTHORIZATION, header_value(&authorization)?);
        Ok(())
    }

    fn signing_key(&self, date: &str) -> [u8; 32] {
        let secret = format!("AWS4{}", self.secret);
        let date_key = hmac(secret.as_bytes(), date.as_bytes());
        let region_key = hmac(&date_key, self.region.as_bytes());
        let service_key = hmac(&region_key, SERVICE.as_bytes());
        hmac(&service_key, b"aws4_request")
    }
}

/// The secret is never shown.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("region", &self.region)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// The block of canonical headers, each line ended, and the list of their names.
fn canonical_headers(headers: &HeaderMap) -> (String, String) {
    let mut names: Vec<&HeaderName> = headers.keys().filter(|name| must_be_signed(name)).collect();
    names.sort_unstable_by_key(|name| name.as_str());
    let (mut block, mut list) = (String::new(), String::new());
    for name in names {
        if !list.is_empty() {
            list.push(';');
        }
        list.push_str(name.as_str());
        block.push_str(name.as_str());
        for (index, value) in headers.get_all(name).iter().enumerate() {
            block.push(if index == 0 { ':' } else { ',' });
            push_collapsed(&mut block, value);
        }
        block.push('\n');
    }
    (block, list)
}

fn must_be_signed(name: &HeaderName) -> bool {
    *name == HOST || name.as_str().starts_with("x-amz-") || name.as_str().starts_with("x-garage-")
}

/// Appends a header value, trimmed, with every run of spaces made one.
fn push_collapsed(out: &mut String, value: &HeaderValue) {
    let text = String::from_utf8_lossy(value.as_bytes());
    for (index, word) in text.split([' ', '\t']).filter(|word| !word.is_empty()).enumerate() {
        if index > 0 {
            out.push(' ');
        }
        out.push_str(word);
    }
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    // RFC 2104: a key is padded to one block; one that is longer than a block is hashed first. Doing it
    // here leaves no length that could be refused.
    let mut block_key = [0; 64];
    if key.len() <= block_key.len() {
        block_key[..key.len()].copy_from_slice(key);
    } else {
        block_key[..32].copy_from_slice(&Sha256::digest(key));
    }
    let mut mac = Hmac::<Sha256>::new(&block_key.into());
    mac.update(message);
    mac.finalize().into_bytes().into()
}

fn header_value(text: &str) -> Result<HeaderValue, InvalidArgument> {
    HeaderValue::from_str(text).map_err(InvalidArgument::Credentials)
}

/// A moment in UTC, printed as SigV4 wants it: `20150830T123600Z`.
struct Timestamp {
    seconds: u64,
}

impl Timestamp {
    fn new(now: SystemTime) -> Self {
        Self { seconds: now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()) }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second_of_day) = (self.seconds / 86_400, self.seconds % 86_400);
        let (year, month, day) = civil_from_days(days);
        let (hour, minute, second) = (second_of_day / 3_600, second_of_day / 60 % 60, second_of_day % 60);
        write!(f, "{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
    }
}

/// Year, month and day of a count of days since 1970-01-01.
///
/// The calendar repeats every 400 years (146,097 days). Counting years from March puts the leap day last, so
/// the months before any month have (153 m + 2) / 5 days.
fn civil_from_days(days_since_1970: u64) -> (u64, u64, u64) {
    const DAYS_0000_03_01_TO_1970: u64 = 719_468;
    let days = days_since_1970 + DAYS_0000_03_01_TO_1970;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn check_date(seconds: u64, expected: &str) {
        let now = UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(Timestamp::new(now).to_string(), expected);
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        check_date(0, "19700101T000000Z");
        check_date(951_782_399, "20000228T235959Z");
        check_date(951_782_400, "20000229T000000Z");
        check_date(951_868_800, "20000301T000000Z");
        check_date(1_440_938_160, "20150830T123600Z");
        check_date(4_107_542_400, "21000301T000000Z");
    }

    #[test]
    fn headers_are_sorted_trimmed_and_joined() {
        let mut headers = HeaderMap::new();
        headers.append("x-garage-causality-token", HeaderValue::from_static("  a   b "));
        headers.append("x-amz-two", HeaderValue::from_static("1"));
        headers.append("x-amz-two", HeaderValue::from_static("2"));
        headers.append("host", HeaderValue::from_static("localhost:3902"));
        headers.append("accept", HeaderValue::from_static("*/*"));
        let (block, names) = canonical_headers(&headers);
        assert_eq!(block, "host:localhost:3902\nx-amz-two:1,2\nx-garage-causality-token:a b\n");
        assert_eq!(names, "host;x-amz-two;x-garage-causality-token");
    }

    #[test]
    fn the_hmac_is_that_of_rfc_4231() {
        assert_eq!(
            hex::encode(hmac(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            hex::encode(hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn the_secret_is_not_shown() {
        let signer = Signer::new("garage".into(), "GK1".into(), "hush".into());
        assert!(!format!("{signer:?}").contains("hush"));
    }

    proptest! {
        #[test]
        fn a_day_later_is_the_next_calendar_day(days in 0_u64..200_000) {
            let (year, month, day) = civil_from_days(days);
            let next = civil_from_days(days + 1);
            let is_next_day = next == (year, month, day + 1)
                || (day >= 28 && next == (year, month + 1, 1))
                || (month == 12 && day == 31 && next == (year + 1, 1, 1));
            prop_assert!(is_next_day, "{:?} then {:?}", (year, month, day), next);
        }
    }
}
