//! `k2v-cli`: K2V servers from the command line, for scripts and for people.
//!
//! Every command is a file: its arguments, its help, and what it does. [`scripting`] holds the commands whose syntax and output
//! scripts rely on; [`people`] those that do the tedious parts for a person.

mod address;
mod args;
mod bench;
mod connection;
mod failure;
mod filter;
mod globals;
mod input;
mod manual;
mod output;
mod people;
mod scripting;
mod session;
mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::args::Command;
use crate::failure::{Exit, Failure};
use crate::session::Session;
use crate::terminal::Terminal;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let cli = match args::parse(&arguments) {
        Ok(cli) => cli,
        Err(error) => return refuse(&error, &arguments),
    };
    let mut session = Session::new(cli.globals);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(cli.command, &mut session)),
        Err(error) => Err(Failure::io("start")(error)),
    };
    // What was printed before a failure is printed all the same.
    let flushed = session.out.flush();
    match done.and(flushed) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output has read enough.
        Err(Failure::OutputClosed) => ExitCode::SUCCESS,
        Err(failure) => {
            if session.globals.debug {
                session.terminal.remark(&format!("debug: {failure:?}"));
            }
            session.terminal.failure(&failure);
            failure.exit().into()
        }
    }
}

/// Prints why the arguments are not understood, or the help that they ask for.
fn refuse(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    if error.use_stderr() && args::ask_for_json(arguments) {
        Terminal::new(false, true).failure(&Failure::usage(args::sentence(error)));
        return Exit::Usage.into();
    }
    // A closed output is not an error.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS }
}

async fn run(command: Command, session: &mut Session) -> Result<(), Failure> {
    match command {
        Command::Get(get) => get.run(session).await,
        Command::Put(put) => put.run(session).await,
        Command::Rm(rm) => rm.run(session).await,
        Command::Ls(ls) => ls.run(session).await,
        Command::Du(du) => du.run(session).await,
        Command::Watch(watch) => watch.run(session).await,
        Command::Conflicts(conflicts) => conflicts.run(session).await,
        Command::Resolve(resolve) => resolve.run(session).await,
        Command::Export(export) => export.run(session).await,
        Command::Import(import) => import.run(session).await,
        Command::Copy(copy) => copy.run(session).await,
        Command::Doctor(doctor) => doctor.run(session).await,
        Command::Profile(profile) => profile.run(session),
        Command::Bench(bench) => bench.run(session).await,
        Command::Insert(insert) => insert.run(session).await,
        Command::Read(read) => read.run(session).await,
        Command::List(list) => list.run(session).await,
        Command::Delete(delete) => delete.run(session).await,
        Command::PollItem(poll) => poll.run(session).await,
        Command::PollRange(poll) => poll.run(session).await,
        Command::ReadIndex(read) => read.run(session).await,
        Command::ReadRange(read) => read.run(session).await,
        Command::DeleteRange(delete) => delete.run(session).await,
        Command::Completions(completions) => completions.run(args::command(), session),
        Command::Man(man) => man.run(args::command()),
    }
}
