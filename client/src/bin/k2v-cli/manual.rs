//! Shell completions and man pages, made from the same definitions as `--help`.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::Cli;
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
    pub(crate) fn run(self, session: &mut Session) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "k2v-cli", &mut script);
        session.out.bytes(&script)
    }
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
    pub(crate) fn run(self) -> Result<(), Failure> {
        let doing = || format!("write man pages into {}", self.directory.display());
        fs::create_dir_all(&self.directory).map_err(Failure::io(doing()))?;
        let written: io::Result<()> = clap_mangen::generate_to(Cli::command(), &self.directory);
        written.map_err(Failure::io(doing()))
    }
}
