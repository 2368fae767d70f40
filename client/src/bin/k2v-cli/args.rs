//! The command line: what may stand before every command, and the commands.
//!
//! Programs written for Garage's older `k2v-cli` put short options in two places: `-b`, `-e`, `-k`, `-r` and `-s` before
//! the command say where the server is, the same letters after the command mean something else. So the short
//! forms belong to the root command alone, and the long forms are accepted on either side.

use std::ffi::OsString;

use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::bench;
use crate::globals::Globals;
use crate::manual;
use crate::people;
use crate::scripting;

const EXIT_CODES: &str = "\
Exit codes:
  0  done                      4  conflict: concurrent values
  1  any other failure         5  access: key, permission, region, clock
  2  wrong usage               6  the server is not available
  3  no such item or bucket    7  no answer in time
                                 130  interrupted

Where the server is:
  Options win over a profile that is named (--profile or K2V_PROFILE); that wins
  over the environment (K2V_ENDPOINT, AWS_REGION, AWS_ACCESS_KEY_ID,
  AWS_SECRET_ACCESS_KEY, K2V_BUCKET); that wins over the default profile.
  `k2v-cli profile` keeps profiles, in ~/.config/k2v/config.toml.
  `k2v-cli doctor` says what is used, and whether it works.";

/// Reads and writes K2V servers: for scripts, and for people
#[derive(Debug, Parser)]
#[command(name = "k2v-cli", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Get(people::get::Get),
    Put(people::put::Put),
    Rm(people::rm::Rm),
    Ls(people::ls::Ls),
    Du(people::du::Du),
    Watch(people::watch::Watch),
    Conflicts(people::conflicts::Conflicts),
    Resolve(people::resolve::Resolve),
    Export(people::export::Export),
    Import(people::import::Import),
    Copy(people::copy::Copy),
    Doctor(people::doctor::Doctor),
    Profile(people::profile::Profiles),
    Bench(bench::Bench),

    Insert(scripting::insert::Insert),
    Read(scripting::read::Read),
    List(scripting::list::List),
    Delete(scripting::delete::Delete),
    PollItem(scripting::poll_item::PollItem),
    PollRange(scripting::poll_range::PollRange),
    ReadIndex(scripting::read_index::ReadIndex),
    ReadRange(scripting::read_range::ReadRange),
    DeleteRange(scripting::delete_range::DeleteRange),

    Completions(manual::Completions),
    Man(manual::Man),
}

/// Parses the command line.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let mut matches = command().try_get_matches_from(arguments)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command()))
}

/// The definition of the command line. Options that a command would ignore are not in its help; they are understood all the same, so
/// that an alias with options in it works with every command.
pub(crate) fn command() -> clap::Command {
    let command = Cli::command();
    let globals: Vec<Arg> = command.get_arguments().cloned().collect();
    // A command's own option of the same name takes the place of the one for all commands.
    let hide = |subcommand: clap::Command, useless: &[&str]| {
        let hidden = globals.iter().filter(|arg| useless.contains(&arg.get_id().as_str()));
        subcommand.args(hidden.map(|arg| arg.clone().hide(true)))
    };
    command.mut_subcommands(|subcommand| match subcommand.get_name() {
        "completions" | "man" => hide(subcommand, &CONNECTION),
        // It speaks plain http only.
        "bench" => hide(subcommand, &["ca_file"]),
        "profile" => subcommand.mut_subcommands(|subcommand| match subcommand.get_name() {
            "add" => hide(subcommand, &["profile"]),
            _ => hide(subcommand, &CONNECTION),
        }),
        _ => subcommand,
    })
}

/// The ids of the options that say where the server is.
const CONNECTION: [&str; 8] =
    ["profile", "endpoint", "region", "key_id", "secret", "bucket", "ca_file", "request_timeout"];

/// Whether arguments that could not be parsed ask for JSON.
pub(crate) fn ask_for_json(arguments: &[OsString]) -> bool {
    let texts: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    let is_json = |format: &str| matches!(format, "json" | "jsonl");
    let joined = |text: &str| {
        let format = text.strip_prefix("--output=").or_else(|| text.strip_prefix("-o"));
        format.is_some_and(|format| is_json(format.trim_start_matches('=')))
    };
    texts.iter().any(|text| joined(text))
        || texts.windows(2).any(|pair| matches!(&*pair[0], "-o" | "--output") && is_json(&pair[1]))
}

