//! What a request claims about who signed it, read from the `Authorization` header or from a presigned query.

use super::date::AmzDate;
use super::encode::hex_32;
use super::error::{MalformedPart, SigV4Error};
use super::limits::PRESIGNED_EXPIRES_S_MAX;
use super::query::{CanonicalQuery, parameter};
use std::borrow::Cow;
use std::time::Duration;

pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
pub(super) const SERVICE: &str = "k2v";
pub(super) const TERMINATOR: &str = "aws4_request";

/// A claim that parses. Nothing of it is proven yet.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    /// `key id/day/region/service/aws4_request`.
    pub(super) credential: Cow<'a, str>,
    /// Header names, separated by `;`.
    pub(super) signed_headers: Cow<'a, str>,
    pub(super) signature: [u8; 32],
    pub(super) date: AmzDate,
    /// The life of a presigned request; `None` for the header form.
    pub(super) expires_s: Option<u32>,
}

impl<'a> Claim<'a> {
    /// Reads the header form: `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
    pub(super) fn from_header(authorization: &'a [u8], date: Option<&[u8]>) -> Result<Self, SigV4Error> {
        let fields = AuthorizationFields::parse(authorization)?;
        let date = date.ok_or(SigV4Error::MissingHeader { name: "x-amz-date" })?;
        Ok(Self {
            credential: Cow::Borrowed(fields.credential),
            signed_headers: Cow::Borrowed(fields.signed_headers),
            signature: hex_32(fields.signature.as_bytes()).ok_or(MalformedPart::Signature)?,
            date: AmzDate::parse(date.trim_ascii())?,
            expires_s: None,
        })
    }

    /// Reads the presigned form.
    pub(super) fn from_query(query: &CanonicalQuery) -> Result<Self, SigV4Error> {
        let text = |name, otherwise: SigV4Error| query.one(name)?.ok_or(otherwise);
        if text(parameter::ALGORITHM, MalformedPart::Algorithm.into())? != ALGORITHM {
            return Err(MalformedPart::Algorithm.into());
        }
        let credential = text(parameter::CREDENTIAL, MalformedPart::Credential.into())?;
        let signed_headers = text(parameter::SIGNED_HEADERS, MalformedPart::SignedHeaders.into())?;
        let signature = text(parameter::SIGNATURE, MalformedPart::Signature.into())?;
        let date = text(parameter::DATE, SigV4Error::InvalidDate)?;
        let expires = text(parameter::EXPIRES, SigV4Error::InvalidExpires)?;
        Ok(Self {
            credential: Cow::Owned(credential),
            signed_headers: Cow::Owned(signed_headers),
            signature: hex_32(signature.as_bytes()).ok_or(MalformedPart::Signature)?,
            date: AmzDate::parse(date.as_bytes())?,
            expires_s: Some(parse_expires(&expires)?),
        })
    }

    /// Checks the scope against this server and the request's own date, and returns the key id.
    pub(super) fn key_id_in_scope(&self, region: &str) -> Result<&str, SigV4Error> {
        let mut parts = self.credential.rsplitn(5, '/');
        let mut next = || parts.next().ok_or(MalformedPart::Credential);
        let (terminator, service, scope_region, day, key_id) = (next()?, next()?, next()?, next()?, next()?);
        if terminator != TERMINATOR || key_id.is_empty() {
            return Err(MalformedPart::Credential.into());
        }
        if service != SERVICE {
            return Err(SigV4Error::WrongService);
        }
        if scope_region != region {
            return Err(SigV4Error::WrongRegion { expected: region.to_owned() });
        }
        if day.as_bytes() != self.date.day() {
            return Err(SigV4Error::WrongScopeDate);
        }
        Ok(key_id)
    }

