//! A program of the user's that is run for each change.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use serde::Serialize;

use crate::failure::Failure;
use crate::output::{Line, key};

/// An item as it is now, and whether it was so at the start.
#[derive(Serialize)]
pub(super) struct Event {
    pub(super) event: &'static str,
    #[serde(flatten)]
    pub(super) line: Line,
}

/// Runs the command in a shell, with the event as a JSON line on its standard input, and waits for its end.
pub(super) fn run(command: &str, event: &Event) -> Result<(), Failure> {
    let mut input = serde_json::to_vec(event).map_err(|error| Failure::io("write JSON")(error.into()))?;
    input.push(b'\n');
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).stdin(Stdio::piped()).env("K2V_EVENT", event.event);
    for (name, value) in [("K2V_PARTITION_KEY", &event.line.pk), ("K2V_SORT_KEY", &event.line.sk)] {
        // No variable can hold a zero byte; the JSON line has the key all the same.
        if !value.contains('\0') {
            shell.env(name, value);
        }
    }
    let mut child = shell.spawn().map_err(Failure::io("start the command of --exec"))?;
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(&input) {
            // A command need not read what it does not need.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(Failure::io("talk with the command of --exec")(error));
            }
            _ => {}
        }
    }
    let status = child.wait().map_err(Failure::io("wait for the command of --exec"))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::other(format!("the command of --exec failed for {} ({status})", key(&event.line.sk))))
}
