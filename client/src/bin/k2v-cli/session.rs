//! What every command works with: the server, the standard output, the terminal.

use k2v_client::Bucket;

use crate::connection::{self, Connection, NAMES};
use crate::failure::Failure;
use crate::globals::Globals;
use crate::output::{Format, Out};
use crate::terminal::Terminal;

/// One run of the program.
pub(crate) struct Session {
    pub(crate) globals: Globals,
    pub(crate) terminal: Terminal,
    pub(crate) out: Out,
}

impl Session {
    pub(crate) fn new(globals: Globals) -> Self {
        globals.color.apply();
        let terminal = Terminal::new(globals.quiet, globals.output.is_some_and(Format::is_json));
        let out = Out::new(globals.output);
        Self { globals, terminal, out }
    }

    /// Where the server is and who asks.
    pub(crate) fn connection(&self) -> Result<Connection, Failure> {
        let place = self.globals.place.or_short(&self.globals.short);
        let terminal = self.terminal;
        let settled = connection::settle(&place, NAMES, &connection::environment, &mut |remark| {
            terminal.remark(&remark);
        })?;
        self.debug(&settled);
        Ok(settled)
    }

    /// The bucket that the command is about.
    pub(crate) fn bucket(&self) -> Result<Bucket, Failure> {
        let connection = self.connection()?;
        let name = connection.bucket_name()?.to_owned();
        Ok(connection.client()?.bucket(name))
    }

    /// The bucket, over a client that waits out a server that is away and repeats every write: for work that compares before it
    /// writes, where a repeat is harmless.
    pub(crate) fn persistent_bucket(&self) -> Result<Bucket, Failure> {
        let connection = self.connection()?;
        let name = connection.bucket_name()?.to_owned();
        Ok(connection.persistent_client()?.bucket(name))
    }

    fn debug(&self, settled: &Connection) {
        if !self.globals.debug {
            return;
        }
        let line = |what: &str, value: &str, origin: connection::Origin| {
            self.terminal.remark(&format!("debug: {what} is {value}, {}", origin.describe()));
        };
        line("the endpoint", &settled.endpoint.value, settled.endpoint.origin);
        line("the region", &settled.region.value, settled.region.origin);
        line("the key id", &settled.key_id.value, settled.key_id.origin);
        line("the secret", "set", settled.secret.origin);
        if let Some(bucket) = &settled.bucket {
            line("the bucket", &bucket.value, bucket.origin);
        }
    }
}
