use crate::limits::{CONTROL_TEXT_BYTES_MAX, CORS_LIST_MAX, CORS_RULES_MAX};
use serde::{Deserialize, Serialize};

/// What browsers that show pages of other origins may do with a bucket, in the words of S3's CORS rules.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct CorsRule {
    /// A name for people.
    pub id: Option<String>,
    /// Origins such as `https://app.example`, each with at most one `*`.
    pub allowed_origins: Vec<String>,
    /// HTTP methods, in capitals.
    pub allowed_methods: Vec<String>,
    /// Request headers, each with at most one `*`; compared without regard to case.
    pub allowed_headers: Vec<String>,
    /// Response headers that scripts may see.
    pub expose_headers: Vec<String>,
    /// For how long a browser may remember the answer to its preflight.
    pub max_age_seconds: Option<u32>,
}

/// CORS rules that no bucket can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CorsError {
    /// Too many.
    #[error("a bucket has at most {CORS_RULES_MAX} CORS rules")]
    TooMany,
    /// A rule that never matches.
    #[error("CORS rule {rule}: it names no origin or no method")]
    Empty {
        /// Counted from 1.
        rule: usize,
    },
    /// A list out of bounds, or a text that could not stand in a header.
    #[error(
        "CORS rule {rule}: each list has at most {CORS_LIST_MAX} entries of 1 to {CONTROL_TEXT_BYTES_MAX} visible ASCII \
         characters"
    )]
    Text {
        /// Counted from 1.
        rule: usize,
    },
    /// A pattern with several wildcards.
    #[error("CORS rule {rule}: `{pattern}` has more than one `*`")]
    Wildcards {
        /// Counted from 1.
        rule: usize,
        /// As given.
        pattern: String,
    },
    /// A method that browsers do not ask for, or in small letters.
    #[error("CORS rule {rule}: `{method}` is not one of GET, HEAD, PUT, POST, DELETE, SEARCH, OPTIONS, *")]
    Method {
        /// Counted from 1.
        rule: usize,
        /// As given.
        method: String,
    },
}

const METHODS: [&str; 8] = ["GET", "HEAD", "PUT", "POST", "DELETE", "SEARCH", "OPTIONS", "*"];

/// Whether a bucket can have these rules.
///
/// # Errors
/// [`CorsError`] says which rule breaks which bound.
pub fn check_cors_rules(rules: &[CorsRule]) -> Result<(), CorsError> {
    if rules.len() > CORS_RULES_MAX {
        return Err(CorsError::TooMany);
    }
    (1..).zip(rules).try_for_each(|(number, rule)| rule.check(number))
}

impl CorsRule {
    fn check(&self, rule: usize) -> Result<(), CorsError> {
        if self.allowed_origins.is_empty() || self.allowed_methods.is_empty() {
            return Err(CorsError::Empty { rule });
        }
        let is_text = |text: &String| {
            (1..=CONTROL_TEXT_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
        };
        let lists =
            [&self.allowed_origins, &self.allowed_methods, &self.allowed_headers, &self.expose_headers];
        let is_fine = lists.iter().all(|list| list.len() <= CORS_LIST_MAX && list.iter().all(is_text));
        let id_is_fine = self.id.as_ref().is_none_or(|id| id.len() <= CONTROL_TEXT_BYTES_MAX);
        if !is_fine || !id_is_fine {
            return Err(CorsError::Text { rule });
        }
        let mut patterns = self.allowed_origins.iter().chain(&self.allowed_headers);
        if let Some(pattern) = patterns.find(|pattern| pattern.matches('*').count() > 1) {
            return Err(CorsError::Wildcards { rule, pattern: pattern.clone() });
        }
        if let Some(method) = self.allowed_methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
            return Err(CorsError::Method { rule, method: method.clone() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> CorsRule {
        CorsRule {
            allowed_origins: vec!["https://*.example".to_owned()],
            allowed_methods: vec!["GET".to_owned()],
            ..CorsRule::default()
        }
    }

    fn check(rule: CorsRule, expect: Result<(), &str>) {
        assert_eq!(check_cors_rules(&[rule]).map_err(|e| e.to_string()), expect.map_err(str::to_owned));
    }

    #[test]
    fn a_rule_needs_an_origin_and_a_method() {
        check(rule(), Ok(()));
        check(CorsRule::default(), Err("CORS rule 1: it names no origin or no method"));
    }

    #[test]
    fn what_could_not_stand_in_a_header_is_refused() {
        let text = "CORS rule 1: each list has at most 100 entries of 1 to 256 visible ASCII characters";
        check(CorsRule { expose_headers: vec!["a\r\nb".to_owned()], ..rule() }, Err(text));
        check(CorsRule { allowed_headers: vec!["a".to_owned(); 101], ..rule() }, Err(text));
        check(
            CorsRule { allowed_origins: vec!["*.*".to_owned()], ..rule() },
            Err("CORS rule 1: `*.*` has more than one `*`"),
        );
        check(
            CorsRule { allowed_methods: vec!["get".to_owned()], ..rule() },
            Err("CORS rule 1: `get` is not one of GET, HEAD, PUT, POST, DELETE, SEARCH, OPTIONS, *"),
        );
        assert_eq!(check_cors_rules(&vec![rule(); 101]), Err(CorsError::TooMany));
    }
}
