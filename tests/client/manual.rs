//! Help, completions and man pages.

use crate::harness::Home;
use crate::program::Program;

const COMMANDS: [&str; 24] = [
    "get",
    "put",
    "rm",
    "ls",
    "du",
    "watch",
    "conflicts",
    "resolve",
    "export",
    "import",
    "copy",
    "doctor",
    "bench",
    "insert",
    "read",
    "list",
    "delete",
    "poll-item",
    "poll-range",
    "read-index",
    "read-range",
    "delete-range",
    "completions",
    "man",
];

#[test]
fn every_command_has_help_a_completion_and_a_man_page() {
    let program = Program::nowhere();
    let home = Home::new();
    let directory = home.path().join("man1");
    program.ok_args(&["man", directory.to_str().unwrap()]);
    let completions = program.ok("completions bash").text();
    for command in COMMANDS {
        let help = program.ok_args(&[command, "--help"]).text();
        assert!(help.contains("Usage: k2v-cli"), "{command}: {help}");
        assert!(
            completions.contains(&format!("k2v__cli__subcmd__{}", command.replace('-', "__")))
                || completions.contains(command),
            "{command}"
        );
        let page = std::fs::read_to_string(directory.join(format!("k2v-cli-{command}.1"))).unwrap();
        assert!(page.contains(".SH NAME"), "{command}");
    }
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        assert!(program.ok_args(&["completions", shell]).text().contains("poll-range"), "{shell}");
    }
}

#[test]
fn completions_are_a_script_that_bash_understands() {
    let program = Program::nowhere();
    let ran = program.shell("if command -v bash >/dev/null; then k2v-cli completions bash | bash -n; fi");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
}

#[test]
fn help_shows_no_value_of_the_environment() {
    let program = Program::nowhere().with("AWS_SECRET_ACCESS_KEY", "hush-hush-hush");
    let help = program.ok("--help").text();
    assert!(help.contains("AWS_SECRET_ACCESS_KEY") && !help.contains("hush-hush-hush"));
    assert!(help.contains("4  conflict"), "{help}");
}
