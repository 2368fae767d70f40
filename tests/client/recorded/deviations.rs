//! Where this `k2v-cli` answers otherwise than the older one did. `client/README.md` tells its users.

/// One call and what is answered today.
pub(super) struct Deviation {
    /// As `client/README.md` has it.
    pub(super) reason: &'static str,
    pub(super) args: &'static [&'static str],
    pub(super) code: i32,
    /// Tokens and markers are `<TOK>`.
    pub(super) out: &'static str,
    /// What brings the bucket back to where the later calls expect it.
    pub(super) undone_by: Option<&'static [&'static str]>,
}

const MORE_CODES: &str = "Where it ended with 1, the exit code says what was wrong";
const MORE_ACCEPTED: &str = "What it refused for want of an option is done";
const PREFIX: &str = "`poll-range --prefix` finds what begins with the prefix";
const OWN_NAME: &str = "`--help` and `--version` speak of this program";
const UNEXPLAINED: &str = "The last recorded `read` failed for a reason that was not recorded";

type Args = &'static [&'static str];

const fn code(args: Args, code: i32) -> Deviation {
    Deviation { reason: MORE_CODES, args, code, out: "", undone_by: None }
}

const fn accepted(args: Args, out: &'static str) -> Deviation {
    Deviation { reason: MORE_ACCEPTED, args, code: 0, out, undone_by: None }
}

pub(super) const DEVIATIONS: &[Deviation] = &[
    code(&["insert", "p1", "g", "-b", "!!"], 2),
    code(&["insert", "p1", "d", "-c", "nonsense", "-t", "v3"], 2),
    code(&["read", "p1", "a", "-r"], 4),
    code(&["read", "p1", "a", "--raw"], 4),
    code(&["read", "p1", "nope"], 3),
    code(&["read", "p1", "nope", "-j"], 3),
    code(&["delete", "p1", "e", "-c", "nonsense"], 2),
    code(&["poll-range", "p1", "-a", "-l", "1", "-T", "1"], 2),
    code(&["poll-range", "p1", "-a", "-r", "-T", "1"], 2),
    code(&["read-index", "-a", "-c"], 2),
    code(&["read-index", "-a", "-c", "-j"], 2),
    code(&["read-index", "-a", "-t"], 2),
    code(&["read-index", "-a", "-t", "-j"], 2),
    code(&["delete-range", "p1", "-a", "-l", "1"], 2),
    code(&["delete-range", "p1", "-a", "-t"], 2),
    Deviation {
        undone_by: Some(&["insert", "p1", "e2", "-c", "<token of e2>", "-f", "./val"]),
        ..accepted(&["delete", "p1", "e2"], "")
    },
    accepted(&["poll-range", "p1", "-T", "1"], POLLED),
    accepted(
        &["read-index"],
        "partition_key  entries  conflicts  values  bytes\n\
         p 1/ü          1        0          1       1\n\
         p1             7        1          8       42\n\
         p2             3        0          3       3\n",
    ),
    accepted(
        &["read-index", "-l", "1"],
        "next key: p1\n\
         partition_key  entries  conflicts  values  bytes\n\
         p 1/ü          1        0          1       1\n",
    ),
    accepted(
        &["read-index", "-l", "1", "-j"],
        r#"{
  "next_key": "p1",
  "values": [
    {
      "bytes": 1,
      "conflicts": 0,
      "entries": 1,
      "partition_key": "p 1/ü",
      "values": 1
    }
  ]
}"#,
    ),
    accepted(&["read-range", "p1"], READ),
    Deviation {
        reason: PREFIX,
        args: &["poll-range", "p1", "-p", "e", "-T", "1", "-j"],
        code: 0,
        out: r#"{
  "seen_marker": "<TOK>",
  "values": [
    {
      "causality": "<TOK>",
      "sort_key": "e",
      "value": [
        "ZnJvbSBmaWxlCg=="
      ]
    },
    {
      "causality": "<TOK>",
      "sort_key": "e2",
      "value": [
        "ZnJvbSBmaWxlCg=="
      ]
    },
    {
      "causality": "<TOK>",
      "sort_key": "empty",
      "value": [
        ""
      ]
    }
  ]
}"#,
        undone_by: None,
    },
    Deviation {
        reason: UNEXPLAINED,
        args: &["read", "p2", "a"],
        code: 0,
        out: "causality: <TOK>\nvalues:\n  utf-8: x\n",
        undone_by: None,
    },
    Deviation {
        reason: OWN_NAME,
        args: &["--version"],
        code: 0,
        out: concat!("k2v-cli ", env!("CARGO_PKG_VERSION"), "\n"),
        undone_by: None,
    },
];

const READ: &str = "\
sort_key: a
causality: <TOK>
  value(utf-8): hello
  value(utf-8): other
sort_key: b
causality: <TOK>
  value(utf-8): woken
sort_key: d
causality: <TOK>
  value(utf-8): v2
sort_key: e
causality: <TOK>
  value(utf-8): from file

sort_key: e2
causality: <TOK>
  value(utf-8): from file

sort_key: empty
causality: <TOK>
  value(utf-8):\u{20}
sort_key: new
causality: <TOK>
  value(utf-8): woken
";

/// Before `new` was written, with the tombstones that a poll shows.
const POLLED: &str = "\
seen marker: <TOK>
sort_key: a
causality: <TOK>
  value(utf-8): hello
  value(utf-8): other
sort_key: b
causality: <TOK>
  value(utf-8): woken
sort_key: c
causality: <TOK>
  tombstone
sort_key: d
causality: <TOK>
  value(utf-8): v2
sort_key: e
causality: <TOK>
  value(utf-8): from file

sort_key: e2
causality: <TOK>
  value(utf-8): from file

sort_key: empty
causality: <TOK>
  value(utf-8):\u{20}
sort_key: f
causality: <TOK>
  tombstone
";
