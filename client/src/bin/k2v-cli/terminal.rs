//! Talking with the person at the terminal: remarks, progress, questions. Everything goes to the standard error, so that
//! results stay clean.

use std::fmt;
use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::failure::Failure;
use crate::output::{stderr_width, style, wrap};

/// How much a command says besides its results.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    is_quiet: bool,
    /// Whether the standard error is read by a program: it holds one JSON object if the command fails, and nothing else.
    is_json: bool,
    is_interactive: bool,
    has_colours: bool,
}

impl Terminal {
    pub(crate) fn new(is_quiet: bool, is_json: bool) -> Self {
        let stderr = io::stderr();
        Self {
            is_quiet: is_quiet || is_json,
            is_json,
            is_interactive: io::stdin().is_terminal() && stderr.is_terminal(),
            has_colours: anstream::AutoStream::choice(&stderr) != anstream::ColorChoice::Never,
        }
    }

    /// Whether somebody is there to answer a question.
    pub(crate) fn is_interactive(self) -> bool {
        self.is_interactive
    }

    /// A line that is good to know, and no result.
    pub(crate) fn remark(self, text: &str) {
        if !self.is_quiet {
            self.say(text);
        }
    }

    /// Why the command failed, and what to do next.
    pub(crate) fn failure(self, failure: &Failure) {
        if self.is_json {
            if let Ok(json) = serde_json::to_string(&failure.to_json()) {
                self.say(&json);
            }
            return;
        }
        self.error(&failure.to_string());
        if let Some(hint) = failure.hint() {
            self.hint(&hint);
        }
    }

    /// An error that does not end the command.
    pub(crate) fn error(self, text: &str) {
        if self.is_json {
            return;
        }
        let head = if self.has_colours {
            format!("{}error{:#}", style::BAD, style::BAD)
        } else {
            "error".to_owned()
        };
        self.say_after(&head, "error", text);
    }

    fn hint(self, text: &str) {
        let head =
            if self.has_colours { format!("{}hint{:#}", style::KEY, style::KEY) } else { "hint".to_owned() };
        self.say_after(&head, "hint", text);
    }

    /// Prints a text after its label, broken between words where the terminal ends.
    fn say_after(self, head: &str, label: &str, text: &str) {
        let width = io::stderr().is_terminal().then(stderr_width);
        let text = wrap(&format!("{label}: {text}"), width).join("\n");
        self.say(&text.replacen(label, head, 1));
    }

    /// A closed standard error is not an error.
    fn say(self, text: &str) {
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Asks before something is destroyed. Only for a terminal that [is interactive](Self::is_interactive).
    pub(crate) fn confirm(self, question: &str) -> Result<(), Failure> {
        let answer = ask(&format!("{question} [y/N] "))?;
        match answer.to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Failure::other("nothing was done: the question was not answered with yes")),
        }
    }

    /// A bar for a number of things that is known; silent where there is no terminal.
    pub(crate) fn bar(self, total: u64, noun: &'static str) -> ProgressBar {
        let template = format!("{{wide_bar}} {{human_pos}}/{{human_len}} {noun}, {{rate}}, {{eta}} left");
        styled(self.progress(Some(total)), &template)
    }

    /// A bar for a number of bytes that is known.
    pub(crate) fn byte_bar(self, total: u64) -> ProgressBar {
        let template =
            "{wide_bar} {binary_bytes}/{binary_total_bytes}, {binary_bytes_per_sec}, {eta} left".to_owned();
        styled(self.progress(Some(total)), &template)
    }

    /// A counter for work whose length is not known.
    pub(crate) fn counter(self, noun: &'static str) -> ProgressBar {
        let template = format!("{{spinner}} {{human_pos}} {noun}, {{rate}}, {{elapsed}} so far");
        styled(self.progress(None), &template)
    }

    /// A counter of bytes.
    pub(crate) fn byte_counter(self) -> ProgressBar {
        styled(self.progress(None), "{spinner} {binary_bytes}, {binary_bytes_per_sec}, {elapsed} so far")
    }

    /// Whether a bar would be seen, so that it is worth finding out how long the work is.
    pub(crate) fn shows_progress(self) -> bool {
        !self.is_quiet && io::stderr().is_terminal()
    }

    fn progress(self, total: Option<u64>) -> ProgressBar {
        if !self.shows_progress() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr());
        bar.enable_steady_tick(Duration::from_millis(250));
        bar
    }
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    if let Ok(style) = ProgressStyle::with_template(template) {
        // The library's own `per_sec` has four decimals.
        bar.set_style(style.with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = write!(out, "{}/s", HumanCount(state.per_sec() as u64));
        }));
    }
    bar
}

/// Asks a question and waits for a line.
pub(crate) fn ask(question: &str) -> Result<String, Failure> {
    let mut stderr = io::stderr();
    write!(stderr, "{question}").and_then(|()| stderr.flush()).map_err(Failure::io("ask a question"))?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(Failure::io("read an answer"))?;
    Ok(answer.trim().to_owned())
}
