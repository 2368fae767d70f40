//! A real terminal: width, colours, questions, progress.

use crate::harness::Home;
use crate::program::Program;
use std::process::Command;
use std::time::{Duration, Instant};

/// A terminal of a certain size, with a shell in it.
struct Terminal {
    socket: String,
}

impl Terminal {
    /// `None` where there is no tmux to make one.
    fn open(program: &Program, home: &Home, width: usize) -> Option<Self> {
        if Command::new("tmux").arg("-V").output().is_err() {
            println!("skipped: there is no tmux, so there is no terminal to try it in");
            return None;
        }
        let script = home.write("environment.sh", &format!("{}PS1='ready> '\n", program.exports()));
        let terminal = Self { socket: home.path().join("tmux.sock").display().to_string() };
        let (width, shell) = (width.to_string(), format!("ENV={} exec sh -i", script.display()));
        terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", &width, "-y", "50", &shell]);
        terminal.wait_for("ready>");
        Some(terminal)
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux")
            .env_remove("TMUX")
            .args(["-S", &self.socket])
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "tmux {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn enter(&self, line: &str) {
        self.tmux(&["send-keys", "-l", line]);
        self.tmux(&["send-keys", "Enter"]);
    }

    /// What is on the screen; with colours as escape sequences if asked for.
    fn screen(&self, with_colours: bool) -> String {
        let colours: &[&str] = if with_colours { &["-e"] } else { &[] };
        self.tmux(&[&["capture-pane", "-p", "-S", "-200"], colours].concat())
    }

    /// The screen, with lines that the terminal wrapped as the one line that they are.
    fn unwrapped(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-J", "-S", "-500"])
    }

