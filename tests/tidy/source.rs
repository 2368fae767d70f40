//! The files of the repository, and what of them is code.

use std::fs;
use std::path::Path;

/// A text file of the repository.
pub(crate) struct Source {
    /// From the root, with slashes.
    pub(crate) path: String,
    /// As it is on disk.
    pub(crate) text: String,
    /// For Rust: the text with comments and literals blanked out, line by line as before. Empty otherwise.
    pub(crate) code: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Source {
        let code = if path.ends_with(".rs") { blanked(text) } else { String::new() };
        Source { path: path.to_owned(), text: text.to_owned(), code }
    }

    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether the file is compiled into tests only.
    pub(crate) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| part == "tests" || part == "tests.rs" || part == "benches")
    }

    /// The code up to the unit tests at the end of the file.
    pub(crate) fn production_code(&self) -> &str {
        self.code.find("#[cfg(test)]\nmod tests {").map_or(&self.code, |end| &self.code[..end])
    }

    /// `path:line: complaint` for every place of `code` that `needle` is at, as a whole word.
    pub(crate) fn complaints_at(&self, code: &str, needle: &str, complaint: &str) -> Vec<String> {
        let is_word =
            |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let continues_word = |at: usize| {
            let (first, last) = (needle.as_bytes().first(), needle.as_bytes().last());
            let before = at.checked_sub(1).and_then(|before| code.as_bytes().get(before));
            let after = code.as_bytes().get(at + needle.len());
            (is_word(first) && is_word(before)) || (is_word(last) && is_word(after))
        };
        code.match_indices(needle)
            .filter(|(at, _)| !continues_word(*at))
            .map(|(at, _)| {
                let line = 1 + code[..at].matches('\n').count();
                format!("{}:{line}: `{needle}`: {complaint}", self.path)
            })
            .collect()
    }
}

/// Every text file that belongs to the repository.
pub(crate) fn all() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ignored = fs::read_to_string(root.join(".gitignore")).expect("the repository has a .gitignore");
    let ignored: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('/')).collect();
    let mut sources = Vec::new();
    walk(root, "", &ignored, &mut sources);
    sources
}

fn walk(root: &Path, folder: &str, ignored: &[&str], sources: &mut Vec<Source>) {
    let mut names: Vec<String> = fs::read_dir(root.join(folder))
        .expect("a folder of the repository is readable")
        .map(|entry| entry.expect("an entry is readable").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    for name in names {
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if name == ".git" || ignored.contains(&path.as_str()) {
            continue;
        }
        let on_disk = root.join(&path);
        if on_disk.is_symlink() {
            continue;
        }
        if on_disk.is_dir() {
            walk(root, &path, ignored, sources);
        } else if let Ok(text) = fs::read_to_string(&on_disk) {
            sources.push(Source::new(&path, &text));
        }
    }
}

/// Replaces comments and the insides of string and character literals by blanks.
fn blanked(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (kept, blank) = next_span(rest);
        code.push_str(&rest[..kept]);
        code.extend(rest[kept..kept + blank].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &rest[kept + blank..];
    }
    code
}

/// How many bytes of `rest` are code, and how many after them are not.
fn next_span(rest: &str) -> (usize, usize) {
    let at = |text: &str, from: usize| rest[from..].find(text).map_or(rest.len(), |found| from + found);
    if rest.starts_with("//") {
        return (0, at("\n", 0));
    }
    if rest.starts_with("/*") {
        return (0, (at("*/", 2) + 2).min(rest.len()));
    }
    if let Some(hashes) = raw_string_hashes(rest) {
        let open = hashes + 2;
        let close = format!("\"{}", "#".repeat(hashes));
        return (open, (at(&close, open) + close.len()).min(rest.len()) - open);
    }
    if let Some(inside) = rest.strip_prefix('"') {
        return (1, literal_len(inside, '"'));
    }
    if let Some(inside) = rest.strip_prefix('\'') {
        let is_character = inside.starts_with('\\') || inside.chars().nth(1) == Some('\'');
        return (1, if is_character { literal_len(inside, '\'') } else { 0 });
    }
    let first = rest.chars().next().map_or(0, char::len_utf8);
    (first, 0)
}

/// The number of `#` of the raw string that begins here, if one does.
fn raw_string_hashes(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    after[hashes..].starts_with('"').then_some(hashes)
}

/// The bytes of a literal with its closing quote.
fn literal_len(inside: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    inside.len()
}

#[test]
fn comments_and_literals_are_not_code() {
    let is_blank = |text: &str| !blanked(text).contains("bad") && blanked(text).contains("good");
    assert!(is_blank("good // bad\n"));
    assert!(is_blank("/* bad */ good"));
    assert!(is_blank(r##"let x = "a \" bad"; good"##));
    assert!(is_blank(r##"let x = r#"bad " bad"#; good"##));
    assert!(is_blank("let x: &'a str = \"bad\"; let y = '\"'; good; // bad"));
    assert_eq!(blanked("'\\'' '\n' good").len(), "'\\'' '\n' good".len());
}
