//! Help, completions and man pages.

use crate::harness::Home;
use crate::program::Program;

const COMMANDS: [&str; 25] = [
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
    "profile",
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

/// What a real bash offers for the last word.
fn completed(program: &Program, words: &[&str]) -> Option<Vec<String>> {
    let script = r#"
        source <(k2v-cli completions bash)
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        last=$COMP_CWORD
        # The function that bash would call, with the arguments that it would pass.
        function=$(complete -p k2v-cli | sed 's/.*-F \([^ ]*\).*/\1/')
        "$function" k2v-cli "${COMP_WORDS[last]}" "${COMP_WORDS[last - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    if std::process::Command::new("bash").arg("--version").output().is_err() {
        println!("skipped: there is no bash");
        return None;
    }
    let words: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    let line = format!("exec bash -c '{}' bash {}", script.replace('\'', "'\\''"), words.join(" "));
    let ran = program.shell(&line);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    Some(ran.text().lines().map(str::to_owned).collect())
}

#[test]
fn bash_completes_commands_options_and_values_after_a_command() {
    let program = Program::nowhere();
    let check = |words: &[&str], offered: &[&str], not_offered: &[&str]| {
        let Some(found) = completed(&program, words) else { return };
        for word in offered {
            assert!(found.iter().any(|found| found == word), "{words:?} offers no {word}: {found:?}");
        }
        for word in not_offered {
            assert!(!found.iter().any(|found| found == word), "{words:?} offers {word}: {found:?}");
        }
    };
    check(&["k2v-cli", "ge"], &["get"], &["put"]);
    check(&["k2v-cli", "put", "--"], &["--blind", "--causality", "--bucket"], &["--dry-run"]);
    check(&["k2v-cli", "-b", "bucket", "rm", "--d"], &["--dry-run"], &["--blind"]);
    check(&["k2v-cli", "import", "--existing", ""], &["replace", "keep", "merge"], &["--dry-run"]);
    check(&["k2v-cli", "get", "pk", "sk", "-o", ""], &["table", "json", "jsonl", "raw"], &[]);
    check(&["k2v-cli", "conflicts", ""], &["ls"], &[]);
    check(&["k2v-cli", "delete-range", "--"], &["--prefix"], &["--blind"]);
    check(&["k2v-cli", "bench", "r"], &["read", "range"], &["insert"]);
}

#[test]
fn help_shows_no_value_of_the_environment() {
    let program = Program::nowhere().with("AWS_SECRET_ACCESS_KEY", "hush-hush-hush");
    let help = program.ok("--help").text();
    assert!(help.contains("AWS_SECRET_ACCESS_KEY") && !help.contains("hush-hush-hush"));
    assert!(help.contains("4  conflict"), "{help}");
}
