//! Signs what arrived once more, with another implementation, and compares.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use http::request::Parts;

use super::{KEY, REGION, Refusal, SECRET};

const DENIED: Refusal = (403, "AccessDenied");
const MALFORMED: Refusal = (400, "AuthorizationHeaderMalformed");

pub(super) fn verify(head: &Parts, body: &[u8]) -> Result<(), Refusal> {
    let text = |name: &str| Some(head.headers.get(name)?.to_str().unwrap());
    let authorization = text("authorization").ok_or(DENIED)?;
    let date = text("x-amz-date").ok_or(DENIED)?;
    if !authorization.contains(&format!("/{REGION}/k2v/aws4_request")) {
        return Err(MALFORMED);
    }
    let signed_names = between(authorization, "SignedHeaders=", ",").ok_or(MALFORMED)?;
    for name in head.headers.keys().map(http::HeaderName::as_str) {
        let must = name == "host" || name.starts_with("x-amz-") || name.starts_with("x-garage-");
        let is_signed = signed_names.split(';').any(|signed| signed == name);
        assert_eq!(must, is_signed, "{name} in {signed_names}");
    }
    let expected = signed_again(head, body, signed_names, time(date));
    if authorization == expected { Ok(()) } else { Err(DENIED) }
}

fn signed_again(head: &Parts, body: &[u8], signed_names: &str, time: SystemTime) -> String {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Double;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    let identity = Credentials::new(KEY, SECRET, None, None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name("k2v")
        .time(time)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    // What signing adds by itself is left to it, so that it is compared as well.
    let headers = signed_names
        .split(';')
        .filter(|name| !["x-amz-date", "x-amz-content-sha256"].contains(name))
        .map(|name| (name, head.headers[name].to_str().unwrap()));
    let host = head.headers["host"].to_str().unwrap();
    let uri = format!("http://{host}{}", head.uri.path_and_query().unwrap());
    let request =
        SignableRequest::new(head.method.as_str(), uri, headers, SignableBody::Bytes(body)).unwrap();
    let (instructions, _signature) = sign(request, &params).unwrap().into_parts();
    let (headers, _query) = instructions.into_parts();
    let value = |wanted: &str| {
        headers.iter().find(|header| header.name().eq_ignore_ascii_case(wanted)).unwrap().value()
    };
    assert_eq!(value("x-amz-content-sha256"), head.headers["x-amz-content-sha256"]);
    value("authorization").to_owned()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}

/// The moment that `20150830T123600Z` names.
fn time(text: &str) -> SystemTime {
    let digits = |range: std::ops::Range<usize>| text[range].parse::<u64>().unwrap();
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days_of_year: u64 = (1970..digits(0..4)).map(|year| 365 + u64::from(is_leap(year))).sum();
    let lengths = [31, 28 + u64::from(is_leap(digits(0..4))), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months_before = usize::try_from(digits(4..6)).unwrap() - 1;
    let days = days_of_year + lengths[..months_before].iter().sum::<u64>() + digits(6..8) - 1;
    let seconds = days * 86_400 + digits(9..11) * 3_600 + digits(11..13) * 60 + digits(13..15);
    UNIX_EPOCH + Duration::from_secs(seconds)
}
