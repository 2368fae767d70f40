//! Words that no finished code holds.

use crate::source::Source;

const UNFINISHED: &[&str] = &["todo!", "unimplemented!", "dbg!", "#[ignore"];

/// The modules that may hold `unsafe`: opening an LMDB environment is.
const UNSAFE_ALLOWED: &[&str] = &["actors/src/store/lmdb.rs", "actors/src/store/lmdb/"];

pub(crate) fn rule(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    for word in UNFINISHED {
        complaints.extend(source.complaints_at(&source.code, word, "finish it"));
    }
    let complaint = "ignores the mailbox's bound and drops silently: use `try_send` or `send`";
    complaints.extend(source.complaints_at(&source.code, "do_send", complaint));
    if !UNSAFE_ALLOWED.iter().any(|allowed| source.path.starts_with(allowed)) {
        complaints.extend(source.complaints_at(&source.code, "unsafe", "only the LMDB store may"));
    }
    complaints
}

#[test]
fn unfinished_and_unsafe_code_is_found() {
    use crate::check;
    check(rule, "src/main.rs", "fn f() { todo!() }", 1);
    check(rule, "src/main.rs", "fn f() { unimplemented!(\"x\") } fn g() { dbg!(1) }", 2);
    check(rule, "src/main.rs", "#[test]\n#[ignore = \"slow\"]\nfn f() {}", 1);
    check(rule, "src/main.rs", "addr.do_send(x); addr.do_send::<X>(x)", 2);
    check(rule, "src/main.rs", "fn f() { unsafe { g() } }", 1);
    check(rule, "actors/src/store/memory.rs", "unsafe fn f() {}", 1);
}

#[test]
fn words_about_it_are_not() {
    use crate::check;
    check(rule, "src/main.rs", "// todo! do_send\nlet x = \"dbg!\"; #![deny(unsafe_code)]", 0);
    check(rule, UNSAFE_ALLOWED[0], "unsafe { open() }", 0);
}
