//! Whatever a widely used client library signs, this server accepts; whatever is changed afterwards, it refuses.

use super::super::{PayloadCheck, SigV4Error};
use super::client::{KEY_ID, NOW_S, REGION, Request, SECRET};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use std::time::{Duration, UNIX_EPOCH};

/// Adds to the request what the library says that must be added.
fn signed_by_library(mut request: Request, location: SignatureLocation, body: SignableBody<'_>) -> Request {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Double;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.signature_location = location;
    settings.expires_in = (location == SignatureLocation::QueryParams).then_some(Duration::from_secs(900));
    let identity = Credentials::new(KEY_ID, SECRET, None, None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name("k2v")
        .time(UNIX_EPOCH + Duration::from_secs(NOW_S.unsigned_abs()))
        .settings(settings)
        .build()
        .expect("every parameter is given")
        .into();
    let target = format!("http://k2v.example:3904{}?{}", request.path, request.query);
    let text = |value| std::str::from_utf8(value).expect("text");
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
    let signable =
        SignableRequest::new(&request.method, target, headers.into_iter(), body).expect("a request");
    let (instructions, _signature) = sign(signable, &params).expect("a signature").into_parts();
    let (headers, parameters) = instructions.into_parts();
    for header in headers {
        request = request.with(header.name(), header.value());
    }
    for (name, value) in parameters {
        request = request.with_query(&format!("{name}={}", escaped(&value, |_| true)));
    }
    request
}

/// Percent-encodes what must be, and what `also` picks.
fn escaped(text: &str, also: impl Fn(u8) -> bool) -> String {
    let must = |byte: u8| !byte.is_ascii_graphic() || b"%&+=#\"<>\\^`{|}[]".contains(&byte);
    let escape = |byte: u8| {
        if must(byte) || (also(byte) && !byte.is_ascii_alphanumeric()) {
            // Both cases of hex digits are seen on the wire.
            if byte.is_multiple_of(2) { format!("%{byte:02X}") } else { format!("%{byte:02x}") }
        } else {
            char::from(byte).to_string()
        }
    };
    text.bytes().map(escape).collect()
}

/// Texts that have tripped canonicalisers: dots, slashes, quotes, spaces, signs of the query syntax, emoji.
fn tricky_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zA-Z0-9]{1,6}",
        "[ -~]{0,6}",
        Just("..".to_owned()),
        Just(".".to_owned()),
        Just("/".to_owned()),
        Just("//".to_owned()),
        Just("%2F".to_owned()),
        Just("'\"".to_owned()),
        Just("+ +".to_owned()),
        Just("😀ሴé".to_owned()),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

prop_compose! {
    /// Slashes stay slashes or become `%2F`; so do the other characters that a path may hold either way.
    fn path()(text in tricky_text(), escapes_more in any::<bool>(), keeps_slashes in any::<bool>()) -> String {
        let escaped = escaped(&text, |byte| escapes_more && (byte != b'/' || !keeps_slashes));
        format!("/bucket/{}", escaped.replace('?', "%3F"))
    }
}

prop_compose! {
    fn pair()(
        name in tricky_text(),
        value in prop::option::of(tricky_text()),
        escapes_more in any::<bool>(),
        plus_is_space in any::<bool>(),
    ) -> String {
        let part = |text: &str| {
            let escaped = escaped(text, |_| escapes_more);
            if plus_is_space { escaped.replace("%20", "+") } else { escaped }
        };
        match value {
            Some(value) => format!("{}={}", part(&name), part(&value)),
            None => part(&name),
        }
    }
}

fn query() -> impl Strategy<Value = String> {
    prop::collection::vec(pair(), 0..6).prop_map(|pairs| pairs.join("&"))
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![
        Just("accept".to_owned()),
        Just("content-type".to_owned()),
        Just("x-garage-causality-token".to_owned()),
        Just("x-amz-meta-note".to_owned()),
        "[a-w][a-z0-9-]{0,8}"
            .prop_filter("these two the client sets, others the library leaves unsigned", |name| {
                !["host", "authorization"].contains(&name.as_str())
            }),
    ];
    prop::collection::vec((name, "[ -~]{0,20}"), 0..6)
}

prop_compose! {
    fn request()(
        method in prop::sample::select(vec!["GET", "PUT", "POST", "DELETE", "SEARCH", "HEAD"]),
        path in path(),
        query in query(),
        headers in headers(),
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) -> Request {
        let request = Request::new(method, &path, &query, &body);
        headers.iter().fold(request, |request, (name, value)| request.with(name, value))
    }
}

/// Changes one byte of the head into another one, so that it still parses.
fn with_one_change(request: &Request, place: prop::sample::Index) -> Request {
    let mut changed = request.clone();
    match place.index(4) {
        0 => changed.method.push('X'),
        1 => changed.path.push('~'),
        2 => changed = changed.with_query("added=1"),
        _ => {
            let header =
                changed.headers.iter_mut().find(|(name, _)| name == "host").expect("there is a host");
            header.1.push(b'x');
        }
    }
    changed
}

proptest! {
    #[test]
    fn what_the_library_signs_in_headers_is_accepted(request in request()) {
        let body = request.body.clone();
        let signed = signed_by_library(request, SignatureLocation::Headers, SignableBody::Bytes(&body));
        let payload = signed.verify().map(|authenticated| authenticated.payload);
        prop_assert_eq!(payload, Ok(PayloadCheck::Sha256(Sha256::digest(&body).into())));
    }

    #[test]
    fn what_the_library_signs_without_its_body_is_accepted(request in request()) {
        let signed = signed_by_library(request, SignatureLocation::Headers, SignableBody::UnsignedPayload);
        prop_assert_eq!(signed.verify().map(|authenticated| authenticated.payload), Ok(PayloadCheck::Unsigned));
    }

    #[test]
    fn what_the_library_presigns_is_accepted(request in request()) {
        let signed = signed_by_library(request, SignatureLocation::QueryParams, SignableBody::UnsignedPayload);
        prop_assert_eq!(signed.verify().map(|authenticated| authenticated.payload), Ok(PayloadCheck::Unsigned));
    }

    #[test]
    fn what_is_changed_after_signing_is_denied(
        request in request(),
        place in any::<prop::sample::Index>(),
        in_query in any::<bool>(),
    ) {
        let location = if in_query { SignatureLocation::QueryParams } else { SignatureLocation::Headers };
        let signed = signed_by_library(request, location, SignableBody::UnsignedPayload);
        let refused = with_one_change(&signed, place).verify().map(|_| ());
        prop_assert_eq!(refused, Err(SigV4Error::AccessDenied));
    }
}
