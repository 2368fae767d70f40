//! Every rule of the protocol's section on signatures, broken once, and what the client is told.

use super::super::{MalformedPart, PayloadCheck, SigV4Error};
use super::client::{NOW_S, Request, Signing, WINDOW_S};
use super::{check, check_denied, check_malformed, check_refused};

const RIGHT: Signing<'static> = Signing::RIGHT;

#[test]
fn a_signed_request_is_let_in_and_its_body_must_be_the_signed_one() {
    let request = Request::insert().signed(&RIGHT);
    let payload = request.verify().expect("a right signature").payload;
    assert_eq!(payload.check(b"the value"), Ok(()));
    assert_eq!(payload.check(b"the valuf"), Err(SigV4Error::PayloadMismatch));
    assert_eq!(payload.check(b""), Err(SigV4Error::PayloadMismatch));
}

#[test]
fn an_unsigned_payload_may_be_anything() {
    let request = Request::insert().signed(&Signing { payload: Some("UNSIGNED-PAYLOAD"), ..RIGHT });
    check(&request, &Ok(PayloadCheck::Unsigned));
    assert_eq!(PayloadCheck::Unsigned.check(b"whatever"), Ok(()));
}

#[test]
fn a_request_without_credentials_is_refused_as_such() {
    check_refused(&Request::insert(), SigV4Error::NoCredentials);
    // Lower-case names are ordinary parameters: the protocol spells the presigned ones one way only.
    check_refused(&Request::insert().with_query("x-amz-signature=00"), SigV4Error::NoCredentials);
}

#[test]
fn an_unknown_key_and_a_wrong_signature_get_the_same_answer() {
    check_denied(&Request::insert().signed(&Signing { key_id: "GK000000000000000000000000", ..RIGHT }));
    check_denied(&Request::insert().signed(&Signing { secret: "guessed", ..RIGHT }));
    check_denied(
        &Request::insert().presigned(&Signing { key_id: "GK000000000000000000000000", ..RIGHT }, "60"),
    );
    check_denied(&Request::insert().presigned(&Signing { secret: "guessed", ..RIGHT }, "60"));
}

#[test]
fn the_secret_that_stands_in_for_unknown_keys_opens_nothing() {
    let zeros = "0".repeat(64);
    for key_id in ["GK000000000000000000000000", super::client::KEY_ID] {
        check_denied(&Request::insert().signed(&Signing { key_id, secret: &zeros, ..RIGHT }));
    }
}

#[test]
fn a_change_on_the_way_breaks_the_signature() {
    let signed = || Request::insert().with("content-type", "text/plain").signed(&RIGHT);
    check(
        &signed().tampered("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256   "),
        &Ok(signed().verify().expect("right").payload),
    );
    check_denied(&Request { method: "DELETE".into(), ..signed() });
    check_denied(&Request { method: "put".into(), ..signed() });
    check_denied(&Request { path: "/bucket/Partition".into(), ..signed() });
    check_denied(&Request { path: "/bucket//partition".into(), ..signed() });
    check_denied(&Request { path: "/bucket/./partition".into(), ..signed() });
    check_denied(&Request { path: "/bucket%2Fpartition".into(), ..signed() });
    check_denied(&Request { path: "/bucket/%70artition".into(), ..signed() });
    check_denied(&signed().with_query("sort_key=other"));
    check_denied(&signed().with_query("delete"));
    check_denied(&Request { query: String::new(), ..signed() });
    check_denied(&signed().tampered("text/plain", "text/html"));
    check_denied(&signed().tampered("k2v.example", "k2v.exampIe"));
    check_denied(&signed().tampered("20260314T150926Z", "20260314T150927Z"));
    check_denied(&signed().with("content-type", "text/html"));
    let hash = "7ca7f4ae2e2a0bb2a2ce0fbbcbcfd2fa6a4b2d6fcb5dbd2a5e2f63d6cf4f7b0a";
    check_denied(&signed().without("x-amz-content-sha256").with("x-amz-content-sha256", hash));
}

