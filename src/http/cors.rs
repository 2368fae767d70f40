//! Cross-origin requests: what a bucket's CORS rules let browsers do, by the semantics of S3.

use super::error::ApiError;
use actix_web::HttpResponse;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use troupe_actors::control::CorsRule;

/// Answers a browser that asks, unsigned, whether it may send the real request.
pub(crate) fn preflight(rules: &[CorsRule], request: &HeaderMap) -> Result<HttpResponse, ApiError> {
    let origin = required(request, &ORIGIN, "origin")?;
    let method = required(request, &ACCESS_CONTROL_REQUEST_METHOD, "access-control-request-method")?;
    let asked_headers = text(request, &ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
    let names = asked_headers.split(',').map(str::trim).filter(|name| !name.is_empty());
    let rule = rules
        .iter()
        .find(|rule| allows(rule, origin, method) && names.clone().all(|name| allows_header(rule, name)))
        .ok_or(ApiError::CorsForbidden)?;

    let mut response = HttpResponse::Ok().finish();
    let headers = response.headers_mut();
    push_common(headers, rule, origin);
    let methods = rule.allowed_methods.iter().map(|allowed| if allowed == "*" { method } else { allowed });
    push(headers, ACCESS_CONTROL_ALLOW_METHODS, &methods.collect::<Vec<_>>().join(", "));
    if !asked_headers.is_empty() {
        push(headers, ACCESS_CONTROL_ALLOW_HEADERS, asked_headers);
    }
    if let Some(seconds) = rule.max_age_seconds {
        push(headers, ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
    }
    headers.append(VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
    headers.append(VARY, HeaderValue::from_static("Access-Control-Request-Method"));
    Ok(response)
}

/// Adds to the answer of a cross-origin request what lets the browser show it to its script.
pub(crate) fn decorate(rules: &[CorsRule], origin: &str, method: &str, response: &mut HeaderMap) {
    if let Some(rule) = rules.iter().find(|rule| allows(rule, origin, method)) {
        push_common(response, rule, origin);
    }
}

fn push_common(headers: &mut HeaderMap, rule: &CorsRule, origin: &str) {
    let is_for_all = rule.allowed_origins.iter().any(|allowed| allowed == "*");
    push(headers, ACCESS_CONTROL_ALLOW_ORIGIN, if is_for_all { "*" } else { origin });
    if !rule.expose_headers.is_empty() {
        push(headers, ACCESS_CONTROL_EXPOSE_HEADERS, &rule.expose_headers.join(", "));
    }
    headers.append(VARY, HeaderValue::from_static("Origin"));
}

fn allows(rule: &CorsRule, origin: &str, method: &str) -> bool {
    rule.allowed_origins.iter().any(|pattern| matches_pattern(pattern, origin))
        && rule.allowed_methods.iter().any(|allowed| allowed == "*" || allowed == method)
}

fn allows_header(rule: &CorsRule, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    rule.allowed_headers.iter().any(|pattern| matches_pattern(&pattern.to_ascii_lowercase(), &name))
}

/// Whether `text` fits a pattern with at most one `*`, which stands for anything.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => {
            text.strip_prefix(before).is_some_and(|rest| rest.len() >= after.len() && rest.ends_with(after))
        }
    }
}

/// A header's text; `None` if it is absent or no text.
fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn required<'h>(
    headers: &'h HeaderMap,
    name: &HeaderName,
    shown_name: &'static str,
) -> Result<&'h str, ApiError> {
    text(headers, name)
        .ok_or(ApiError::Header { name: shown_name, rule: "must be sent with a preflight request" })
}

/// Texts come from the bucket's rules, which are visible ASCII, or from headers: either may stand in a header.
fn push(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(origins: &[&str], methods: &[&str], headers: &[&str]) -> CorsRule {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        CorsRule {
            allowed_origins: owned(origins),
            allowed_methods: owned(methods),
            allowed_headers: owned(headers),
            expose_headers: owned(&["X-Garage-Causality-Token"]),
            max_age_seconds: Some(60),
            ..CorsRule::default()
        }
    }

    fn request(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn a_preflight_is_answered_by_the_first_rule_that_allows_all_of_it() {
        let rules = [
            rule(&["https://app.example"], &["GET"], &["*"]),
            rule(&["https://*.example"], &["PUT", "SEARCH"], &["x-amz-*", "Authorization"]),
        ];
        let asked = request(&[
            (ORIGIN, "https://app.example"),
            (ACCESS_CONTROL_REQUEST_METHOD, "SEARCH"),
            (ACCESS_CONTROL_REQUEST_HEADERS, "authorization, X-Amz-Date"),
        ]);
        let response = preflight(&rules, &asked).unwrap();
        let header = |name| text(response.headers(), &name);
        assert_eq!(header(ACCESS_CONTROL_ALLOW_ORIGIN), Some("https://app.example"));
        assert_eq!(header(ACCESS_CONTROL_ALLOW_METHODS), Some("PUT, SEARCH"));
        assert_eq!(header(ACCESS_CONTROL_ALLOW_HEADERS), Some("authorization, X-Amz-Date"));
        assert_eq!(header(ACCESS_CONTROL_EXPOSE_HEADERS), Some("X-Garage-Causality-Token"));
        assert_eq!(header(ACCESS_CONTROL_MAX_AGE), Some("60"));
    }

    #[test]
    fn what_no_rule_allows_is_forbidden() {
        let rules = [rule(&["https://app.example"], &["GET"], &["x-one"])];
        let check = |origin, method, headers| {
            let asked = request(&[
                (ORIGIN, origin),
                (ACCESS_CONTROL_REQUEST_METHOD, method),
                (ACCESS_CONTROL_REQUEST_HEADERS, headers),
            ]);
            preflight(&rules, &asked).is_ok()
        };
        assert!(check("https://app.example", "GET", ""));
        assert!(check("https://app.example", "GET", "X-One"));
        assert!(!check("https://app.example", "GET", "x-one, x-two"));
        assert!(!check("https://app.example", "PUT", ""));
        assert!(!check("https://other.example", "GET", ""));
        assert!(matches!(preflight(&rules, &request(&[])), Err(ApiError::Header { name: "origin", .. })));
    }

    #[test]
    fn a_star_stands_for_anything_but_does_not_let_the_ends_overlap() {
        assert!(matches_pattern("*", "https://x"));
        assert!(matches_pattern("https://*.example", "https://a.b.example"));
        assert!(!matches_pattern("https://*.example", "https://example"));
        assert!(!matches_pattern("ab*ba", "aba"));
        assert!(matches_pattern("null", "null"));
    }

    #[test]
    fn an_answer_is_only_decorated_for_origins_that_a_rule_names() {
        let rules = [rule(&["*"], &["GET"], &[])];
        let mut headers = HeaderMap::new();
        decorate(&rules, "https://x", "PUT", &mut headers);
        assert!(headers.is_empty());
        decorate(&rules, "https://x", "GET", &mut headers);
        assert_eq!(text(&headers, &ACCESS_CONTROL_ALLOW_ORIGIN), Some("*"));
        assert_eq!(text(&headers, &VARY), Some("Origin"));
    }
}
