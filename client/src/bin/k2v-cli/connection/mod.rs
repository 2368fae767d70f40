//! Where the server is and who asks: options, profiles and the environment, settled.
//!
//! From strong to weak: options; a profile that is named; the environment; the default profile; built-in defaults. A
//! named profile is stronger than the environment so that `--profile work` never signs with the keys of
//! another server which happen to be exported.

mod place;
mod profile;
mod profile_edit;
mod secret;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use k2v_client::{K2vClient, RepeatWrites, RetryPolicy};

use crate::failure::Failure;

pub(crate) use place::{Place, ShortPlace};
pub(crate) use profile::{Profile, load as load_profiles, path as profile_path};
pub(crate) use profile_edit::{add as add_profile, set_default as set_default_profile};
pub(crate) use secret::Secret;

/// A setting and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

/// Where a setting came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Option,
    NamedProfile,
    Environment,
    DefaultProfile,
    BuiltIn,
}

impl Origin {
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Self::Option => "from the command line",
            Self::NamedProfile => "from the profile",
            Self::Environment => "from the environment",
            Self::DefaultProfile => "from the default profile",
            Self::BuiltIn => "the default",
        }
    }
}

/// What a client needs, complete but for the bucket.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) endpoint: Setting<String>,
    pub(crate) region: Setting<String>,
    pub(crate) key_id: Setting<String>,
    pub(crate) secret: Setting<Secret>,
    pub(crate) bucket: Option<Setting<String>>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) request_timeout: Option<Duration>,
}

/// The variables of one end of the wire. `copy` has two ends, with names of their own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names {
    pub(crate) profile: &'static str,
    pub(crate) endpoint: &'static str,
    pub(crate) region: &'static str,
    pub(crate) key_id: &'static str,
    pub(crate) secret: &'static str,
    pub(crate) bucket: &'static str,
}

/// The variables that every command reads.
pub(crate) const NAMES: Names = Names {
    profile: "K2V_PROFILE",
    endpoint: "K2V_ENDPOINT",
    region: "AWS_REGION",
    key_id: "AWS_ACCESS_KEY_ID",
    secret: "AWS_SECRET_ACCESS_KEY",
    bucket: "K2V_BUCKET",
};

/// The environment, read one variable at a time; an empty variable counts as unset.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Settles where to go. `remark` is called with what is odd but not an error.
pub(crate) fn settle(
    place: &Place,
    names: Names,
    env: &dyn Fn(&str) -> Option<String>,
    remark: &mut dyn FnMut(String),
) -> Result<Connection, Failure> {
    let (named, default) = profiles(place, names, env, remark)?;
    let named_secret = named.secret().map_err(|error| Failure::Settings(error.to_string()))?;
    let default_secret = default.secret().map_err(|error| Failure::Settings(error.to_string()))?;
    let timeout = place.request_timeout.or(named.request_timeout).or(default.request_timeout);
    let missing = |what, option, variable| {
        Failure::Settings(format!(
            "{what} is not known: give {option}, set {variable}, or write it into a profile of ~/.config/k2v/config.toml"
        ))
    };
    Ok(Connection {
        endpoint: first([&place.endpoint, &named.endpoint, &env(names.endpoint), &default.endpoint])
            .ok_or_else(|| missing("the server's address", "--endpoint http://HOST:PORT", names.endpoint))?,
        region: first([&place.region, &named.region, &env(names.region), &default.region])
            .unwrap_or(Setting { value: "garage".into(), origin: Origin::BuiltIn }),
        key_id: first([&place.key_id, &named.key_id, &env(names.key_id), &default.key_id])
            .ok_or_else(|| missing("the id of the access key", "--key-id ID", names.key_id))?,
        secret: first([&place.secret, &named_secret, &env(names.secret).map(Secret::from), &default_secret])
            .ok_or_else(|| missing("the secret of the access key", "--secret SECRET", names.secret))?,
        bucket: first([&place.bucket, &named.bucket, &env(names.bucket), &default.bucket]),
        ca_file: place.ca_file.clone().or(named.ca_file).or(default.ca_file),
        request_timeout: timeout.map(Duration::from_secs),
    })
}

