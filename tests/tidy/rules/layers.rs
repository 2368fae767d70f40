//! The modules of `actors/src` depend downwards only, in the order that the text of its `lib.rs` draws.

use crate::source::Source;
use std::sync::LazyLock;

/// Modules by layer, the highest first.
static LAYERS: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
    let lib = concat!(env!("CARGO_MANIFEST_DIR"), "/actors/src/lib.rs");
    drawn_layers(&std::fs::read_to_string(lib).expect("actors/src/lib.rs is readable"))
});

/// Reads the drawing: one line per layer, `//!  names, with commas   what they are about`.
fn drawn_layers(lib: &str) -> Vec<Vec<String>> {
    let drawing = lib.split("//! ```text\n").nth(1).and_then(|rest| rest.split("//! ```").next());
    let lines = drawing.unwrap_or_default().lines().map(|line| line.trim_start_matches("//!").trim());
    let names = lines.map(|line| line.split("  ").next().unwrap_or_default());
    names.map(|names| names.split(", ").map(str::to_owned).collect()).collect()
}

pub(crate) fn rule(source: &Source) -> Vec<String> {
    complaints(source, &LAYERS)
}

fn complaints(source: &Source, layers: &[Vec<String>]) -> Vec<String> {
    let Some(below_src) = source.path.strip_prefix("actors/src/").filter(|_| source.is_rust()) else {
        return Vec::new();
    };
    let module = below_src.split('/').next().unwrap_or_default().trim_end_matches(".rs");
    if module == "lib" {
        return Vec::new();
    }
    let layer_of = |module: &str| layers.iter().position(|layer| layer.iter().any(|name| name == module));
    let Some(own_layer) = layer_of(module) else {
        return vec![format!(
            "{}: module `{module}` is not in the drawing of actors/src/lib.rs",
            source.path
        )];
    };
    if source.is_test() {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    for used in used_modules(source.production_code()) {
        if layer_of(&used).is_some_and(|layer| layer < own_layer) {
            complaints.push(format!("{}: `{module}` uses `{used}`, which is drawn above it", source.path));
        }
    }
    complaints
}

/// Every `m` of `crate::m…` and `crate::{m…, m…}`.
fn used_modules(code: &str) -> Vec<String> {
    let mut used = Vec::new();
    for after in code.split("crate::").skip(1) {
        let names = match after.strip_prefix('{') {
            Some(group) => top_level_names(group),
            None => vec![after],
        };
        let word = |name: &str| {
            name.trim().split(|c: char| !c.is_alphanumeric() && c != '_').next().map(str::to_owned)
        };
        used.extend(names.into_iter().filter_map(word).filter(|name| !name.is_empty()));
    }
    used
}

/// The parts of `a::{b, c}, d}` that commas outside of inner braces separate.
fn top_level_names(group: &str) -> Vec<&str> {
    let mut depth = 0usize;
    let mut names = Vec::new();
    let mut start = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(&group[start..at]);
                return names;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(&group[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    names
}

#[cfg(test)]
fn check(path: &str, text: &str, expected_complaints: usize) {
    let lib = "//! ```text\n//! shard   writes\n//!   store   keeps\n//!     ids, limits\n//! ```\n";
    let complaints = complaints(&Source::new(path, text), &drawn_layers(lib));
    assert_eq!(complaints.len(), expected_complaints, "{path}: {text}\n{complaints:#?}");
}

#[test]
fn a_dependency_upwards_is_found() {
    check("actors/src/store/lane.rs", "use crate::shard::Core;", 1);
    check("actors/src/store/lane.rs", "use crate::{ids::{A, B}, shard};", 1);
    check("actors/src/ids.rs", "fn f(x: crate::store::Write) {}", 1);
    check("actors/src/gossip/core.rs", "", 1);
}

#[test]
fn a_dependency_downwards_is_not() {
    check("actors/src/shard/core.rs", "use crate::{ids::{A, B}, store::{C, D}}; use crate::limits::X;", 0);
    check("actors/src/ids.rs", "use crate::limits::X; // crate::shard", 0);
    check("src/node.rs", "use crate::shard;", 0);
}