    /// Waits until the screen shows a text, and returns the screen.
    fn wait_for(&self, text: &str) -> String {
        let began = Instant::now();
        loop {
            let screen = self.screen(false);
            if screen.contains(text) {
                return screen;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "no {text:?} in:\n{screen}");
            // A screen announces its changes to nobody.
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The shell in it ends with it.
        let _ = Command::new("tmux").args(["-S", &self.socket, "kill-server"]).output();
    }
}

#[test]
fn tables_fit_the_terminal_and_have_colours_unless_they_are_unwanted() {
    let (program, home) = (Program::shared("table"), Home::new());
    program.ok_args(&["put", "pk", "key-1", &"wide ".repeat(100)]);
    program.ok_args(&["put", "pk", "key-2", "\x1b[31mred\x1b[0m\x07"]);
    let Some(terminal) = Terminal::open(&program, &home, 60) else { return };
    terminal.enter("clear; k2v-cli ls pk; echo do\"\"ne");
    let screen = terminal.wait_for("done");
    let row = screen.lines().find(|line| line.starts_with("key-1")).expect("a row");
    assert!(row.ends_with('…') && row.chars().count() <= 60, "{screen}");
    assert!(screen.contains("\\u{1b}[31mred"), "a value's escapes are shown, not obeyed: {screen}");
    terminal.enter("k2v-cli get pk key-2; echo go\"\"t it");
    let screen = terminal.wait_for("got it");
    assert!(screen.contains("\\u{1b}[31mred\\u{1b}[0m\\u{7}\n(not plain text"), "{screen}");
    let coloured = terminal.screen(true);
    let row = coloured.lines().find(|line| line.contains("key-1")).expect("a row");
    assert!(row.contains("\x1b[36m"), "keys are cyan: {coloured:?}");

    terminal.enter("clear; NO_COLOR=1 k2v-cli ls pk; echo do\"\"ne again");
    terminal.wait_for("done again");
    let plain = terminal.screen(true);
    let row = plain.lines().rev().find(|line| line.contains("key-1")).expect("a row");
    assert!(!row.contains('\x1b'), "{plain:?}");
}

#[test]
fn wide_output_is_cut_at_eighty_columns_and_whole_in_a_pipe() {
    let (program, home) = (Program::shared("wide"), Home::new());
    let key = |last: &str| format!("{}{last}", "long-key-".repeat(20));
    for last in ["1", "2"] {
        program.ok_args(&["put", &key(last), &key(last), "x"]);
        program.ok_args(&["put", &key(last), &key(last), &"y".repeat(300), "--blind"]);
    }
    let Some(terminal) = Terminal::open(&program, &home, 80) else { return };
    terminal.enter("clear; k2v-cli ls; k2v-cli du; k2v-cli conflicts ls; k2v-cli doctor; k2v-cli get nope nope; echo do\"\"ne");
    terminal.wait_for("done");
    // A line that was wrapped by the terminal would be joined again.
    let screen = terminal.unwrapped();
    assert!(
        screen.contains(
            "hint: Check both keys: `k2v-cli ls` lists the partitions, `k2v-cli ls PK` their\nitems."
        ),
        "{screen}"
    );
    let rows: Vec<_> = screen.lines().filter(|line| line.contains("long-key-")).collect();
    assert!(rows.len() >= 6 && rows.iter().all(|row| row.contains('…')), "{screen}");
    for row in screen.lines() {
        assert!(row.chars().count() <= 80, "{row:?} in {screen}");
    }
    assert!(
        rows.iter().any(|row| row.contains("-1 ")) && rows.iter().any(|row| row.contains("-2 ")),
        "{screen}"
    );
    terminal.enter("clear; k2v-cli bench insert -c 2 -d 1 -w 1 -n 100; echo mea\"\"sured");
    terminal.wait_for("measured");
    let screen = terminal.unwrapped();
    assert!(screen.contains("P99.9") && screen.lines().all(|row| row.chars().count() <= 80), "{screen}");
    terminal.enter("clear; k2v-cli --help; k2v-cli rm --help; echo hel\"\"ped");
    terminal.wait_for("helped");
    let screen = terminal.unwrapped();
    for row in screen.lines() {
        assert!(row.chars().count() <= 80, "{row:?} in {screen}");
    }
    let piped = program.ok("ls -o table").text();
    assert!(piped.contains(&key("1")) && !piped.contains('…'), "{piped}");
}

#[test]
fn a_deletion_is_asked_for_at_a_terminal() {
    let (program, home) = (Program::shared("ask"), Home::new());
    program.ok("put pk a x");
    program.ok("put pk b x");
    let Some(terminal) = Terminal::open(&program, &home, 100) else { return };
    terminal.enter("k2v-cli rm pk --all");
    terminal.wait_for("Delete 2 items of pk? [y/N]");
    terminal.enter("n");
    terminal.wait_for("nothing was done");
    assert_eq!(program.ok("ls pk -o raw").text(), "a\nb\n");
    terminal.enter("clear; k2v-cli rm pk --prefix a");
    terminal.wait_for("Delete 1 item of pk? [y/N]");
    terminal.enter("y");
    terminal.wait_for("1 item deleted");
    terminal.enter("k2v-cli rm pk --all --yes && echo fin\"\"ished");
    terminal.wait_for("finished");
    assert_eq!(program.ok("ls pk -o raw").text(), "");
    program.ok("put pk a x");
    let question = format!("Delete all 1 item in 1 partition of the bucket {}? [y/N]", program.bucket());
    terminal.enter("clear; k2v-cli rm --all-partitions");
    terminal.wait_for(&question);
    terminal.enter("n");
    terminal.wait_for("nothing was done");
    assert_eq!(program.ok("ls -o raw").text(), "pk\n");
    terminal.enter("clear; k2v-cli rm --all-partitions");
    terminal.wait_for(&question);
    terminal.enter("y");
    terminal.wait_for("1 item deleted");
    assert_eq!(program.ok("ls -o raw").text(), "");
}

#[test]
fn a_conflict_is_resolved_by_an_answer_at_the_terminal() {
    let (program, home) = (Program::shared("answer"), Home::new());
    program.ok("put pk sk pear");
    program.ok("put --blind pk sk apple");
    let Some(terminal) = Terminal::open(&program, &home, 100) else { return };
    terminal.enter("unset VISUAL EDITOR; k2v-cli resolve pk sk; echo do\"\"ne");
    terminal.wait_for("Keep which one?");
    terminal.enter("2");
    terminal.wait_for("done");
    assert_eq!(program.ok("get pk sk").text(), "pear");

    program.ok("put --blind pk sk quince");
    terminal.enter("clear; EDITOR='sed -i /quince/d' k2v-cli resolve pk sk; echo ed\"\"ited");
    terminal.wait_for("edited");
    assert_eq!(program.ok("get pk sk").text(), "pear");
}

#[test]
fn long_work_shows_its_progress_at_a_terminal_and_nowhere_else() {
    let (program, home) = (Program::shared("progress"), Home::new());
    let line = |number: usize| {
        format!("{{\"pk\":\"p{}\",\"sk\":\"{number:06}\",\"v\":[\"{}\"]}}\n", number % 50, "A".repeat(400))
    };
    let file = home.write("items.jsonl", &(0..20_000).map(line).collect::<String>());
    let Some(terminal) = Terminal::open(&program, &home, 100) else { return };
    terminal.enter(&format!("k2v-cli import {}", file.display()));
    let screen = terminal.wait_for("iB/s, ");
    let bar = screen.lines().find(|line| line.contains(" left")).unwrap();
    assert!(bar.contains("iB/"), "bytes have units: {bar}");
    let screen = terminal.wait_for("20000 items read: 20000 written");
    assert!(!screen.contains(" left"), "the bar is gone when the work is done: {screen}");
    let quiet = program.ok_args(&["import", file.to_str().unwrap()]);
    assert_eq!(quiet.err, "20000 items read: 0 written, 20000 the same already\n");
    assert_eq!(program.ok_args(&["--quiet", "import", file.to_str().unwrap()]).err, "");
}
