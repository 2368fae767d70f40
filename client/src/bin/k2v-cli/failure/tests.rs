use std::time::Duration;

use k2v_client::RemoteError;

use super::*;

fn remote() -> Box<RemoteError> {
    let status = http::StatusCode::BAD_REQUEST;
    Box::new(RemoteError { status, code: "C".into(), message: "m".into(), path: "/".into() })
}

fn check(error: Error, exit: u8) {
    let failure = Failure::from(error);
    assert_eq!(failure.exit() as u8, exit, "{failure:?}");
}

#[test]
fn every_kind_of_error_has_the_code_that_scripts_rely_on() {
    check(Error::NoSuchKey(remote()), 3);
    check(Error::NoSuchBucket(remote()), 3);
    check(Error::Conflict(remote()), 4);
    check(Error::StillConflicting { rounds: 1 }, 4);
    check(Error::AccessDenied(remote()), 5);
    check(Error::ClockSkew(remote()), 5);
    check(Error::WrongRegion(remote()), 5);
    check(Error::Unavailable(remote()), 6);
    check(Error::InsufficientStorage(remote()), 6);
    check(Error::Connect { endpoint: "e".into(), source: "refused".into() }, 6);
    check(Error::Disconnected("reset".into()), 6);
    check(Error::Timeout { after: Duration::ZERO }, 7);
    check(Error::InvalidArgument(k2v_client::InvalidArgument::EmptySortKey), 2);
    check(Error::Server(remote()), 1);
    check(Error::TooLarge(remote()), 1);
    check(Error::InvalidRequest(remote()), 1);
}

#[test]
fn a_sentence_names_the_cause_once() {
    let error = Error::Connect { endpoint: "http://h".into(), source: "connection refused".into() };
    assert_eq!(Failure::from(error).to_string(), "cannot connect to http://h: connection refused");
}

#[test]
fn a_failure_in_json_has_the_servers_code_or_a_word_of_its_own() {
    let json = |failure: Failure| serde_json::to_value(failure.to_json()).unwrap();
    let refused = json(Failure::from(Error::NoSuchKey(remote())));
    assert_eq!((refused["code"].as_str(), refused["exit_code"].as_u64()), (Some("C"), Some(3)));
    assert!(refused["hint"].as_str().unwrap().contains("k2v-cli ls"));
    let usage = json(Failure::usage("no"));
    assert_eq!((usage["code"].as_str(), usage["message"].as_str()), (Some("Usage"), Some("no")));
    let advised = json(Failure::usage("no").advised("yes"));
    assert_eq!((advised["hint"].as_str(), advised["exit_code"].as_u64()), (Some("yes"), Some(2)));
}
