//! The public test vectors for AWS Signature Version 4, in `tests/vectors/sigv4` (see NOTICE there).
//!
//! They are for a service named `service` whose paths are normalised and whose payloads need no header, so they
//! test the canonical request, the string to sign and the signature, each by itself.

use super::super::canonical::CanonicalParts;
use super::super::credentials::Claim;
use super::super::head::Headers;
use super::super::proof::write_string_to_sign;
use super::super::query::CanonicalQuery;
use super::super::signing_key::SigningKey;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The vectors that demand a normalised path. This project signs the path as it came, so they must come out as
/// the unnormalised vector for the same request does.
const NORMALISED: [&str; 6] = [
    "get-relative-normalized",
    "get-relative-relative-normalized",
    "get-slash-dot-slash-normalized",
    "get-slash-normalized",
    "get-slash-pointless-dot-normalized",
    "get-slashes-normalized",
];

/// A session token added to the query after signing: this project leaves no parameter but the signature unsigned.
const TOKEN_AFTER_SIGNING: &str = "post-sts-header-after";

const FORMS: [&str; 2] = ["header", "query"];

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "vectors", "sigv4"].iter().collect()
}

fn read(vector: &str, file: &str) -> String {
    let path = folder().join(vector).join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A request in the vectors' spelling: the target may hold spaces and text that is not ASCII.
struct Request {
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, Vec<u8>)>,
    body: String,
}

impl Request {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        // A folded line goes on with a space, as an HTTP parser hands it over.
        let unfolded = head.replace("\n ", " ");
        let mut lines = unfolded.lines();
        let line = lines.next().expect("a request line");
        let (method, target) = line.split_once(' ').expect("a method");
        let target = target.strip_suffix(" HTTP/1.1").expect("a version");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').expect("a header");
            (name.to_lowercase(), value.as_bytes().to_vec())
        });
        Self {
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers: headers.collect(),
            body: body.into(),
        }
    }
}

/// What this project makes of a signed request: canonical request, string to sign, signature.
fn computed(request: &Request) -> [String; 3] {
    let mut headers = Headers::collect(&request.headers).expect("no header that decides is repeated");
    let mut query = CanonicalQuery::default();
    query.read(&request.query).expect("a query");
    let claim = match headers.authorization {
        Some(authorization) => Claim::from_header(authorization, headers.date),
        None => Claim::from_query(&query),
    }
    .expect("credentials");
    let body_hash = hex::encode(Sha256::digest(&request.body));
    let payload_hash = headers.payload_hash.unwrap_or(body_hash.as_bytes());
    let parts = CanonicalParts {
        method: &request.method,
        raw_path: &request.path,
        query: &query,
        signed_headers: &claim.signed_headers,
    };
    let mut canonical = Vec::new();
    parts.write(&mut headers, &mut canonical).expect("every signed header is there");
    canonical.extend_from_slice(payload_hash);
    let mut to_sign = Vec::new();
    let hash = Sha256::digest(&canonical).into();
    write_string_to_sign(&mut to_sign, &claim.date, "us-east-1", "service", &hash);
    let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    let key = SigningKey::derive(secret, claim.date.day(), "us-east-1", "service");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    let signature = key.sign(&to_sign);
    [text(canonical), text(to_sign), hex::encode(signature)]
}

fn published(vector: &str, form: &str) -> [String; 3] {
    ["canonical-request", "string-to-sign", "signature"]
        .map(|part| read(vector, &format!("{form}-{part}.txt")))
}

fn signed(vector: &str, form: &str) -> Request {
    Request::parse(&read(vector, &format!("{form}-signed-request.txt")))
}

fn all_vectors() -> BTreeSet<String> {
    let entries =
        std::fs::read_dir(folder()).expect("the vectors are there").map(|entry| entry.expect("an entry"));
    let folders = entries.filter(|entry| entry.file_type().expect("a type").is_dir());
    folders.map(|entry| entry.file_name().into_string().expect("a name")).collect()
}

#[test]
fn every_vector_that_does_not_normalise_comes_out_as_published() {
    let vectors = all_vectors();
    assert_eq!(vectors.len(), 38);
    for vector in vectors.iter().filter(|vector| !NORMALISED.contains(&vector.as_str())) {
        for form in FORMS.iter().filter(|form| (vector.as_str(), **form) != (TOKEN_AFTER_SIGNING, "query")) {
            assert_eq!(computed(&signed(vector, form)), published(vector, form), "{vector}, {form}");
        }
    }
}

#[test]
fn a_vector_that_normalises_comes_out_as_its_unnormalised_twin() {
    for vector in NORMALISED {
        let twin = vector.replace("-normalized", "-unnormalized");
        for form in FORMS {
            let ours = computed(&signed(vector, form));
            assert_eq!(ours, published(&twin, form), "{vector}, {form}");
            assert_ne!(ours, published(vector, form), "{vector} is listed as differing, {form}");
        }
    }
}

#[test]
fn a_session_token_added_to_the_query_after_signing_breaks_the_signature() {
    let request = signed(TOKEN_AFTER_SIGNING, "query");
    assert_ne!(computed(&request), published(TOKEN_AFTER_SIGNING, "query"));
    let kept: Vec<_> =
        request.query.split('&').filter(|pair| !pair.starts_with("X-Amz-Security-Token")).collect();
    let without = Request { query: kept.join("&"), ..request };
    assert_eq!(computed(&without), published(TOKEN_AFTER_SIGNING, "query"));
}
