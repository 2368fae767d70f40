//! The part of a request that a signature covers, borrowed from whatever HTTP library received it.

use super::error::SigV4Error;
use smallvec::SmallVec;

/// The head of a request, exactly as it came over the wire: nothing decoded, nothing normalised.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a, H: ?Sized> {
    /// The method, in its own case.
    pub method: &'a str,
    /// The path before the `?`, still percent-encoded.
    pub raw_path: &'a str,
    /// The query after the `?`, still percent-encoded; empty when there is none.
    pub raw_query: &'a str,
    /// The headers.
    pub headers: &'a H,
}

impl<'a> RequestHead<'a, actix_web::http::header::HeaderMap> {
    /// The head of a request that actix-web received.
    #[must_use]
    pub fn of(request: &'a actix_web::HttpRequest) -> Self {
        let uri = request.uri();
        Self {
            method: request.method().as_str(),
            raw_path: uri.path(),
            raw_query: uri.query().unwrap_or_default(),
            headers: request.headers(),
        }
    }
}

/// Headers that can be walked without allocating.
pub trait HeaderSource {
    /// Calls `visit` with each header, names in **lower case**, the values of a repeated header in the order in
    /// which they arrived. The number of headers is bounded by the HTTP parser.
    fn visit<'a>(&'a self, visit: impl FnMut(&'a str, &'a [u8]));
}

impl HeaderSource for actix_web::http::header::HeaderMap {
    fn visit<'a>(&'a self, mut visit: impl FnMut(&'a str, &'a [u8])) {
        for (name, value) in self {
            visit(name.as_str(), value.as_bytes());
        }
    }
}

/// One header, and whether the signature covers it.
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a [u8],
    pub(super) is_signed: bool,
}

/// All headers of a request, those that decide about authentication picked out.
pub(super) struct Headers<'a> {
    /// As many as an ordinary client sends stay on the stack.
    pub(super) fields: SmallVec<[Field<'a>; 16]>,
    pub(super) authorization: Option<&'a [u8]>,
    pub(super) date: Option<&'a [u8]>,
    pub(super) payload_hash: Option<&'a [u8]>,
}

impl<'a> Headers<'a> {
    /// Reads the headers once. Each of those that decide must be there at most once, `host` exactly once: a proxy
    /// and this server must not be able to pick different ones.
    pub(super) fn collect<H: HeaderSource + ?Sized>(source: &'a H) -> Result<Self, SigV4Error> {
        let mut all =
            Headers { fields: SmallVec::new(), authorization: None, date: None, payload_hash: None };
        let mut host = None;
        let mut repeated = None;
        source.visit(|name, value| {
            let (slot, known) = match name {
                "authorization" => (&mut all.authorization, "authorization"),
                "host" => (&mut host, "host"),
                "x-amz-content-sha256" => (&mut all.payload_hash, "x-amz-content-sha256"),
                "x-amz-date" => (&mut all.date, "x-amz-date"),
                _ => return all.fields.push(Field { name, value, is_signed: false }),
            };
            if slot.replace(value).is_some() {
                repeated = Some(known);
            }
            all.fields.push(Field { name, value, is_signed: false });
        });
        match (repeated, host) {
            (Some(name), _) => Err(SigV4Error::RepeatedHeader { name }),
            (None, None) => Err(SigV4Error::MissingHeader { name: "host" }),
            (None, Some(_)) => Ok(all),
        }
    }
}
