//! The command line: what may stand before every command, and the commands.
//!
//! Programs written for Garage's older `k2v-cli` put short options in two places: `-b`, `-e`, `-k`, `-r` and `-s` before
//! the command say where the server is, the same letters after the command mean something else. So the short
//! forms belong to the root command alone, and the long forms are accepted on either side.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::bench;
use crate::connection::Secret;
use crate::manual;
use crate::output::{ColorChoice, Format};
use crate::people;
use crate::scripting;

const EXIT_CODES: &str = "\
Exit codes:
  0  done                      4  conflict: concurrent values
  1  any other failure         5  authentication: key, permission, region, clock
  2  wrong usage               6  the server is not available
  3  no such item or bucket    7  no answer in time

Where the server is:
  Options win over a profile that is named (--profile or K2V_PROFILE); that wins over the environment
  (K2V_ENDPOINT, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, K2V_BUCKET); that wins over the
  default profile of ~/.config/k2v/config.toml. `k2v-cli doctor` says what is used, and whether it works.";

/// Reads and writes K2V servers: for scripts, and for people
#[derive(Debug, Parser)]
#[command(name = "k2v-cli", version, after_help = EXIT_CODES, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What may stand before any command, and in its long form after it too.
#[derive(Debug, Default, Args)]
pub(crate) struct Globals {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) short: ShortPlace,

    /// How to print results [default: what suits the command]
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT", help_heading = "Output")]
    pub(crate) output: Option<Format>,
    /// When to use colours; NO_COLOR is honoured
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Output"
    )]
    pub(crate) color: ColorChoice,
    /// No progress bar, no remarks; errors are still printed
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Say where each setting comes from, and all causes of an error; secrets stay hidden
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) debug: bool,
}

/// Where the server is and who asks, in long options.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Place {
    /// Use this profile of ~/.config/k2v/config.toml [env: K2V_PROFILE]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The server, such as http://localhost:3902; -e before the command [env: K2V_ENDPOINT]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// The region that signatures name; -r before the command [env: AWS_REGION] [default: garage]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) region: Option<String>,
    /// The access key's id; -k before the command [env: AWS_ACCESS_KEY_ID]
    #[arg(long, global = true, value_name = "ID")]
    pub(crate) key_id: Option<String>,
    /// The access key's secret; -s before the command. Other users of this machine can see it in the list of
    /// processes: prefer a profile or the environment [env: AWS_SECRET_ACCESS_KEY]
    #[arg(long, global = true, value_name = "SECRET")]
    pub(crate) secret: Option<Secret>,
    /// The bucket; -b before the command [env: K2V_BUCKET]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) bucket: Option<String>,
    /// Trust the certificate authorities in this PEM file instead of the system's
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// How long one request may take, in seconds [default: 30]
    #[arg(long, global = true, value_name = "SECS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) request_timeout: Option<u64>,
}

/// The short forms, which mean this only before the command.
#[derive(Debug, Default, Args)]
pub(crate) struct ShortPlace {
    #[arg(short = 'e', hide = true, value_name = "URL", conflicts_with = "endpoint")]
    pub(crate) endpoint_short: Option<String>,
    #[arg(short = 'r', hide = true, value_name = "NAME", conflicts_with = "region")]
    pub(crate) region_short: Option<String>,
    #[arg(short = 'k', hide = true, value_name = "ID", conflicts_with = "key_id")]
    pub(crate) key_id_short: Option<String>,
    #[arg(short = 's', hide = true, value_name = "SECRET", conflicts_with = "secret")]
    pub(crate) secret_short: Option<Secret>,
    #[arg(short = 'b', hide = true, value_name = "NAME", conflicts_with = "bucket")]
    pub(crate) bucket_short: Option<String>,
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split(' '))
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
        Cli::command().debug_assert();
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
