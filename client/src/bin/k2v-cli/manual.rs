//! Shell completions and man pages, made from the same definitions as `--help`.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use crate::failure::Failure;
use crate::session::Session;

/// Print the completions of a shell
///
/// bash: `k2v-cli completions bash > ~/.local/share/bash-completion/completions/k2v-cli`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, mut command: Command, session: &mut Session) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, NAME, &mut script);
        if self.shell == Shell::Bash {
            script = with_one_name(&script);
        }
        session.out.bytes(&script)
    }
}

const NAME: &str = "k2v-cli";

/// The bash script of clap_complete 4.6 calls a command by two names if there is a hyphen in the program's: it goes to
/// `k2v__cli__subcmd__get` and looks for `k2v__subcmd__cli__subcmd__get`. Nothing is completed after a command then.
fn with_one_name(script: &[u8]) -> Vec<u8> {
    let [sought, reached] = ["__subcmd__", "__"].map(|separator| NAME.replace('-', separator));
    String::from_utf8_lossy(script).replace(&sought, &reached).into_bytes()
}

/// Write the man pages into a directory
///
/// `k2v-cli man ~/.local/share/man/man1`, then `man k2v-cli`.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The directory; it is made if it does not exist
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Man {
    pub(crate) fn run(self, command: Command) -> Result<(), Failure> {
        let doing = || format!("write man pages into {}", self.directory.display());
        fs::create_dir_all(&self.directory).map_err(Failure::io(doing()))?;
        let written: io::Result<()> = clap_mangen::generate_to(command, &self.directory);
        written.map_err(Failure::io(doing()))
    }
}
