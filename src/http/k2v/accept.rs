//! The `Accept` header: in which of its two forms a client takes an item.

use actix_web::HttpRequest;
use actix_web::http::header::ACCEPT;

/// What a client takes, and what it would rather have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Accept {
    /// A JSON list of values.
    Json,
    /// The raw bytes of the one value.
    Octets,
    /// The raw bytes if there is one value, else the JSON list.
    Either,
}

/// Neither JSON nor raw bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an item is sent as application/json or application/octet-stream: accept one of them")]
pub(crate) struct NotAcceptable;

const JSON: &str = "application/json";
const OCTETS: &str = "application/octet-stream";

impl Accept {
    /// What a request accepts.
    pub(crate) fn of(head: &HttpRequest) -> Result<Accept, NotAcceptable> {
        Accept::parse(head.headers().get_all(ACCEPT).filter_map(|value| value.to_str().ok()))
    }

    /// Reads all `Accept` headers of a request; none at all means JSON.
    ///
    /// The most specific range that names a type gives its quality (RFC 9110, section 12.5.1); quality 0 is a refusal.
    /// Raw bytes win unless JSON has the higher quality.
    pub(crate) fn parse<'a>(headers: impl Iterator<Item = &'a str>) -> Result<Accept, NotAcceptable> {
        let mut json = Quality::default();
        let mut octets = Quality::default();
        let mut is_absent = true;
        for range in headers.flat_map(|header| header.split(',')).map(str::trim) {
            if range.is_empty() {
                continue;
            }
            is_absent = false;
            let mut parameters = range.split(';').map(str::trim);
            let media = parameters.next().unwrap_or_default();
            let quality = parameters.find_map(quality_milli).unwrap_or(1000);
            if media == "*/*" {
                json.take(1, quality);
                octets.take(1, quality);
            } else if media.eq_ignore_ascii_case("application/*") {
                json.take(2, quality);
                octets.take(2, quality);
            } else if media.eq_ignore_ascii_case(JSON) {
                json.take(3, quality);
            } else if media.eq_ignore_ascii_case(OCTETS) {
                octets.take(3, quality);
            }
        }
        if is_absent {
            return Ok(Accept::Json);
        }
        match (json.milli, octets.milli) {
            (0, 0) => Err(NotAcceptable),
            (0, _) => Ok(Accept::Octets),
            (json, octets) if json > octets => Ok(Accept::Json),
            (_, _) => Ok(Accept::Either),
        }
    }
}

/// How much a media type is wanted, by the most specific range that names it.
#[derive(Default)]
struct Quality {
    specificity: u8,
    milli: u16,
}

impl Quality {
    fn take(&mut self, specificity: u8, milli: u16) {
        if specificity > self.specificity {
            *self = Quality { specificity, milli };
        } else if specificity == self.specificity {
            self.milli = self.milli.max(milli);
        }
    }
}

/// `q=0.25` → 250; `None` for any other parameter. What is not a quality counts as 1.
fn quality_milli(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let quality =
        value.trim().parse::<f32>().ok().filter(|quality| (0.0..=1.0).contains(quality)).unwrap_or(1.0);
    // Within 0..=1000 by the filter above.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0.0..=1000.0")]
    Some((quality * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(header: &str, expected: Result<Accept, NotAcceptable>) {
        assert_eq!(Accept::parse(std::iter::once(header)), expected, "{header}");
    }

    #[test]
    fn the_table_of_the_protocol_holds() {
        assert_eq!(Accept::parse(std::iter::empty()), Ok(Accept::Json));
        check("", Ok(Accept::Json));
        check("application/json", Ok(Accept::Json));
        check("application/octet-stream", Ok(Accept::Octets));
        check("application/json, application/octet-stream", Ok(Accept::Either));
        check("application/octet-stream,application/json", Ok(Accept::Either));
        check("*/*", Ok(Accept::Either));
        check("application/*", Ok(Accept::Either));
        check("text/html", Err(NotAcceptable));
        check("text/html, application/json", Ok(Accept::Json));
        check("text/html, */*;q=0.1", Ok(Accept::Either));
        check("Application/JSON; charset=utf-8", Ok(Accept::Json));
    }

    #[test]
    fn qualities_decide_and_zero_refuses() {
        check("application/json;q=0.9", Ok(Accept::Json));
        check("application/json;q=0.2, application/octet-stream;q=0.8", Ok(Accept::Either));
        check("application/json, application/octet-stream;q=0.5", Ok(Accept::Json));
        check("*/*, application/octet-stream;q=0", Ok(Accept::Json));
        check("application/json;q=0, */*", Ok(Accept::Octets));
        check("application/json;q=0", Err(NotAcceptable));
        check("*/*;q=0.0", Err(NotAcceptable));
        check("application/json; q=nonsense", Ok(Accept::Json));
    }

    #[test]
    fn several_headers_are_one_list() {
        assert_eq!(
            Accept::parse(["application/json", "application/octet-stream"].into_iter()),
            Ok(Accept::Either)
        );
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(header in "[ -~]*") {
            let _ = Accept::parse(std::iter::once(header.as_str()));
        }
    }
}