#[test]
fn a_path_is_signed_as_it_is_and_never_normalised() {
    for path in [
        "/b//k",
        "/b/../k",
        "/b/./k/",
        "/b/%2F",
        "/b/%2f",
        "/b/%25",
        "/b/%",
        "/b/'\"",
        "/",
        "//",
        "/b/%F0%9F%98%80",
    ] {
        let request = Request { path: path.into(), ..Request::insert() }.signed(&RIGHT);
        assert!(request.verify().is_ok(), "{path}");
    }
}

#[test]
fn a_bare_keyword_is_signed_as_an_empty_value() {
    for query in ["search", "search=", "delete&a=1", "poll_range&&"] {
        let canonical = query.trim_end_matches('&');
        let signed = Request { query: canonical.into(), ..Request::insert() }.signed(&RIGHT);
        assert!(Request { query: query.into(), ..signed }.verify().is_ok(), "{query}");
    }
}

#[test]
fn a_plus_in_the_query_is_a_signed_space() {
    let signed = Request { query: "sort_key=a%20b".into(), ..Request::insert() }.signed(&RIGHT);
    assert!(Request { query: "sort_key=a+b".into(), ..signed.clone() }.verify().is_ok());
    check_denied(&Request { query: "sort_key=a%2Bb".into(), ..signed });
}

#[test]
fn a_broken_escape_in_the_query_is_named() {
    check_refused(&Request::insert().signed(&RIGHT).with_query("a=%zz"), SigV4Error::InvalidQueryEscape);
}

#[test]
fn spaces_in_header_values_are_signed_trimmed_and_collapsed() {
    let signed = Request::insert().with("accept", "a b c").signed(&RIGHT);
    for value in ["  a b c", "a b c  ", "a    b  c", "   a  b  c   "] {
        let sent = signed.clone().without("accept").with("accept", value);
        assert!(sent.verify().is_ok(), "'{value}'");
    }
    for value in ["a bc", "a\tb c", "a b c d", ""] {
        check_denied(&signed.clone().without("accept").with("accept", value));
    }
    let empty = Request::insert().with("accept", "").signed(&RIGHT);
    assert!(empty.without("accept").with("accept", "   ").verify().is_ok());
}

#[test]
fn repeated_headers_are_signed_in_their_order() {
    let signed = Request::insert().with("accept", "a").with("accept", "b").signed(&RIGHT);
    assert!(signed.verify().is_ok());
    check_denied(&signed.without("accept").with("accept", "b").with("accept", "a"));
}

#[test]
fn credentials_in_header_and_query_are_refused_together() {
    let twice = Request::insert().presigned(&RIGHT, "60").signed(&RIGHT);
    check_refused(&twice, SigV4Error::CredentialsTwice);
    let twice = Request::insert().with_query("X-Amz-Signature=00").signed(&RIGHT);
    check_refused(&twice, SigV4Error::CredentialsTwice);
    let twice = Request::insert().with_query("%58-Amz-Credential=00").signed(&RIGHT);
    check_refused(&twice, SigV4Error::CredentialsTwice);
}

#[test]
fn headers_that_decide_must_not_be_repeated() {
    for name in ["authorization", "host", "x-amz-content-sha256", "x-amz-date"] {
        let signed = Request::insert().signed(&RIGHT);
        let value =
            signed.headers.iter().find(|(present, _)| present == name).expect("it is there").1.clone();
        let value = String::from_utf8(value).expect("text");
        check_refused(&signed.with(name, &value), SigV4Error::RepeatedHeader { name });
    }
}

#[test]
fn headers_that_every_request_needs_are_named_when_missing() {
    for name in ["host", "x-amz-date"] {
        let signed = Request::insert().signed(&RIGHT).without(name);
        check_refused(&signed, SigV4Error::MissingHeader { name });
    }
    // A plain Date does not stand in.
    let dated =
        Request::insert().signed(&RIGHT).without("x-amz-date").with("date", "Sat, 14 Mar 2026 15:09:26 GMT");
    check_refused(&dated, SigV4Error::MissingHeader { name: "x-amz-date" });
}

