//! The options of every command.

use clap::Args;

use crate::connection::{Place, ShortPlace};
use crate::output::{ColorChoice, Format};

/// What may stand before any command, and in its long form after it too.
#[derive(Debug, Default, Args)]
pub(crate) struct Globals {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(flatten)]
    pub(crate) short: ShortPlace,

    /// How to print results [default: what suits the command]; with json and jsonl, a failure is a JSON object on the standard error
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
