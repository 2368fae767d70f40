//! A hundred conflicts among ten thousand items.

use crate::program::Program;
use std::collections::BTreeSet;

const ITEMS: usize = 10_000;
const PARTITIONS: usize = 40;

/// Every hundredth item has two values, or a value beside a tombstone.
fn lines() -> (String, BTreeSet<(String, String)>) {
    let (mut lines, mut conflicts) = (String::new(), BTreeSet::new());
    for number in 0..ITEMS {
        let (pk, sk) = (format!("p{:02}", number % PARTITIONS), format!("{number:05}"));
        let values = match (number % 100, number % 200) {
            (7, 7) => r#""b25l","dHdv""#,
            (7, _) => r#"null,"dHdv""#,
            _ => r#""b25l""#,
        };
        if number % 100 == 7 {
            conflicts.insert((pk.clone(), sk.clone()));
        }
        lines += &format!("{{\"pk\":\"{pk}\",\"sk\":\"{sk}\",\"v\":[{values}]}}\n");
    }
    (lines, conflicts)
}

#[test]
fn a_hundred_conflicts_among_ten_thousand_items_are_found_and_resolved() {
    let program = Program::shared("conflicts");
    let (lines, planted) = lines();
    assert_eq!(planted.len(), 100);
    assert_eq!(program.run_with_input(&["import"], lines.as_bytes()).code, 0);

    let found = program.ok("conflicts ls -o jsonl").json_lines();
    let text = |line: &serde_json::Value, field: &str| line[field].as_str().unwrap().to_owned();
    let found: Vec<_> = found.iter().map(|line| (text(line, "pk"), text(line, "sk"))).collect();
    assert_eq!(found.len(), 100);
    assert_eq!(found.iter().cloned().collect::<BTreeSet<_>>(), planted);
    assert_eq!(program.ok("du -o json").json()["total"]["conflicts"], 100);

    let (pk, sk) = &found[0];
    program.ok_args(&["resolve", pk, sk, "--keep", "1"]);
    let dry = program.ok("resolve --all --keep 1 --dry-run");
    assert!(dry.err.contains("99 conflicts would be resolved"), "{}", dry.err);
    program.ok_args(&["resolve", "--all", pk, "--merge", "printf merged"]);
    program.ok("resolve --all --keep 2");
    assert_eq!(program.ok("du -o json").json()["total"]["conflicts"], 0);
    assert_eq!(program.ok("conflicts ls -o json").json(), serde_json::json!([]));
    let entries = program.ok("du -o json").json()["total"]["entries"].as_u64().unwrap();
    assert!(entries >= ITEMS as u64 - 1, "at most the one resolved by hand is deleted: {entries}");
}
