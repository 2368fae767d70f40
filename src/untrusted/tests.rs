//! The same doors as the fuzz targets, with random bytes, and with what is almost right.

use super::*;
use proptest::prelude::*;

/// Inputs that are right, or nearly: mutations of them go deeper than random bytes do.
const SIGNED: &str = "GET\n/b/pk\nsort_key=sk\nhost: localhost\nx-amz-date: 20251120T000000Z\nx-amz-content-sha256: UNSIGNED-PAYLOAD\nauthorization: AWS4-HMAC-SHA256 Credential=GK31c2f218a2e44f485b94239e/20251120/garage/k2v/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=98f1ffe4a2f1d1b2a6e1ea2a3a1b2a6e1ea2a3a1b2a6e1ea2a3a1b2a6e1ea2a3";
const PRESIGNED: &str = "GET\n/b/pk\nsort_key=sk&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=GK31c2f218a2e44f485b94239e%2F20251120%2Fgarage%2Fk2v%2Faws4_request&X-Amz-Date=20251120T000000Z&X-Amz-Expires=300&X-Amz-SignedHeaders=host&X-Amz-Signature=98f1ffe4a2f1d1b2a6e1ea2a3a1b2a6e1ea2a3a1b2a6e1ea2a3a1b2a6e1ea2a3\nhost: localhost";
const BODIES: [&str; 4] = [
    r#"[{"pk":"a\u00e9","sk":"b","ct":"AAAAAAAAAAA","v":"YQ=="},{"pk":"a","sk":"c","v":null}]"#,
    r#"[{"partitionKey":"p","prefix":"a","start":"a","end":"b","limit":18446744073709551615,"reverse":false}]"#,
    r#"[{"partitionKey":"p","start":"a","singleItem":true,"conflictsOnly":true,"tombstones":true}]"#,
    r#"{"prefix":"a","start":"ab","end":null,"timeout":600,"seenMarker":"AAAAAAAAAAA"}"#,
];
const REQUEST_LINE: &str = "/b/a%2F..//b\nsort_key=a%20b&prefix=p&start=pq&end=&limit=5&reverse=true&poll_range\napplication/json;q=0.5, */*";
const CONFIG: &str = "metadata_dir = \"/m\"\nreplication_factor = 3\nlmdb_map_size = \"1T\"\nbootstrap_peers = [ \"a@b:1\" ]\n[k2v_api]\napi_bind_addr = \"[::]:3904\"\n[troupe]\ndurability = \"commit\"\nvalue_bytes_max = \"1MiB\"\n";

/// Cuts, flips, repeats: a few small changes of one input.
fn mutated(seed: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..5_u8);
    prop::collection::vec(change, 0..4).prop_map(move |changes| {
        changes.into_iter().fold(seed.to_vec(), |mut bytes, (at, byte, how)| {
            let at = at.index(bytes.len() + 1);
            match how {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, byte),
                2 if at < bytes.len() => bytes[at] = byte,
                3 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.extend_from_within(at..),
            }
            bytes
        })
    })
}

fn anything() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..200)
}

proptest! {
    #[test]
    fn nobody_signs_without_the_secret(input in prop_oneof![anything(), mutated(SIGNED.as_bytes()), mutated(PRESIGNED.as_bytes())]) {
        signature(&input);
    }

    #[test]
    fn bytes_are_an_item_or_none(input in anything()) {
        item(&input);
    }

    #[test]
    fn nobody_seals_without_the_key(input in prop_oneof![anything(), "[A-Za-z0-9_-]{0,120}".prop_map(String::into_bytes)]) {
        sealed(&input);
    }

    #[test]
    fn a_body_is_read_or_refused(input in prop_oneof![
        anything(),
        mutated(BODIES[0].as_bytes()),
        mutated(BODIES[1].as_bytes()),
        mutated(BODIES[2].as_bytes()),
        mutated(BODIES[3].as_bytes()),
    ]) {
        body(&input);
    }

    #[test]
    fn a_request_line_is_read_or_refused(input in prop_oneof![anything(), mutated(REQUEST_LINE.as_bytes())]) {
        request_line(&input);
    }

    #[test]
    fn a_configuration_is_read_or_refused(input in prop_oneof![anything(), mutated(CONFIG.as_bytes())]) {
        config(&input);
    }

    #[test]
    fn rows_are_read_or_refused(input in anything()) {
        control_rows(&input);
    }
}