#[test]
fn headers_that_mean_something_must_be_signed() {
    let all = "host;x-amz-content-sha256;x-amz-date";
    for name in all.split(';') {
        let names: Vec<_> = all.split(';').filter(|kept| *kept != name).collect();
        let how = Signing { names: Some(&names.join(";")), ..RIGHT };
        check_refused(&Request::insert().signed(&how), SigV4Error::UnsignedHeader { name: name.into() });
    }
    for name in ["x-amz-security-token", "x-amz-"] {
        let added = Request::insert().signed(&RIGHT).with(name, "1");
        check_refused(&added, SigV4Error::UnsignedHeader { name: name.into() });
        let added = Request::insert().presigned(&RIGHT, "60").with(name, "1");
        check_refused(&added, SigV4Error::UnsignedHeader { name: name.into() });
    }
    let presigned =
        Request::insert().presigned(&Signing { names: Some("x-garage-causality-token"), ..RIGHT }, "60");
    check_refused(&presigned, SigV4Error::UnsignedHeader { name: "host".into() });
}

#[test]
fn garage_headers_may_be_signed_and_then_hold() {
    let how = Signing { names: Some("host;x-amz-content-sha256;x-amz-date"), ..RIGHT };
    assert!(Request::insert().signed(&how).verify().is_ok());
    assert!(Request::insert().signed(&RIGHT).with("x-garage-anything", "1").verify().is_ok());
    assert!(Request::insert().presigned(&Signing { names: Some("host"), ..RIGHT }, "60").verify().is_ok());
    let signed = Request::insert().signed(&RIGHT);
    check_denied(&signed.without("x-garage-causality-token").with("x-garage-causality-token", "other"));
}

#[test]
fn headers_that_mean_nothing_may_be_added_on_the_way() {
    let added = Request::insert().signed(&RIGHT).with("x-forwarded-for", "::1").with("via", "1.1 proxy");
    assert!(added.verify().is_ok());
}

#[test]
fn a_signed_header_that_did_not_arrive_is_named() {
    let lost = Request::insert().with("content-type", "text/plain").signed(&RIGHT).without("content-type");
    check_refused(&lost, SigV4Error::AbsentSignedHeader { name: "content-type".into() });
}

#[test]
fn signed_headers_must_be_lower_case_sorted_and_each_once() {
    let right = "host;x-amz-content-sha256;x-amz-date;x-garage-causality-token";
    for names in [
        "x-amz-date;host;x-amz-content-sha256;x-garage-causality-token",
        "host;host;x-amz-content-sha256;x-amz-date;x-garage-causality-token",
        "Host;x-amz-content-sha256;x-amz-date;x-garage-causality-token",
        "",
        ";host",
    ] {
        let sent = Request::insert().signed(&RIGHT).tampered(right, names);
        check_malformed(&sent, MalformedPart::SignedHeaders);
    }
    check_malformed(&Request::insert().signed(&RIGHT).tampered(right, "host;"), MalformedPart::SignedHeaders);
}

#[test]
fn a_scope_of_another_region_service_or_day_is_refused_as_such() {
    let region = SigV4Error::WrongRegion { expected: "garage".into() };
    for (how, expect) in [
        (Signing { region: "us-east-1", ..RIGHT }, region.clone()),
        (Signing { region: "", ..RIGHT }, region),
        (Signing { service: "s3", ..RIGHT }, SigV4Error::WrongService),
        (Signing { day: "20260313", ..RIGHT }, SigV4Error::WrongScopeDate),
        (Signing { day: "2026031", ..RIGHT }, SigV4Error::WrongScopeDate),
        (Signing { terminator: "aws5_request", ..RIGHT }, MalformedPart::Credential.into()),
        (Signing { key_id: "", ..RIGHT }, MalformedPart::Credential.into()),
    ] {
        check_refused(&Request::insert().signed(&how), expect.clone());
        check_refused(&Request::insert().presigned(&how, "60"), expect);
    }
}

