//! Running `k2v-cli`, with nothing in its environment but what a story puts there.

use crate::harness::admin::{OWNER, READ, WRITE};
use crate::harness::{Node, shared_node, unique};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

/// What a run of the program left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.out.clone()).expect("the output is text")
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// One JSON value a line.
    pub(crate) fn json_lines(&self) -> Vec<serde_json::Value> {
        self.text().lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }
}

/// The program and where it goes.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    environment: Vec<(String, String)>,
    /// Where it is started, if that matters.
    directory: Option<PathBuf>,
    /// A shared node runs as long as anybody holds it.
    _node: Option<Arc<Node>>,
}

impl Program {
    /// For a bucket of its own at this node.
    pub(crate) fn at(node: &Node, bucket: &str) -> Self {
        let admin = node.admin();
        let id = admin.create_bucket(bucket);
        admin.allow(&id, &node.credentials, &[READ, WRITE, OWNER]);
        Self::nowhere()
            .with("K2V_ENDPOINT", &format!("http://{}", node.addr))
            .with("AWS_REGION", &node.credentials.region)
            .with("AWS_ACCESS_KEY_ID", &node.credentials.key_id)
            .with("AWS_SECRET_ACCESS_KEY", &node.credentials.secret)
            .with("K2V_BUCKET", bucket)
    }

    /// For a bucket of its own at the shared node.
    pub(crate) fn shared(what: &str) -> Self {
        let node = shared_node();
        Self { _node: Some(Arc::clone(&node)), ..Self::at(&node, &unique(what)) }
    }

    /// With no idea where to go.
    pub(crate) fn nowhere() -> Self {
        Self { environment: vec![("HOME".into(), "/nonexistent".into())], directory: None, _node: None }
    }

    /// With this variable, or without it if it is empty.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut environment = self.environment.clone();
        environment.retain(|(known, _)| known != name);
        environment.push((name.into(), value.into()));
        Self { environment, ..self.clone() }
    }

    /// Started in this directory.
    pub(crate) fn inside(&self, directory: &Path) -> Self {
        Self { directory: Some(directory.to_owned()), ..self.clone() }
    }

    /// The bucket that it works with.
    pub(crate) fn bucket(&self) -> &str {
        let bucket = self.environment.iter().find(|(name, _)| name == "K2V_BUCKET");
        bucket.map_or("", |(_, bucket)| bucket)
    }

    /// Commands that a shell runs; `k2v-cli` is in the current directory and on the path.
    pub(crate) fn shell(&self, script: &str) -> Ran {
        let directory = binary().parent().expect("the program is in a directory");
        let mut command = Command::new("sh");
        command.current_dir(directory).args(["-euc", script]);
        self.finish(command, b"")
    }

    /// Runs it with arguments that hold no spaces.
    pub(crate) fn run(&self, arguments: &str) -> Ran {
        self.run_args(&arguments.split_whitespace().collect::<Vec<_>>())
    }

    pub(crate) fn run_args(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, b"")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut command = Command::new(binary());
        command.args(arguments);
        self.finish(command, input)
    }

    /// Runs it and expects that it succeeds.
    pub(crate) fn ok(&self, arguments: &str) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "k2v-cli {arguments}: {ran:?}");
        ran
    }

    pub(crate) fn ok_args(&self, arguments: &[&str]) -> Ran {
        let ran = self.run_args(arguments);
        assert_eq!(ran.code, 0, "k2v-cli {arguments:?}: {ran:?}");
        ran
    }

    /// Starts it; its output is read by the story.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut command = Command::new(binary());
        self.prepare(command.args(arguments));
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        Running { child: child.expect("the program starts") }
    }

    /// What a shell needs to run it as the story does.
    pub(crate) fn exports(&self) -> String {
        let lines = self.environment.iter().map(|(name, value)| format!("export {name}='{value}'\n"));
        let path = binary().parent().expect("the program is in a directory").display();
        lines.chain([format!("export PATH='{path}':\"$PATH\"\n")]).collect()
    }

    fn finish(&self, mut command: Command, input: &[u8]) -> Ran {
        self.prepare(&mut command);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("its input is piped");
        let output = std::thread::scope(|scope| {
            // A program that refuses its arguments does not read.
            scope.spawn(move || drop(stdin.write_all(input)));
            child.wait_with_output().expect("the program ends")
        });
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        let ran = Ran { code: output.status.code().unwrap_or(-1), out: output.stdout, err };
        self.check_that_no_secret_shows(&ran);
        ran
    }

    fn prepare(&self, command: &mut Command) {
        let path = binary().parent().expect("the program is in a directory").display();
        let outer = std::env::var("PATH").unwrap_or_default();
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command.env_clear().envs(self.environment.iter().cloned()).env("PATH", format!("{path}:{outer}"));
    }

    /// Whatever a story is about, this always holds.
    fn check_that_no_secret_shows(&self, ran: &Ran) {
        let secrets = self.environment.iter().filter(|(name, _)| name.contains("SECRET"));
        for (_, secret) in secrets.filter(|(_, secret)| !secret.is_empty()) {
            assert!(!ran.err.contains(secret), "the secret is printed: {ran:?}");
            assert!(!String::from_utf8_lossy(&ran.out).contains(secret), "the secret is printed: {ran:?}");
        }
    }
}

/// A run that goes on; it is killed when the story lets go of it.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program. `cargo test --workspace` has built it; where it is missing, or older than its source, it is built as the guide says.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let test = std::env::current_exe().expect("the test knows its own path");
        let directory = test.parent().and_then(Path::parent).expect("tests are in `deps`");
        let binary = directory.join("k2v-cli");
        let client = Path::new(env!("CARGO_MANIFEST_DIR")).join("client");
        let newest = newest_below(&client.join("src"));
        if fs::metadata(&binary).and_then(|found| found.modified()).is_ok_and(|built| built >= newest) {
            return binary;
        }
        let mut build = Command::new(env!("CARGO"));
        build.current_dir(&client).args(["build", "--features", "cli", "--bin", "k2v-cli"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        build.arg("--target-dir").arg(directory.parent().expect("profiles are in the target directory"));
        assert!(build.status().expect("cargo runs").success(), "k2v-cli builds");
        binary
    })
}

fn newest_below(directory: &Path) -> SystemTime {
    let entries = fs::read_dir(directory).expect("the source is there").flatten();
    let times = entries.map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => newest_below(&entry.path()),
        _ => entry.metadata().and_then(|found| found.modified()).expect("files have times"),
    });
    times.max().unwrap_or(SystemTime::UNIX_EPOCH)
}