/// The first paragraph of clap's error, without its label.
pub(crate) fn sentence(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    text.split("\n\n").next().unwrap_or(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        super::parse(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    fn check(line: &str) -> Globals {
        parse(line).unwrap_or_else(|error| panic!("{line}: {error}")).globals
    }

    fn check_refused(line: &str, expected: ErrorKind) {
        match parse(line) {
            Ok(_) => panic!("{line} must be refused"),
            Err(error) => assert_eq!(error.kind(), expected, "{line}: {error}"),
        }
    }

    #[test]
    fn the_definitions_contradict_nothing() {
        command().debug_assert();
    }

    #[test]
    fn a_command_offers_no_option_that_it_ignores_and_takes_it_all_the_same() {
        let mut command = command();
        command.build();
        let mut help = |name: &str| {
            let subcommand = command.get_subcommands_mut().find(|command| command.get_name() == name);
            subcommand.unwrap().render_long_help().to_string()
        };
        for (name, option) in [
            ("man", "--endpoint"),
            ("completions", "--bucket"),
            ("bench", "--ca-file"),
            ("read-index", "--tombstones"),
            ("poll-range", "--limit"),
            ("delete-range", "--conflicts-only"),
            ("rm", "--reverse"),
        ] {
            assert!(!help(name).contains(option), "{}", help(name));
        }
        assert!(help("read-range").contains("--tombstones") && help("get").contains("--endpoint"));
        assert!(help("bench").contains("--endpoint"));
        let globals = check("k2v-cli --bucket b man --endpoint http://h:1 --request-timeout 5 directory");
        assert_eq!(globals.place.bucket.as_deref(), Some("b"));
        assert_eq!(
            (globals.place.endpoint.as_deref(), globals.place.request_timeout),
            (Some("http://h:1"), Some(5))
        );
    }

    #[test]
    fn json_is_asked_for_in_every_form() {
        let asks = |line: &str| ask_for_json(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        for line in ["-o json x", "x -ojsonl", "x --output json", "--output=json", "-o=json"] {
            assert!(asks(line), "{line}");
        }
        assert!(!asks("put json -o raw --output table"));
    }

    #[test]
    fn the_commands_of_the_guide_are_understood() {
        check("k2v-cli insert --bucket my-bucket --partition part1 --sort-key key1 --value data");
        check("k2v-cli read --bucket my-bucket --partition part1 --sort-key key1");
        check("k2v-cli list --bucket my-bucket --partition part1");
        let globals = check("k2v-cli delete --bucket my-bucket --partition part1 --sort-key key1");
        assert_eq!(globals.place.bucket.as_deref(), Some("my-bucket"));
    }

    #[test]
    fn short_options_mean_the_place_before_the_command_and_the_filter_after_it() {
        let globals = check(
            "k2v-cli -r garage -e http://h:1 -k GK1 -s hush -b bucket read-range pk -p x -s xa -e xb -l 3 -r -c -t -j",
        );
        assert_eq!(globals.short.region_short.as_deref(), Some("garage"));
        assert_eq!(globals.short.endpoint_short.as_deref(), Some("http://h:1"));
        assert!(!format!("{globals:?}").contains("hush"));
        for line in [
            "k2v-cli insert pk sk -c token -f -",
            "k2v-cli insert pk sk -c -token -b AAAA",
            "k2v-cli insert pk sk -t -5",
            "k2v-cli read pk sk -b",
            "k2v-cli read pk sk -r",
            "k2v-cli read pk sk -H",
            "k2v-cli poll-item pk sk -c token -T 5",
            "k2v-cli poll-range pk -S marker -T 5 -p x",
            "k2v-cli delete pk sk -c token",
            "k2v-cli read-index -a -H",
            "k2v-cli delete-range pk -a",
        ] {
            check(line);
        }
    }

    #[test]
    fn what_contradicts_itself_is_wrong_usage() {
        check_refused("k2v-cli read pk", ErrorKind::MissingRequiredArgument);
        check_refused("k2v-cli read pk sk --partition p --sort-key s", ErrorKind::ArgumentConflict);
        check_refused("k2v-cli read --partition p", ErrorKind::MissingRequiredArgument);
        check_refused("k2v-cli read pk sk -b -r", ErrorKind::ArgumentConflict);
        check_refused("k2v-cli insert pk sk", ErrorKind::MissingRequiredArgument);
        check_refused("k2v-cli insert pk sk -t a --value b", ErrorKind::ArgumentConflict);
        check_refused("k2v-cli read-range pk -a -p x", ErrorKind::ArgumentConflict);
        check_refused("k2v-cli resolve pk sk --keep 1 --delete", ErrorKind::ArgumentConflict);
        check_refused("k2v-cli resolve pk", ErrorKind::MissingRequiredArgument);
        check_refused("k2v-cli resolve --all", ErrorKind::MissingRequiredArgument);
        check("k2v-cli resolve --all pk --keep 1");
    }
}
