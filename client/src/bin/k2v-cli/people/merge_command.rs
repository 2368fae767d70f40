//! A program of the user's that makes one value of several.

use std::io::{self, Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k2v_client::Value;
use serde::Serialize;

use crate::failure::Failure;

/// A sibling, as the command reads it on a line of its standard input.
#[derive(Serialize)]
struct SiblingLine<'a> {
    /// Base64; null for a tombstone.
    v: Option<String>,
    /// The same as text, if it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

/// The largest value that a command may print.
const OUTPUT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Runs the command in a shell: siblings as JSON lines on its standard input, the new value on its standard output.
pub(crate) fn run(command: &str, pk: &str, sk: &str, siblings: &[Value]) -> Result<Vec<u8>, Failure> {
    let input = input_of(siblings)?;
    let mut child = Command::new("sh")
        .args(["-c", command])
        .env("K2V_PARTITION_KEY", pk)
        .env("K2V_SORT_KEY", sk)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(Failure::io("start the merge command"))?;
    let output = converse(&mut child, &input);
    if output.is_err() {
        // It may wait for us: whatever it would still print is not wanted.
        let _ = child.kill();
    }
    let status = child.wait().map_err(Failure::io("wait for the merge command"))?;
    let output = output.map_err(Failure::io("talk with the merge command"))?;
    if !status.success() {
        return Err(Failure::other(format!("the merge command failed ({status}): nothing was written")));
    }
    Ok(output)
}

fn input_of(siblings: &[Value]) -> Result<Vec<u8>, Failure> {
    let mut input = Vec::new();
    for value in siblings {
        let data = value.data();
        let line = SiblingLine {
            v: data.map(|data| STANDARD.encode(data)),
            text: data.and_then(|data| std::str::from_utf8(data).ok()),
        };
        serde_json::to_writer(&mut input, &line).map_err(|error| Failure::io("write JSON")(error.into()))?;
        input.push(b'\n');
    }
    Ok(input)
}

/// Writes and reads at once: a command that prints before it has read everything must not block both.
fn converse(child: &mut Child, input: &[u8]) -> io::Result<Vec<u8>> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (Some(mut stdin), Some(stdout)) = (stdin, stdout) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    thread::scope(|scope| {
        let writer = scope.spawn(move || match stdin.write_all(input) {
            // A command need not read what it does not need.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        });
        let mut output = Vec::new();
        stdout.take(OUTPUT_BYTES_MAX + 1).read_to_end(&mut output)?;
        writer.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))?;
        if output.len() as u64 > OUTPUT_BYTES_MAX {
            return Err(io::Error::other(format!("it printed more than {OUTPUT_BYTES_MAX} bytes")));
        }
        Ok(output)
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn merge(command: &str) -> Result<Vec<u8>, Failure> {
        run(command, "pk", "sk", &["one".into(), Value::Tombstone, [0xff_u8].into()])
    }

    #[test]
    fn the_command_reads_siblings_and_prints_the_value() {
        let lines = String::from_utf8(merge("cat").unwrap()).unwrap();
        assert_eq!(lines, "{\"v\":\"b25l\",\"text\":\"one\"}\n{\"v\":null}\n{\"v\":\"/w==\"}\n");
        assert_eq!(merge("printf %s/%s \"$K2V_PARTITION_KEY\" \"$K2V_SORT_KEY\"").unwrap(), b"pk/sk");
    }

    #[test]
    fn a_command_that_fails_yields_no_value() {
        let failure = merge("echo half; exit 3").unwrap_err();
        assert!(failure.to_string().contains("nothing was written"), "{failure}");
    }

    #[test]
    fn a_command_that_prints_before_it_reads_does_not_block() {
        let siblings = vec![Value::from("x".repeat(1_000_000)); 3];
        let output = run("head -c 3000000 /dev/zero; cat >/dev/null", "pk", "sk", &siblings).unwrap();
        assert_eq!(output.len(), 3_000_000);
        assert_eq!(run("true", "pk", "sk", &siblings).unwrap(), b"");
    }
}
