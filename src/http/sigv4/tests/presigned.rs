//! The rules that only presigned requests have, broken once each.

use super::super::limits::PRESIGNED_EXPIRES_S_MAX;
use super::super::{MalformedPart, PayloadCheck, SigV4Error};
use super::client::{NOW_S, Request, Signing, WINDOW_S};
use super::{check, check_denied, check_malformed, check_refused};

const RIGHT: Signing<'static> = Signing::RIGHT;

#[test]
fn a_presigned_request_is_let_in_without_its_body_being_signed() {
    check(&Request::insert().presigned(&RIGHT, "60"), &Ok(PayloadCheck::Unsigned));
}

#[test]
fn a_presigned_request_that_states_a_payload_hash_is_held_to_it() {
    let digest = "cd42404d52ad55ccfa9aca4adc828aa5800ad9d385a0671fbcbf724118320619";
    let how = Signing { payload: Some(digest), ..RIGHT };
    let request = Request::insert().with("x-amz-content-sha256", digest).presigned(&how, "60");
    let payload = request.verify().expect("a right signature").payload;
    assert_eq!(payload.check(b"value"), Ok(()));
    assert_eq!(payload.check(b"the value"), Err(SigV4Error::PayloadMismatch));
}

#[test]
fn a_presigned_request_lives_from_its_date_to_its_expiry() {
    let signed = Request::insert().presigned(&RIGHT, "604800");
    for now in [NOW_S - WINDOW_S.cast_signed(), NOW_S, NOW_S + i64::from(PRESIGNED_EXPIRES_S_MAX)] {
        assert!(signed.verify_at(now).is_ok(), "{now}");
    }
    let too_early = signed.verify_at(NOW_S - WINDOW_S.cast_signed() - 1).map(|_| ());
    assert_eq!(too_early, Err(SigV4Error::TimeTooSkewed { window_s: WINDOW_S }));
    for now in [NOW_S + i64::from(PRESIGNED_EXPIRES_S_MAX) + 1, i64::MAX] {
        assert_eq!(signed.verify_at(now).map(|_| ()), Err(SigV4Error::Expired), "{now}");
    }
    let short = Request::insert().presigned(&RIGHT, "1");
    assert_eq!(short.verify_at(NOW_S + 2).map(|_| ()), Err(SigV4Error::Expired));
}

#[test]
fn an_expiry_outside_a_second_to_a_week_is_refused() {
    for expires in ["0", "-1", "604801", "4294967297", "18446744073709551616", "", "1e3", "%31%20"] {
        check_refused(&Request::insert().presigned(&RIGHT, expires), SigV4Error::InvalidExpires);
    }
}

#[test]
fn parameters_of_a_presigned_request_are_needed_once_each() {
    for name in [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
    ] {
        let presigned = Request::insert().presigned(&RIGHT, "60");
        let kept: Vec<_> =
            presigned.query.split('&').filter(|pair| !pair.starts_with(&format!("{name}="))).collect();
        let missing = Request { query: kept.join("&"), ..presigned.clone() };
        let repeated = presigned.with_query(&format!("{name}=1"));
        check_refused(&missing, SigV4Error::MissingParameter { name });
        check_refused(&repeated, SigV4Error::RepeatedParameter { name });
    }
}

#[test]
fn a_change_to_a_presigned_request_breaks_the_signature() {
    let presigned = || Request::insert().presigned(&RIGHT, "60");
    check_denied(&presigned().tampered("X-Amz-Expires=60", "X-Amz-Expires=61"));
    check_denied(&presigned().tampered("sort_key=sort", "sort_key=other"));
    check_denied(&presigned().with_query("delete"));
    check_denied(&Request { method: "GET".into(), ..presigned() });
    let other =
        presigned().tampered("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256");
    check_malformed(&other, MalformedPart::Algorithm);
    check_malformed(
        &presigned().tampered("X-Amz-Signature=", "X-Amz-Signature=%FF"),
        MalformedPart::Signature,
    );
}
