//! Requests that do not state what their payload hash is: generic signers, which sign the hash of the body.

use super::super::{PayloadCheck, SigV4Error};
use super::client::{NOW_S, Request, Signing, WINDOW_S};
use super::{check, check_denied, check_refused};

const UNSTATED: Signing<'static> = Signing { states_payload: false, ..Signing::RIGHT };

#[test]
fn a_signature_over_the_hash_of_the_body_is_right_for_that_body_alone() {
    let signed = Request::insert().signed(&UNSTATED);
    assert_eq!(signed.needs_its_body(), Ok(true));
    assert!(signed.verify().is_ok());
    check_denied(&Request { body: b"the valuf".to_vec(), ..signed.clone() });
    check_denied(&Request { body: Vec::new(), ..signed });
}

#[test]
fn a_body_that_is_not_there_is_hashed_too() {
    let read = Request::new("GET", "/bucket/partition", "sort_key=sort", b"").signed(&UNSTATED);
    assert!(read.verify().is_ok());
    check_denied(&Request { body: b"smuggled".to_vec(), ..read });
}

#[test]
fn a_presigned_request_may_be_signed_over_the_hash_of_its_body() {
    let digest = hex_of_the_value();
    let signed = Request::insert().presigned(&Signing { payload: Some(&digest), ..Signing::RIGHT }, "60");
    assert_eq!(signed.needs_its_body(), Ok(true));
    assert!(signed.verify().is_ok());
    check_denied(&Request { body: b"another".to_vec(), ..signed });
    let unsigned = Request::insert().presigned(&Signing::RIGHT, "60");
    assert_eq!(unsigned.needs_its_body(), Ok(false));
    check(&Request { body: b"another".to_vec(), ..unsigned }, &Ok(PayloadCheck::Unsigned));
}

#[test]
fn whoever_signs_no_payload_must_state_so_in_the_header_form() {
    check_denied(&Request::insert().signed(&Signing { payload: Some("UNSIGNED-PAYLOAD"), ..UNSTATED }));
}

#[test]
fn what_can_be_refused_without_the_body_does_not_wait_for_it() {
    let refused = |request: &Request, expect: SigV4Error| {
        assert_eq!(request.needs_its_body(), Err(expect.clone()));
        check_refused(request, expect);
    };
    let unknown = Signing { key_id: "GK000000000000000000000000", ..UNSTATED };
    refused(&Request::insert().signed(&unknown), SigV4Error::AccessDenied);
    let region = Signing { region: "us-east-1", ..UNSTATED };
    let expected = SigV4Error::WrongRegion { expected: "garage".into() };
    refused(&Request::insert().signed(&region), expected);
    let unsigned = Request::insert().signed(&UNSTATED).with("x-amz-security-token", "1");
    refused(&unsigned, SigV4Error::UnsignedHeader { name: "x-amz-security-token".into() });
    let late = Request::insert().signed(&UNSTATED).verify_at(NOW_S + WINDOW_S.cast_signed() + 1);
    assert_eq!(late.map(|_| ()), Err(SigV4Error::TimeTooSkewed { window_s: WINDOW_S }));
    // A wrong secret is only seen with the body.
    let wrong = Request::insert().signed(&Signing { secret: "guessed", ..UNSTATED });
    assert_eq!(wrong.needs_its_body(), Ok(true));
    check_denied(&wrong);
}

#[test]
fn taking_the_stated_hash_away_or_adding_one_breaks_the_signature() {
    let stated = Request::insert().signed(&Signing::RIGHT);
    let name = "x-amz-content-sha256".to_owned();
    check_refused(
        &stated.without("x-amz-content-sha256"),
        SigV4Error::AbsentSignedHeader { name: name.clone() },
    );
    let added = Request::insert().signed(&UNSTATED).with(&name, &hex_of_the_value());
    check_refused(&added, SigV4Error::UnsignedHeader { name });
}

fn hex_of_the_value() -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(b"the value"))
}
