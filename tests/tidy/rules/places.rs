//! The repository names no place on the machine that it was written on, and takes crates from nowhere unusual.

use crate::source::Source;

/// Spelled in two halves, so that this file may pass as well.
const PLACES: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/")];

const REGISTRY: &str = concat!("registry+", "https://");
const KNOWN_REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub(crate) fn rule(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in (1..).zip(source.text.lines()) {
        for place in PLACES.iter().filter(|place| line.contains(*place)) {
            complaints.push(format!("{}:{number}: `{place}` is a place on one machine", source.path));
        }
        if line.contains(REGISTRY) && !line.contains(KNOWN_REGISTRY)
            || line.contains(concat!("sparse+", "http"))
        {
            complaints.push(format!("{}:{number}: a registry that not everybody has", source.path));
        }
    }
    complaints
}

#[test]
fn a_place_on_one_machine_is_found() {
    use crate::check;
    check(rule, "docs/x.md", &format!("see {}here", PLACES[0]), 1);
    check(rule, "Cargo.lock", &format!("source = \"{REGISTRY}mirror.example\""), 1);
    check(rule, "Cargo.lock", &format!("source = \"{KNOWN_REGISTRY}\""), 0);
    check(rule, "docs/x.md", "the network, the homework", 0);
}