#[test]
fn an_authorization_header_that_does_not_parse_says_which_part() {
    let tampered = |from, to| Request::insert().signed(&RIGHT).tampered(from, to);
    for (request, part) in [
        (tampered("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), MalformedPart::Algorithm),
        (tampered("AWS4-HMAC-SHA256 ", "Bearer "), MalformedPart::Algorithm),
        (tampered("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256"), MalformedPart::Algorithm),
        (tampered("Credential=", "credential="), MalformedPart::Fields),
        (tampered("Credential=", "Other=1, Credential="), MalformedPart::Fields),
        (tampered("Credential=", "Credential=1, Credential="), MalformedPart::Fields),
        (tampered(", Signature=", ", Signature"), MalformedPart::Fields),
        (tampered(", Signature=", ",, Signature="), MalformedPart::Fields),
        (tampered(", Signature=", ";Signature="), MalformedPart::Fields),
        (tampered("/aws4_request", ""), MalformedPart::Credential),
        (tampered("Signature=", "Signature=0"), MalformedPart::Signature),
        (tampered("Signature=", "Signature=z"), MalformedPart::Signature),
    ] {
        check_malformed(&request, part);
    }
    let mut binary = Request::insert().signed(&RIGHT).without("authorization");
    for value in [&b"\xff\xfe"[..], b"AWS4-HMAC-SHA256 \xff", b""] {
        binary.headers.push(("authorization".into(), value.to_vec()));
        let part = if value.is_empty() { MalformedPart::Algorithm } else { MalformedPart::Encoding };
        check_malformed(&binary, part);
        binary = binary.without("authorization");
    }
}

#[test]
fn spaces_after_the_commas_of_the_authorization_header_are_optional() {
    let sent = Request::insert().signed(&RIGHT).tampered(", ", ",");
    assert!(sent.verify().is_ok());
}

#[test]
fn a_date_that_is_none_is_refused() {
    for date in ["", "20260314", "20260314T150926", "20260230T150926Z", "2026-03-14T15:09:26Z"] {
        check_refused(&Request::insert().signed(&Signing { date, ..RIGHT }), SigV4Error::InvalidDate);
        check_refused(
            &Request::insert().presigned(&Signing { date, ..RIGHT }, "60"),
            SigV4Error::InvalidDate,
        );
    }
}

#[test]
fn the_clock_window_is_open_to_both_sides_and_ends_sharply() {
    let signed = Request::insert().signed(&RIGHT);
    let window = WINDOW_S.cast_signed();
    for now in [NOW_S - window, NOW_S, NOW_S + window] {
        assert!(signed.verify_at(now).is_ok(), "{now}");
    }
    for now in [NOW_S - window - 1, NOW_S + window + 1, 0, i64::MIN, i64::MAX] {
        let refused = signed.verify_at(now).map(|_| ());
        assert_eq!(refused, Err(SigV4Error::TimeTooSkewed { window_s: WINDOW_S }), "{now}");
    }
}

#[test]
fn payloads_signed_in_chunks_are_refused() {
    for payload in ["STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-"]
    {
        let how = Signing { payload: Some(payload), ..RIGHT };
        check_refused(&Request::insert().signed(&how), SigV4Error::StreamingPayload);
        let presigned = Request::insert().with("x-amz-content-sha256", payload).presigned(&how, "60");
        check_refused(&presigned, SigV4Error::StreamingPayload);
    }
}

#[test]
fn a_payload_hash_that_is_none_is_refused() {
    let long = "0".repeat(65);
    for payload in ["", "unsigned-payload", "abc", &long[..63], &long, &"g".repeat(64)] {
        let how = Signing { payload: Some(payload), ..RIGHT };
        check_refused(&Request::insert().signed(&how), SigV4Error::InvalidPayloadHash);
    }
}

#[test]
fn no_message_tells_the_secret_the_right_signature_or_whether_a_key_exists() {
    let unknown = Request::insert().signed(&Signing { key_id: "GK000000000000000000000000", ..RIGHT });
    let wrong = Request::insert().signed(&Signing { secret: "guessed", ..RIGHT });
    let messages =
        [unknown, wrong].map(|request| request.verify().map(|_| ()).expect_err("refused").to_string());
    assert_eq!(messages[0], messages[1]);
    assert!(!messages[0].contains(Signing::RIGHT.secret) && !messages[0].contains("GK"));
}

#[test]
fn a_large_head_does_not_hold_memory_after_its_request() {
    let huge =
        Request { query: format!("sort_key={}", "x".repeat(100_000)), ..Request::insert() }.signed(&RIGHT);
    assert!(huge.verify().is_ok());
    super::super::SCRATCH.with(|scratch| {
        let kept = scratch.take();
        assert!(
            kept.canonical.capacity() + kept.query.bytes_kept()
                <= super::super::limits::SCRATCH_BYTES_KEPT_MAX
        );
    });
    assert!(Request::insert().signed(&RIGHT).verify().is_ok());
}
