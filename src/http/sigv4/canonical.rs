//! The canonical request, and which headers a signature must cover.
//!
//! ```text
//! method \n path encoded once more \n canonical query \n name:value \n … \n \n signed names \n payload hash
//! └──────────────────────────── known from the head ────────────────────────────────┘
//! ```

use super::encode::push_path;
use super::error::{MalformedPart, SigV4Error};
use super::head::{Field, Headers};
use super::query::CanonicalQuery;

/// What goes into a canonical request beside the headers.
pub(super) struct CanonicalParts<'a> {
    pub(super) method: &'a str,
    pub(super) raw_path: &'a str,
    pub(super) query: &'a CanonicalQuery,
    pub(super) signed_headers: &'a str,
}

impl CanonicalParts<'_> {
    /// Replaces `out` by the canonical request up to its payload hash, and marks in `headers` those that it covers.
    pub(super) fn write(&self, headers: &mut Headers<'_>, out: &mut Vec<u8>) -> Result<(), SigV4Error> {
        out.clear();
        out.extend_from_slice(self.method.as_bytes());
        out.push(b'\n');
        push_path(out, self.raw_path);
        out.push(b'\n');
        self.query.write(out);
        out.push(b'\n');
        push_headers(out, self.signed_headers, headers)?;
        out.push(b'\n');
        out.extend_from_slice(self.signed_headers.as_bytes());
        out.push(b'\n');
        Ok(())
    }
}

/// Refuses a request whose signature leaves out a header that decides about authentication: a relay could change
/// or add it without breaking the signature. `x-garage-*` headers may be left out, as generic signers do: a causality
/// token is sealed, so a relay can only remove one or put an older one of the same item in its place.
pub(super) fn check_all_signed(headers: &Headers<'_>) -> Result<(), SigV4Error> {
    let must_be_signed = |name: &str| name == "host" || name.starts_with("x-amz-");
    match headers.fields.iter().find(|field| !field.is_signed && must_be_signed(field.name)) {
        Some(field) => Err(SigV4Error::UnsignedHeader { name: field.name.to_owned() }),
        None => Ok(()),
    }
}

/// Names must ascend, so each is there once and there are no more of them than headers: the search below is
/// bounded by the number of headers that the HTTP parser lets in, squared.
fn push_headers(out: &mut Vec<u8>, signed: &str, headers: &mut Headers<'_>) -> Result<(), SigV4Error> {
    let mut previous = "";
    for name in signed.split(';') {
        if name <= previous || name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(MalformedPart::SignedHeaders.into());
        }
        previous = name;
        out.extend_from_slice(name.as_bytes());
        let mut separator = b':';
        for field in headers.fields.iter_mut().filter(|field| field.name == name) {
            out.push(separator);
            push_value(out, field);
            separator = b',';
        }
        if separator == b':' {
            return Err(SigV4Error::AbsentSignedHeader { name: name.to_owned() });
        }
        out.push(b'\n');
    }
    Ok(())
}

/// Appends a value without its outer spaces and with inner runs of them as one. Only spaces: other white space is
/// signed as it is.
fn push_value(out: &mut Vec<u8>, field: &mut Field<'_>) {
    field.is_signed = true;
    let value = trim_spaces(field.value);
    if !has_double_space(value) {
        return out.extend_from_slice(value);
    }
    let mut after_space = false;
    for byte in value {
        let is_space = *byte == b' ';
        if !(is_space && after_space) {
            out.push(*byte);
        }
        after_space = is_space;
    }
}

fn trim_spaces(mut value: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = value {
        value = rest;
    }
    value
}

/// Looks at every pair instead of stopping at the first, which lets the compiler do 16 at a time.
fn has_double_space(value: &[u8]) -> bool {
    let Some(shifted) = value.get(1..) else { return false };
    value.iter().zip(shifted).fold(false, |found, (left, right)| found | ((*left == b' ') & (*right == b' ')))
}
