//! What a page names is there: files, headings, and the tests that a statement rests on.

use crate::source::Source;
use std::path::Path;

pub(crate) fn rule(source: &Source) -> Vec<String> {
    if !source.path.ends_with(".md") {
        return Vec::new();
    }
    let folder = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut complaints = Vec::new();
    for (number, line) in (1..).zip(source.text.lines()) {
        let missing = links(line).filter_map(|link| missing_link(folder, &source.path, link));
        let missing = missing.chain(missing_places(line));
        complaints.extend(missing.map(|what| format!("{}:{number}: {what}", source.path)));
    }
    complaints
}

/// The targets of `[text](target)` that lie in the repository.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://"))
}

fn missing_link(folder: &str, page: &str, link: &str) -> Option<String> {
    let (file, heading) = link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
    let path = if file.is_empty() { page.to_owned() } else { resolved(folder, file) };
    let Some(text) = contents(&path) else { return Some(format!("there is no {path}")) };
    let heading = heading?;
    let is_there = text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading);
    (!is_there).then(|| format!("{path} has no heading for #{heading}"))
}

/// `folder` and the relative `file` as one path from the root.
fn resolved(folder: &str, file: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in file.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

/// The anchor that pages on the web give a heading.
fn anchor(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// What a file holds; nothing for a folder.
fn contents(path: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if path.is_dir() { Some(String::new()) } else { std::fs::read_to_string(path).ok() }
}

/// In a line's backquotes: paths of the source tree, and behind the path of a file the names of tests in it.
fn missing_places(line: &str) -> Vec<String> {
    let mut missing = Vec::new();
    let mut file = None;
    for quoted in line.split('`').skip(1).step_by(2) {
        if is_path(quoted) {
            let text = contents(quoted);
            if text.is_none() {
                missing.push(format!("there is no {quoted}"));
            }
            file = quoted.ends_with(".rs").then(|| (quoted, text.unwrap_or_default()));
        } else if let Some((path, text)) = &file
            && is_test_name(quoted)
            && !text.contains(&format!("fn {quoted}("))
        {
            missing.push(format!("{path} has no test `{quoted}`"));
        }
    }
    missing
}

fn is_path(quoted: &str) -> bool {
    let roots = ["src/", "actors/", "client/", "tests/", "fuzz/", "benches/", "deploy/", "docs/", ".ci/"];
    roots.iter().any(|root| quoted.starts_with(root)) && !quoted.contains([' ', '*', '{', '<'])
}

/// Tests have sentences for names.
fn is_test_name(quoted: &str) -> bool {
    let is_snake = quoted.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    is_snake && quoted.matches('_').count() >= 2
}

#[test]
fn what_a_page_names_and_is_not_there_is_found() {
    use crate::check;
    check(rule, "docs/x.md", "see [there](nowhere.md) and [here](../README.md)", 1);
    check(rule, "README.md", "[a](#no-such-heading) [b](CONTRIBUTING.md#no-such-heading)", 2);
    check(rule, "README.md", "`src/no/such.rs`", 1);
    check(rule, "README.md", "`tests/tidy/main.rs`: `the_sources_are_tidy`, `no_such_test_is_there`", 1);
}

#[test]
fn what_is_there_is_not() {
    use crate::check;
    check(rule, "docs/x.md", "[a](../src/main.rs) [b](https://example.org/x) [c](../tests)", 0);
    check(rule, "README.md", "`src/`, `cargo test --workspace`, `src/http/{a,b}.rs`, `lmdb_map_size`", 0);
    check(rule, "README.md", "# A heading, with `code`\n[a](#nothing", 1);
    check(rule, "main.rs", "`src/no/such.rs`", 0);
    assert_eq!(anchor("## Items, siblings and `code`"), "items-siblings-and-code");
}