/// The first of the four sources that has something, from strong to weak.
fn first<T: Clone>([option, named, environment, default]: [&Option<T>; 4]) -> Option<Setting<T>> {
    [
        (option, Origin::Option),
        (named, Origin::NamedProfile),
        (environment, Origin::Environment),
        (default, Origin::DefaultProfile),
    ]
    .into_iter()
    .find_map(|(value, origin)| Some(Setting { value: value.clone()?, origin }))
}

/// The profile that is named and the default one; one of the two is empty.
fn profiles(
    place: &Place,
    names: Names,
    env: &dyn Fn(&str) -> Option<String>,
    remark: &mut dyn FnMut(String),
) -> Result<(Profile, Profile), Failure> {
    let usage = |error: profile::ProfileError| Failure::Settings(error.to_string());
    let name = place.profile.clone().or_else(|| env(names.profile));
    let Some(path) = profile::path(env) else {
        return match name {
            Some(name) => Err(Failure::Settings(format!(
                "there is no profile {name:?}: neither HOME nor XDG_CONFIG_HOME says where profiles are"
            ))),
            None => Ok(Default::default()),
        };
    };
    let file = profile::load(&path).map_err(usage)?;
    if file.profile.values().any(|profile| profile.secret.is_some()) && profile::is_readable_by_others(&path)
    {
        remark(format!("others can read the secrets in {0}: run `chmod 600 {0}`", path.display()));
    }
    match (name, &file.default) {
        (Some(name), _) => Ok((file.get(&name, &path).map_err(usage)?, Profile::default())),
        (None, Some(default)) => Ok((Profile::default(), file.get(default, &path).map_err(usage)?)),
        (None, None) => Ok(Default::default()),
    }
}

impl Connection {
    /// Each node by itself, where the endpoint is a list.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = Self> {
        let Setting { value, origin } = &self.endpoint;
        value.split(',').map(|node| {
            let endpoint = Setting { value: node.trim().to_owned(), origin: *origin };
            Self { endpoint, ..self.clone() }
        })
    }

    /// A client with the library's defaults.
    pub(crate) fn client(&self) -> Result<K2vClient, Failure> {
        self.client_with(RetryPolicy::default())
    }

    /// A client that repeats every write: for commands that compare afterwards what was written.
    pub(crate) fn persistent_client(&self) -> Result<K2vClient, Failure> {
        self.client_with(RetryPolicy {
            repeat_writes: RepeatWrites::Always,
            attempts_max: PERSISTENT_ATTEMPTS_MAX,
            ..RetryPolicy::default()
        })
    }

    /// A client that tells every failure at once.
    pub(crate) fn impatient_client(&self) -> Result<K2vClient, Failure> {
        self.client_with(RetryPolicy::none())
    }

    /// The bucket, or an error that says how to name one.
    pub(crate) fn bucket_name(&self) -> Result<&str, Failure> {
        self.bucket.as_ref().map(|bucket| bucket.value.as_str()).ok_or_else(|| {
            Failure::Settings(
                "the bucket is not known: give --bucket NAME, set K2V_BUCKET, or write it into a profile"
                    .into(),
            )
        })
    }

    fn client_with(&self, retry: RetryPolicy) -> Result<K2vClient, Failure> {
        let mut builder = K2vClient::builder(
            &self.region.value,
            &self.endpoint.value,
            &self.key_id.value,
            self.secret.value.reveal(),
        )
        .user_agent(concat!("k2v-cli/", env!("CARGO_PKG_VERSION")))
        .retry(retry);
        if let Some(path) = &self.ca_file {
            let pem = fs::read(path).map_err(Failure::io(format!("read {}", path.display())))?;
            builder = builder.root_certificates_pem(pem);
        }
        if let Some(timeout) = self.request_timeout {
            builder = builder.request_timeout(timeout);
        }
        Ok(builder.build()?)
    }
}

/// How often a long job tries one request: about a minute of a server that is away.
const PERSISTENT_ATTEMPTS_MAX: u32 = 20;

#[cfg(test)]
mod tests;
