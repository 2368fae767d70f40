//! Settling a conflict in the user's editor.

use std::io::{Read, Write};
use std::process::Command;

use k2v_client::Value;

use crate::failure::Failure;
use crate::output::short_key;

/// What comment lines may begin with: the first that no line of a value begins with is used.
const COMMENTS: [&str; 4] = ["#", ";", "%", "#k2v#"];

/// The editor of the user, as VISUAL or EDITOR name it.
pub(super) fn named(env: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    env("VISUAL").or_else(|| env("EDITOR"))
}

/// Opens the editor with all siblings, and returns what it leaves as the item's one value.
pub(super) fn edit(editor: &str, pk: &str, sk: &str, siblings: &[Value]) -> Result<Vec<u8>, Failure> {
    let buffer = Buffer::new(pk, sk, siblings)?;
    let mut file = tempfile::Builder::new()
        .prefix("k2v-cli-")
        .suffix(".txt")
        .tempfile()
        .map_err(Failure::io("make a file to edit"))?;
    let written = file.write_all(buffer.text.as_bytes()).and_then(|()| file.flush());
    written.map_err(Failure::io("write the file to edit"))?;
    // The variables hold commands, with arguments.
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$@\""))
        .arg("sh")
        .arg(file.path())
        .status()
        .map_err(Failure::io(format!("start the editor {editor}")))?;
    if !status.success() {
        return Err(Failure::other(format!("nothing was done: the editor failed ({status})")));
    }
    // Many editors write a new file and give it the name of the old one.
    let mut edited = String::new();
    let read = std::fs::File::open(file.path()).and_then(|mut file| file.read_to_string(&mut edited));
    read.map_err(Failure::io("read the edited file"))?;
    buffer.value_of(&edited).map_err(|why| Failure::other(format!("nothing was done: {why}")))
}

/// The text to edit.
struct Buffer {
    text: String,
    comment: &'static str,
    /// Editors end the last line with a line feed. It is part of the value if it was part of the siblings.
    ends_in_line_feed: bool,
}

impl Buffer {
    fn new(pk: &str, sk: &str, siblings: &[Value]) -> Result<Self, Failure> {
        let texts = siblings
            .iter()
            .enumerate()
            .map(|(index, value)| match value.data().map(|data| std::str::from_utf8(data)) {
                None => Ok(None),
                Some(Ok(text)) => Ok(Some(text)),
                Some(Err(_)) => Err(Failure::usage(format!(
                    "value {} is not text, so it cannot be edited: use --keep, --merge or --delete",
                    index + 1
                ))),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let begins_a_line = |comment: &&str| {
            texts.iter().flatten().any(|text| text.lines().any(|line| line.starts_with(comment)))
        };
        let Some(comment) = COMMENTS.into_iter().find(|comment| !begins_a_line(comment)) else {
            return Err(Failure::usage(
                "the values hold lines like every mark for comments: use --keep, --value or --merge",
            ));
        };
        let mut text = format!(
            "{comment} Item {} / {} holds {} concurrent values, one below the other.\n\
             {comment} Leave what it should hold instead, save and quit. Lines that begin with {comment:?} are\n\
             {comment} left out. An empty or unchanged file changes nothing; `resolve --delete` deletes.\n",
            short_key(pk),
            short_key(sk),
            siblings.len(),
        );
        for (index, value) in texts.iter().enumerate() {
            let what = if value.is_none() { " (deleted)" } else { "" };
            text.push_str(&format!("{comment} --- value {} of {}{what}\n", index + 1, texts.len()));
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                text.push_str(value);
                if !value.ends_with('\n') {
                    text.push('\n');
                }
            }
        }
        let ends_in_line_feed = texts.iter().flatten().any(|text| text.ends_with('\n'));
        Ok(Self { text, comment, ends_in_line_feed })
    }

    /// What is left in the file, or why it is not taken as a value.
    fn value_of(&self, edited: &str) -> Result<Vec<u8>, &'static str> {
        if edited == self.text {
            return Err("the file was not changed");
        }
        let lines = edited.split_inclusive('\n').filter(|line| !line.starts_with(self.comment));
        let value: String = lines.collect();
        let value = match value.strip_suffix('\n') {
            Some(value) if !self.ends_in_line_feed => value,
            _ => value.as_str(),
        };
        if value.trim().is_empty() { Err("the file was empty") } else { Ok(value.as_bytes().to_vec()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(values: &[&str]) -> Buffer {
        let values: Vec<_> = values.iter().map(|&text| text.into()).collect();
        Buffer::new("pk", "sk", &values).unwrap()
    }

    fn check(values: &[&str], edit: impl Fn(String) -> String, expected: Result<&str, &str>) {
        let buffer = buffer(values);
        let found = buffer.value_of(&edit(buffer.text.clone()));
        assert_eq!(found, expected.map(|text| text.as_bytes().to_vec()), "{}", buffer.text);
    }

    #[test]
    fn what_is_left_is_the_value() {
        check(&["apple", "pear"], |text| text.replace("pear\n", ""), Ok("apple"));
        check(
            &["apple", "pear"],
            |text| text.replace("apple\n", "").replace("pear", "plum\npear"),
            Ok("plum\npear"),
        );
        // Without the line feed that most editors add.
        check(&["apple", "pear"], |_| "plum".into(), Ok("plum"));
    }

    #[test]
    fn a_value_ends_as_its_siblings_did() {
        check(&["a\nb\n", "c\n"], |text| text.replace("c\n", ""), Ok("a\nb\n"));
        check(&["a", "c"], |_| "x\n\n".into(), Ok("x\n"));
    }

    #[test]
    fn nothing_is_done_if_nothing_is_left_or_changed() {
        check(&["a", "b"], |text| text, Err("the file was not changed"));
        check(&["a", "b"], |_| String::new(), Err("the file was empty"));
        check(
            &["a", "b"],
            |text| text.replace("\na\n", "\n").replace("\nb\n", "\n \n"),
            Err("the file was empty"),
        );
    }

    #[test]
    fn lines_that_look_like_comments_are_kept() {
        check(&["# a title", "b"], |text| text.replace("\nb\n", "\n"), Ok("# a title"));
        assert!(buffer(&["# a", "; b"]).text.starts_with("% Item"));
        let values = ["# a", "; b", "% c", "#k2v# d"].map(Value::from);
        assert!(Buffer::new("pk", "sk", &values).is_err());
    }

    #[test]
    fn a_deletion_is_named_and_bytes_are_refused() {
        let buffer = Buffer::new("pk", "sk", &[Value::Tombstone, "b".into()]).unwrap();
        assert!(
            buffer.text.contains("# --- value 1 of 2 (deleted)\n# --- value 2 of 2\nb\n"),
            "{}",
            buffer.text
        );
        let refused = Buffer::new("pk", "sk", &["a".into(), [0xff_u8].into()]);
        assert!(refused.err().unwrap().to_string().starts_with("value 2 is not text"));
    }
}
