//! The same verification on the request type of the HTTP server.

use super::super::{RequestHead, VerifierConfig, authenticate};
use super::client::{KEY_ID, Key, NOW_S, REGION, Request, Signing, WINDOW_S};
use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::test::TestRequest;
use std::time::Duration;

fn received(request: &Request) -> HttpRequest {
    let method = Method::from_bytes(request.method.as_bytes()).expect("a method");
    let target = format!("{}?{}", request.path, request.query);
    let received = TestRequest::with_uri(&target).method(method);
    let headers = request.headers.iter();
    headers
        .fold(received, |to, (name, value)| to.append_header((name.as_str(), value.as_slice())))
        .to_http_request()
}

#[track_caller]
fn check_accepted(request: &Request) {
    let received = received(request);
    let config = VerifierConfig { region: REGION.to_owned(), clock_window: Duration::from_secs(WINDOW_S) };
    let outcome =
        authenticate(&RequestHead::of(&received), NOW_S, &config, |id| (id == KEY_ID).then_some(Key));
    assert!(outcome.is_ok(), "{request:?}: {:?}", outcome.err());
}

#[test]
fn a_request_is_verified_as_the_server_received_it() {
    for path in ["/b", "/b//k", "/b/../k/./", "/b/%2F%2f", "/b/'(k)'", "/b/%F0%9F%98%80"] {
        let request = Request { path: path.into(), ..Request::insert() };
        check_accepted(&request.clone().signed(&Signing::RIGHT));
        check_accepted(&request.presigned(&Signing::RIGHT, "60"));
    }
    check_accepted(
        &Request { method: "SEARCH".into(), query: "search".into(), ..Request::insert() }
            .signed(&Signing::RIGHT),
    );
    check_accepted(&Request { query: String::new(), ..Request::insert() }.signed(&Signing::RIGHT));
}

#[test]
fn repeated_headers_keep_their_order_on_the_way_through_the_server() {
    let request = Request::insert().with("accept", "b").with("accept", "a").with("accept", "c");
    check_accepted(&request.signed(&Signing::RIGHT));
}
