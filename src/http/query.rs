//! The query string: the parameters that K2V knows, each at most once.

use super::percent::{PercentError, decode_query};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The known parameters of a request, percent-decoded. `None` means absent; `Some("")` may come bare.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Query<'a> {
    pub(crate) sort_key: Option<Cow<'a, str>>,
    pub(crate) causality_token: Option<Cow<'a, str>>,
    pub(crate) timeout: Option<Cow<'a, str>>,
    pub(crate) prefix: Option<Cow<'a, str>>,
    pub(crate) start: Option<Cow<'a, str>>,
    pub(crate) end: Option<Cow<'a, str>>,
    pub(crate) limit: Option<Cow<'a, str>>,
    pub(crate) reverse: Option<Cow<'a, str>>,
    pub(crate) has_search: bool,
    pub(crate) has_delete: bool,
    pub(crate) has_poll_range: bool,
}

/// A query string that does not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QueryError {
    /// A name or a value does not decode.
    #[error("a query parameter cannot be read: {0}")]
    Encoding(#[from] PercentError),
    /// Which of the two is meant?
    #[error("the query parameter '{name}' is given more than once: send it once")]
    Repeated { name: String },
    /// `?search=x` is neither a search nor certainly none.
    #[error("the query keyword '{name}' takes no value: send '?{name}'")]
    KeywordValue { name: &'static str },
}

impl<'a> Query<'a> {
    /// Reads what follows the `?`.
    pub(crate) fn parse(raw: &'a str) -> Result<Query<'a>, QueryError> {
        let mut query = Query::default();
        let mut unknown = BTreeSet::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode_query(name)?;
            let is_repeated = match name.as_ref() {
                "sort_key" => fill(&mut query.sort_key, value)?,
                "causality_token" => fill(&mut query.causality_token, value)?,
                "timeout" => fill(&mut query.timeout, value)?,
                "prefix" => fill(&mut query.prefix, value)?,
                "start" => fill(&mut query.start, value)?,
                "end" => fill(&mut query.end, value)?,
                "limit" => fill(&mut query.limit, value)?,
                "reverse" => fill(&mut query.reverse, value)?,
                "search" => raise(&mut query.has_search, "search", value)?,
                "delete" => raise(&mut query.has_delete, "delete", value)?,
                "poll_range" => raise(&mut query.has_poll_range, "poll_range", value)?,
                _ => !unknown.insert(name.clone()),
            };
            if is_repeated {
                return Err(QueryError::Repeated { name: name.into_owned() });
            }
        }
        Ok(query)
    }
}

fn fill<'a>(slot: &mut Option<Cow<'a, str>>, value: &'a str) -> Result<bool, QueryError> {
    Ok(slot.replace(decode_query(value)?).is_some())
}

fn raise(keyword: &mut bool, name: &'static str, value: &str) -> Result<bool, QueryError> {
    if value.is_empty() {
        Ok(std::mem::replace(keyword, true))
    } else {
        Err(QueryError::KeywordValue { name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn repeated(name: &str) -> Result<Query<'static>, QueryError> {
        Err(QueryError::Repeated { name: name.to_owned() })
    }

    #[test]
    fn parameters_are_decoded_and_unknown_ones_are_ignored() {
        let query = Query::parse("sort_key=a%2Fb+c&&x-id=ReadItem&start=&prefix").unwrap();
        assert_eq!(query.sort_key.as_deref(), Some("a/b c"));
        assert_eq!(query.start.as_deref(), Some(""));
        assert_eq!(query.prefix.as_deref(), Some(""));
        assert_eq!(query.end, None);
        assert_eq!(Query::parse("").unwrap(), Query::default());
    }

    #[test]
    fn a_keyword_comes_bare_or_with_an_empty_value() {
        assert!(Query::parse("search").unwrap().has_search);
        assert!(Query::parse("search=").unwrap().has_search);
        assert!(Query::parse("%73earch").unwrap().has_search);
        assert!(Query::parse("poll_range=").unwrap().has_poll_range);
        assert_eq!(Query::parse("delete=1"), Err(QueryError::KeywordValue { name: "delete" }));
    }

    #[test]
    fn a_repeated_parameter_is_refused_in_whatever_encoding() {
        assert_eq!(Query::parse("sort_key=a&sort_key=a"), repeated("sort_key"));
        assert_eq!(Query::parse("limit=1&%6cimit=2"), repeated("limit"));
        assert_eq!(Query::parse("search&search="), repeated("search"));
        assert_eq!(Query::parse("unknown=1&unknown=2"), repeated("unknown"));
    }

    #[test]
    fn text_that_does_not_decode_is_refused() {
        assert_eq!(Query::parse("sort_key=%ff"), Err(QueryError::Encoding(PercentError::Utf8)));
        assert_eq!(Query::parse("sort_key=%"), Err(QueryError::Encoding(PercentError::Escape)));
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic(raw in "[a-z_=&%0-9é]*") {
            let _ = Query::parse(&raw);
        }
    }
}
