//! What the container is built from is there, and with the compiler that the workspace asks for. No test can afford to
//! build it.

use crate::source::Source;
use std::path::Path;

pub(crate) fn rule(source: &Source) -> Vec<String> {
    let complaints = match source.path.as_str() {
        "deploy/Dockerfile" => dockerfile(&source.text),
        "deploy/docker-compose.yml" | "deploy/docker-compose.single.yml" => {
            missing(values(&source.text, "dockerfile:"))
        }
        _ => Vec::new(),
    };
    complaints.into_iter().map(|complaint| format!("{}: {complaint}", source.path)).collect()
}

fn dockerfile(text: &str) -> Vec<String> {
    let copied =
        text.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|rest| !rest.starts_with("--from"));
    let sources = copied.flat_map(|rest| rest.split(' ').rev().skip(1));
    let mut complaints = missing(sources);
    let asked = contents("Cargo.toml");
    let asked = values(&asked, "rust-version =").next().unwrap_or_default().trim_matches('"');
    for image in values(text, "FROM").filter_map(|image| image.strip_prefix("rust:")) {
        if image.split('-').next() != Some(asked) {
            complaints.push(format!("rust:{image} is not the rust-version of Cargo.toml, {asked}"));
        }
    }
    complaints
}

/// The first word behind `key` in every line that begins with it.
fn values<'t>(text: &'t str, key: &str) -> impl Iterator<Item = &'t str> {
    text.lines().filter_map(move |line| line.trim_start().strip_prefix(key)?.split_whitespace().next())
}

fn missing<'p>(paths: impl Iterator<Item = &'p str>) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    paths.filter(|path| !root.join(path).exists()).map(|path| format!("there is no {path}")).collect()
}

fn contents(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("the file is readable")
}

#[test]
fn an_image_of_what_is_not_there_is_found() {
    use crate::check;
    check(rule, "deploy/Dockerfile", "FROM rust:1.0-slim AS build\nCOPY . .\nCOPY no/such.toml /etc/", 2);
    check(rule, "deploy/Dockerfile", "FROM debian\nCOPY --from=build /out/ /usr/", 0);
    check(rule, "deploy/docker-compose.yml", "    build:\n      dockerfile: deploy/Nowhere", 1);
    check(rule, "deploy/troupe.toml", "COPY no/such.toml /etc/", 0);
}
