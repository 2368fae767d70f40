//! `profile`: named servers.

use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::connection::{self, NAMES, Profile, Secret};
use crate::failure::Failure;
use crate::output::{Cell, Column, Format, Listing, Row, key, style};
use crate::session::Session;

/// Keep servers and their keys under names
///
/// Profiles are in ~/.config/k2v/config.toml, which only its owner can read. `--profile NAME` chooses one for a command; the default one is
/// used where neither options nor the environment say more.
#[derive(Debug, Args)]
#[command(name = "profile")]
pub(crate) struct Profiles {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Add(Add),
    Ls(Ls),
    Use(Use),
}

/// Add a profile, from the options or the environment
///
/// `k2v-cli profile add home` keeps what the variables say that `troupe dev` prints. The first profile becomes the default one.
#[derive(Debug, Args)]
struct Add {
    /// The name
    name: String,
    /// A file with the secret, which the profile then names instead of holding it; - reads the secret from the standard input
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Take the place of a profile of this name
    #[arg(long)]
    replace: bool,
}

/// List the profiles; secrets are not shown
#[derive(Debug, Args)]
struct Ls {}

/// Make a profile the default one
#[derive(Debug, Args)]
struct Use {
    /// The name
    name: String,
}

/// One profile, without its secret.
#[derive(Serialize)]
struct ProfileRow {
    name: String,
    default: bool,
    endpoint: Option<String>,
    region: Option<String>,
    key_id: Option<String>,
    bucket: Option<String>,
}

impl Row for ProfileRow {
    const COLUMNS: &'static [Column] = &[
        Column::key("NAME"),
        Column::text("DEFAULT"),
        Column::key("ENDPOINT"),
        Column::key("REGION"),
        Column::key("KEY ID"),
        Column::key("BUCKET"),
    ];

    fn cells(&self) -> Vec<Cell> {
        let text = |text: &Option<String>| Cell::plain(text.as_deref().map_or("-".into(), key));
        vec![
            Cell::styled(key(&self.name), style::KEY),
            Cell::plain(if self.default { "yes" } else { "" }),
            text(&self.endpoint),
            text(&self.region),
            text(&self.key_id),
            text(&self.bucket),
        ]
    }

    fn raw(&self) -> String {
        self.name.clone()
    }
}

impl Profiles {
    pub(crate) fn run(self, session: &mut Session) -> Result<(), Failure> {
        let path = connection::profile_path(&connection::environment).ok_or_else(|| {
            Failure::Settings(
                "there is no place for profiles: neither HOME nor XDG_CONFIG_HOME is set".into(),
            )
        })?;
        match self.command {
            Command::Add(add) => add.run(session, &path),
            Command::Ls(_) => list(session, &path),
            Command::Use(chosen) => {
                connection::set_default_profile(&path, &chosen.name)?;
                session.terminal.remark(&format!("{} is the default profile now", key(&chosen.name)));
                Ok(())
            }
        }
    }
}

impl Add {
    fn run(self, session: &Session, path: &Path) -> Result<(), Failure> {
        if self.name.is_empty() {
            return Err(Failure::usage("the name of the profile is empty"));
        }
        let profile = self.profile(session)?;
        let is_default = connection::add_profile(path, &self.name, &profile, self.replace)?;
        let default = if is_default { "; it is the default one" } else { "" };
        session.terminal.remark(&format!("{} is in {}{default}", key(&self.name), path.display()));
        Ok(())
    }

    fn profile(&self, session: &Session) -> Result<Profile, Failure> {
        let place = session.globals.place.or_short(&session.globals.short);
        let env = connection::environment;
        let missing = |what: &str, option: &str, variable: &str| {
            Failure::Settings(format!("{what} is not known: give {option}, or set {variable}"))
        };
        let endpoint = place.endpoint.or_else(|| env(NAMES.endpoint));
        let key_id = place.key_id.or_else(|| env(NAMES.key_id));
        let (secret, secret_file) = match &self.secret_file {
            Some(file) if file.as_os_str() == "-" => (Some(read_secret()?), None),
            Some(file) => {
                // A relative path would mean another file in another directory.
                let file = std::path::absolute(file).map_err(Failure::io("find the file of the secret"))?;
                (None, Some(file))
            }
            None => (place.secret.or_else(|| env(NAMES.secret).map(Secret::from)), None),
        };
        if secret.is_none() && secret_file.is_none() {
            let option = "--secret-file FILE (- is the standard input)";
            return Err(missing("the secret of the access key", option, NAMES.secret));
        }
        Ok(Profile {
            endpoint: Some(endpoint.ok_or_else(|| {
                missing("the server's address", "--endpoint http://HOST:PORT", NAMES.endpoint)
            })?),
            key_id: Some(
                key_id.ok_or_else(|| missing("the id of the access key", "--key-id ID", NAMES.key_id))?,
            ),
            region: place.region.or_else(|| env(NAMES.region)),
            secret,
            secret_file,
            bucket: place.bucket.or_else(|| env(NAMES.bucket)),
            ca_file: place.ca_file,
            request_timeout: place.request_timeout,
        })
    }
}

/// No secret is longer.
const SECRET_BYTES_MAX: u64 = 4_096;

fn read_secret() -> Result<Secret, Failure> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err(Failure::usage("the secret would be seen on the terminal: pipe it in, or name a file"));
    }
    let mut text = String::new();
    let read = stdin.lock().take(SECRET_BYTES_MAX).read_to_string(&mut text);
    read.map_err(Failure::io("read the secret"))?;
    Ok(Secret::from(text.trim().to_owned()))
}

fn list(session: &mut Session, path: &Path) -> Result<(), Failure> {
    let file = connection::load_profiles(path).map_err(|error| Failure::Settings(error.to_string()))?;
    let out = &mut session.out;
    let mut listing = Listing::new::<ProfileRow>(out.format_or(Format::Table));
    for (name, profile) in file.profile {
        let row = ProfileRow {
            default: file.default.as_deref() == Some(&name),
            name,
            endpoint: profile.endpoint,
            region: profile.region,
            key_id: profile.key_id,
            bucket: profile.bucket,
        };
        listing.push(out, &row)?;
    }
    if listing.is_empty() && out.is_terminal() {
        session.terminal.remark("there are no profiles; `k2v-cli profile add NAME` makes one");
    }
    listing.finish(out)
}
