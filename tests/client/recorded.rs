//! Scripts that were written for the older `k2v-cli`: each recorded call is answered as it was, or stands in a list.

mod deviations;

use crate::harness::{Home, Node};
use crate::program::{Program, Ran};
use deviations::{DEVIATIONS, Deviation};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A call as `recorded/README.md` describes it.
#[derive(Debug, Deserialize)]
struct Call {
    args: Vec<String>,
    code: i32,
    out: String,
    #[serde(default)]
    cut: bool,
    meanwhile: Option<Vec<String>>,
}

fn calls() -> Vec<Call> {
    let lines = include_str!("recorded/calls.jsonl").lines();
    lines.map(|line| serde_json::from_str(line).expect("a recorded call")).collect()
}

impl Call {
    fn deviation(&self) -> Option<&'static Deviation> {
        DEVIATIONS.iter().find(|deviation| self.args == deviation.args)
    }

    fn is_answered_by(&self, code: i32, out: &str) -> bool {
        let is_same = if self.cut { out.starts_with(&self.out) } else { out == self.out };
        code == self.code && is_same
    }
}

/// The program, and the tokens that were needed so far.
struct Script {
    program: Program,
    tokens: BTreeMap<String, String>,
}

impl Script {
    fn run(&mut self, args: &[String]) -> Ran {
        let args: Vec<_> = args.iter().map(|arg| self.resolved(arg)).collect();
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        self.program.run_with_input(&args, b"from stdin")
    }

    /// `<token of NAME>`: as the item's token was when it was first asked for.
    fn resolved(&mut self, arg: &str) -> String {
        let Some(name) = arg.strip_prefix("<token of ").and_then(|name| name.strip_suffix('>')) else {
            return arg.to_owned();
        };
        if !self.tokens.contains_key(name) {
            let token = self.fetched(name);
            self.tokens.insert(name.to_owned(), token);
        }
        self.tokens[name].clone()
    }

    fn fetched(&self, name: &str) -> String {
        if name == "m" {
            let all = self.program.ok("poll-range p1 -a -j").json();
            return all["seen_marker"].as_str().unwrap().to_owned();
        }
        let sk = name.strip_suffix("now").unwrap_or(name);
        let ran = self.program.ok_args(&["read", "p1", sk, "-b"]);
        ran.text().lines().next().unwrap().to_owned()
    }

    /// Makes the call, and what happened during it.
    fn replay(&mut self, call: &Call) -> Ran {
        let Some(meanwhile) = &call.meanwhile else { return self.run(&call.args) };
        let args: Vec<_> = call.args.iter().map(|arg| self.resolved(arg)).collect();
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let program = self.program.clone();
        // Whether the poll or the write comes first makes no difference to what the poll prints.
        std::thread::scope(|scope| {
            let poll = scope.spawn(|| program.run_args(&args));
            assert_eq!(self.run(meanwhile).code, 0);
            poll.join().unwrap()
        })
    }
}

/// The output with `<TOK>` for every token and marker: nothing else in it is so long a word of their alphabet.
fn normalised(out: &[u8]) -> String {
    const TOKEN_LENGTH_MIN: usize = 32;
    let text = String::from_utf8_lossy(out);
    let in_token = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut normal = String::new();
    let mut rest = &*text;
    while !rest.is_empty() {
        let length = rest.find(|c| !in_token(c)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(length);
        normal.push_str(if length >= TOKEN_LENGTH_MIN { "<TOK>" } else { word });
        let other = behind.find(in_token).unwrap_or(behind.len());
        let (other, next) = behind.split_at(other);
        normal.push_str(other);
        rest = next;
    }
    normal
}

#[test]
fn every_recorded_call_is_answered_as_it_was_or_deviates_as_listed() {
    let node = Node::dev();
    let home = Home::new();
    home.write("val", "from file\n");
    let program = Program::at(&node, "recorded").inside(home.path());
    let mut script = Script { program, tokens: BTreeMap::new() };
    let calls = calls();
    assert_eq!(calls.len(), 167);
    let mut wrong = Vec::new();
    for call in &calls {
        let ran = script.replay(call);
        let out = normalised(&ran.out);
        match call.deviation() {
            None if call.is_answered_by(ran.code, &out) => {}
            None => wrong.push(format!(
                "{:?}\n  was {}: {:?}\n  is  {}: {out:?}",
                call.args, call.code, call.out, ran.code
            )),
            Some(_) if call.is_answered_by(ran.code, &out) => {
                wrong.push(format!("{:?} is answered as it was: take it off the list", call.args));
            }
            Some(deviation) => {
                if (ran.code, out.as_str()) != (deviation.code, deviation.out) {
                    wrong.push(format!("{:?} deviates as\n  {}: {out:?}", call.args, ran.code));
                }
                if let Some(undo) = deviation.undone_by {
                    let undo: Vec<_> = undo.iter().map(|&arg| arg.to_owned()).collect();
                    assert_eq!(script.run(&undo).code, 0, "{undo:?}");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_deviation_is_of_a_recorded_call_and_documented() {
    let calls = calls();
    for deviation in DEVIATIONS {
        assert!(calls.iter().any(|call| call.args == deviation.args), "{:?}", deviation.args);
        let guide = include_str!("../../client/README.md");
        assert!(guide.contains(deviation.reason), "client/README.md does not say: {}", deviation.reason);
    }
}

#[test]
fn the_first_line_of_a_read_in_base64_is_the_token() {
    let program = Program::shared("idiom");
    let script = "\
        k2v-cli insert pk sk -t one; k2v-cli insert pk sk -t two\n\
        ct=$(k2v-cli read pk sk -b | head -n1)\n\
        k2v-cli insert pk sk -c $ct -t three\n\
        k2v-cli read pk sk -r";
    let ran = program.shell(script);
    assert_eq!((ran.code, ran.text().as_str()), (0, "three"), "{ran:?}");
}
