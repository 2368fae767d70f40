//! The rules of this repository that no compiler knows, checked by reading its own sources.
//!
//! A rule is a function from one file to complaints. Each has a test that shows it a bad file.

mod rules;
mod source;

use source::Source;

type Rule = fn(&Source) -> Vec<String>;

#[test]
fn the_sources_are_tidy() {
    let sources = source::all();
    assert!(sources.iter().any(|source| source.path == "actors/src/lib.rs"), "the scan found no sources");
    let complaints: Vec<String> = sources.iter().flat_map(rules::complaints).collect();
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn every_exception_is_still_needed() {
    let sources = source::all();
    for (path, reason) in rules::length::EXCEPTIONS {
        let source = sources.iter().find(|source| source.path == *path);
        assert!(source.is_some_and(rules::length::is_long), "{path} needs no exception ({reason}) any more");
    }
}

/// Checks what a rule says of a file at `path` that holds `text`.
#[cfg(test)]
fn check(rule: Rule, path: &str, text: &str, expected_complaints: usize) {
    let complaints = rule(&Source::new(path, text));
    assert_eq!(complaints.len(), expected_complaints, "{path}: {text}\n{complaints:#?}");
}
