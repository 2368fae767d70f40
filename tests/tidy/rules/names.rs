//! A module is named for its idea, not for being a drawer.

use crate::source::Source;

const DRAWERS: &[&str] = &["utils", "util", "helpers", "helper", "common", "misc", "types"];

pub(crate) fn rule(source: &Source) -> Vec<String> {
    let parts = source.path.split('/').map(|part| part.trim_end_matches(".rs"));
    let drawers = parts.filter(|part| source.is_rust() && DRAWERS.contains(part));
    drawers.map(|drawer| format!("{}: `{drawer}` is a drawer, not an idea", source.path)).collect()
}

#[test]
fn a_drawer_is_found() {
    use crate::check;
    check(rule, "src/http/utils.rs", "", 1);
    check(rule, "actors/src/common/mod.rs", "", 1);
    check(rule, "src/http/commons.rs", "", 0);
    check(rule, "docs/types.md", "", 0);
}