    /// Checks the date against the server's clock. A presigned request lives from its date to its expiry; the
    /// window only forgives a server clock that is behind.
    pub(super) fn check_clock(&self, now_unix_s: i64, window: Duration) -> Result<(), SigV4Error> {
        let age_s = now_unix_s.saturating_sub(self.date.unix_s());
        let window_s = window.as_secs();
        let age_max_s = i64::try_from(window_s).unwrap_or(i64::MAX);
        match self.expires_s {
            _ if age_s < -age_max_s => Err(SigV4Error::TimeTooSkewed { window_s }),
            Some(expires_s) if age_s > i64::from(expires_s) => Err(SigV4Error::Expired),
            None if age_s > age_max_s => Err(SigV4Error::TimeTooSkewed { window_s }),
            Some(_) | None => Ok(()),
        }
    }
}

/// Digits only: a sign, a space, or more than the maximum is refused, however long the number is.
fn parse_expires(text: &str) -> Result<u32, SigV4Error> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: u32 = text.parse().map_err(|_| SigV4Error::InvalidExpires)?;
    let is_allowed = is_digits && (1..=PRESIGNED_EXPIRES_S_MAX).contains(&seconds);
    is_allowed.then_some(seconds).ok_or(SigV4Error::InvalidExpires)
}

struct AuthorizationFields<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> AuthorizationFields<'a> {
    fn parse(header: &'a [u8]) -> Result<Self, MalformedPart> {
        let header = std::str::from_utf8(header).map_err(|_| MalformedPart::Encoding)?;
        let (algorithm, rest) = header.trim().split_once(' ').ok_or(MalformedPart::Algorithm)?;
        if algorithm != ALGORITHM {
            return Err(MalformedPart::Algorithm);
        }
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for field in rest.split(',') {
            let (name, value) = field.trim().split_once('=').ok_or(MalformedPart::Fields)?;
            let slot = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed_headers,
                "Signature" => &mut signature,
                _ => return Err(MalformedPart::Fields),
            };
            if slot.replace(value).is_some() {
                return Err(MalformedPart::Fields);
            }
        }
        match (credential, signed_headers, signature) {
            (Some(credential), Some(signed_headers), Some(signature)) => {
                Ok(Self { credential, signed_headers, signature })
            }
            _ => Err(MalformedPart::Fields),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn expiries_from_one_second_to_a_week_are_allowed_and_nothing_else() {
        for (text, expect) in [("1", Some(1)), ("604800", Some(604_800)), ("0060", Some(60))] {
            assert_eq!(parse_expires(text).ok(), expect, "{text}");
        }
        let huge = "9".repeat(400);
        for text in ["0", "604801", "-1", "+1", "", " 1", "1.5", "4294967296", "18446744073709551616", &huge]
        {
            assert_eq!(parse_expires(text), Err(SigV4Error::InvalidExpires), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_authorization_parser_panic(header in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Claim::from_header(&header, Some(b"20150830T123600Z"));
        }

        #[test]
        fn no_shuffled_authorization_makes_the_parser_panic(
            header in "AWS4-HMAC-SHA256 ((Credential|SignedHeaders|Signature)=?[a-z0-9/;]{0,64}[, ]{0,2}){0,4}"
        ) {
            if let Ok(claim) = Claim::from_header(header.as_bytes(), Some(b"20150830T123600Z")) {
                let _ = claim.key_id_in_scope("garage");
            }
        }

        #[test]
        fn no_text_makes_the_expiry_parser_panic(text in any::<String>()) {
            let _ = parse_expires(&text);
        }

        #[test]
        fn no_presigned_query_makes_the_parser_panic(
            query in "(&?X-Amz-(Algorithm|Credential|Date|Expires|Signature|SignedHeaders)=[A-Za-z0-9%/-]{0,20}){0,8}"
        ) {
            let mut canonical = CanonicalQuery::default();
            if canonical.read(&query).is_ok() {
                let _ = Claim::from_query(&canonical);
            }
        }

        #[test]
        fn no_clock_makes_the_window_check_overflow(
            now in any::<i64>(),
            window in any::<u64>(),
            expires in any::<Option<u32>>(),
        ) {
            let claim = Claim {
                credential: "".into(),
                signed_headers: "".into(),
                signature: [0; 32],
                date: AmzDate::parse(b"20150830T123600Z").expect("a date"),
                expires_s: expires,
            };
            let _ = claim.check_clock(now, Duration::from_secs(window));
        }
    }
}
