//! A file past 400 lines holds two ideas.

use crate::source::Source;

const LINES_MAX: usize = 400;

/// Files that are longer for a reason: path and reason.
pub(crate) const EXCEPTIONS: &[(&str, &str)] = &[];

pub(crate) fn is_long(source: &Source) -> bool {
    source.text.lines().count() > LINES_MAX
}

pub(crate) fn rule(source: &Source) -> Vec<String> {
    let is_excepted = EXCEPTIONS.iter().any(|(path, _)| *path == source.path);
    if !source.is_rust() || is_excepted || !is_long(source) {
        return Vec::new();
    }
    let lines = source.text.lines().count();
    vec![format!("{}: {lines} lines: past {LINES_MAX} a file holds two ideas", source.path)]
}

#[test]
fn a_long_file_is_found() {
    use crate::check;
    check(rule, "src/main.rs", &"x\n".repeat(LINES_MAX + 1), 1);
    check(rule, "src/main.rs", &"x\n".repeat(LINES_MAX), 0);
    check(rule, "README.md", &"x\n".repeat(LINES_MAX + 1), 0);
}
