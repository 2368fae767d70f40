//! The verification as a whole, against published vectors, against another implementation, and against hostile
//! requests.

mod actix;
mod client;
mod hostile;
mod oracle;
mod presigned;
mod unstated;
mod vectors;

use super::{MalformedPart, PayloadCheck, SigV4Error};
use client::Request;

#[track_caller]
fn check(request: &Request, expect: &Result<PayloadCheck, SigV4Error>) {
    assert_eq!(&request.verify().map(|authenticated| authenticated.payload), expect);
}

#[track_caller]
fn check_refused(request: &Request, expect: SigV4Error) {
    check(request, &Err(expect));
}

#[track_caller]
fn check_malformed(request: &Request, part: MalformedPart) {
    check_refused(request, part.into());
}

/// Every wrong signature gets the same answer, wherever in the request the change is.
#[track_caller]
fn check_denied(request: &Request) {
    check_refused(request, SigV4Error::AccessDenied);
}
