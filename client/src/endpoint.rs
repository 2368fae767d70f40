//! Where the server is.

use http::uri::Scheme;
use http::{HeaderValue, Uri};

use crate::error::InvalidArgument;

/// Scheme, host and port of a server. There is no path: a signature covers the path as the server sees it.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    /// `http://host:port`, without a slash at the end.
    base: String,
    /// The host header, which leaves out the port that the scheme implies.
    pub(crate) host: HeaderValue,
    pub(crate) is_tls: bool,
}

impl Endpoint {
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidArgument> {
        let uri: Uri = text.parse().map_err(InvalidArgument::EndpointSyntax)?;
        let is_tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(_) | None => return Err(InvalidArgument::Endpoint),
        };
        let authority = uri.authority().ok_or(InvalidArgument::Endpoint)?;
        if authority.as_str().contains('@') || uri.path() != "/" || uri.query().is_some() {
            return Err(InvalidArgument::EndpointPath);
        }
        if authority.host().is_empty() {
            return Err(InvalidArgument::Endpoint);
        }
        let implied_port = if is_tls { 443 } else { 80 };
        let host = match authority.port_u16() {
            Some(port) if port != implied_port => format!("{}:{port}", authority.host()),
            Some(_) | None => authority.host().to_owned(),
        };
        let scheme = if is_tls { "https" } else { "http" };
        let base = format!("{scheme}://{host}");
        let host = HeaderValue::from_str(&host).map_err(|_| InvalidArgument::Endpoint)?;
        Ok(Self { base, host, is_tls })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.base
    }

    /// The whole address of an encoded path and query.
    pub(crate) fn uri(&self, path: &str, query: &str) -> Result<Uri, InvalidArgument> {
        let separator = if query.is_empty() { "" } else { "?" };
        Uri::try_from(format!("{}{path}{separator}{query}", self.base)).map_err(InvalidArgument::Url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, base: &str, host: &str) {
        let endpoint = Endpoint::parse(text).unwrap();
        assert_eq!((endpoint.base.as_str(), endpoint.host.to_str().unwrap()), (base, host));
    }

    fn check_refused(text: &str, expected: &str) {
        let refused = Endpoint::parse(text).unwrap_err();
        assert!(refused.to_string().contains(expected), "{text:?}: {refused}");
    }

    #[test]
    fn the_host_header_leaves_out_the_implied_port() {
        check("http://localhost:3902", "http://localhost:3902", "localhost:3902");
        check("http://localhost:80/", "http://localhost", "localhost");
        check("https://k2v.example:443", "https://k2v.example", "k2v.example");
        check("https://k2v.example:80", "https://k2v.example:80", "k2v.example:80");
        check("http://[::1]:3902", "http://[::1]:3902", "[::1]:3902");
    }

    #[test]
    fn what_is_not_an_endpoint_is_refused() {
        for text in ["localhost:3902", "localhost", "ftp://localhost", "", "http://"] {
            check_refused(text, "not a URL of the form");
        }
        for text in ["http://h/path", "http://h/?query", "http://user:pw@h"] {
            check_refused(text, "scheme, host and port only");
        }
    }
}
