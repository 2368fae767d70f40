//! Profiles: named servers in `~/.config/k2v/config.toml`.
//!
//! ```toml
//! default = "home"
//!
//! [profile.home]
//! endpoint = "http://localhost:3902" # or several nodes of one cluster, with commas between them
//! region = "garage"
//! key_id = "GK…"
//! secret_file = "/home/me/.config/k2v/home.secret"   # or: secret = "…"
//! bucket = "my-bucket"
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::secret::Secret;

/// The file of profiles.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileFile {
    /// The profile that is used where nothing else says more.
    pub(crate) default: Option<String>,
    #[serde(default)]
    pub(crate) profile: BTreeMap<String, Profile>,
}

/// One server, or one bucket of it. What is missing comes from the environment or from options.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    pub(crate) endpoint: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) key_id: Option<String>,
    pub(crate) secret: Option<Secret>,
    /// A file that holds the secret and nothing else.
    pub(crate) secret_file: Option<PathBuf>,
    pub(crate) bucket: Option<String>,
    pub(crate) ca_file: Option<PathBuf>,
    /// How long one request may take, in seconds.
    pub(crate) request_timeout: Option<u64>,
}

/// Why profiles cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProfileError {
    #[error("cannot read {}: {source}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} line {line}: {message}", path.display())]
    Syntax { path: PathBuf, line: usize, message: String },
    #[error(
        "there is no profile {name:?} in {}: it has {known}",
        path.display()
    )]
    Unknown { name: String, path: PathBuf, known: String },
    #[error("the profile {name:?} gives both `secret` and `secret_file`: keep one")]
    TwoSecrets { name: String },
}

/// Where the profiles are: `$XDG_CONFIG_HOME/k2v/config.toml`, by default under `~/.config`.
pub(crate) fn path(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let config = match env("XDG_CONFIG_HOME").filter(|path| Path::new(path).is_absolute()) {
        Some(config) => PathBuf::from(config),
        None => Path::new(&env("HOME")?).join(".config"),
    };
    Some(config.join("k2v").join("config.toml"))
}

/// Reads the file; no file is as good as an empty one.
pub(crate) fn load(path: &Path) -> Result<ProfileFile, ProfileError> {
    match fs::read_to_string(path) {
        Ok(text) => parse(path, &text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(ProfileFile::default()),
        Err(source) => Err(ProfileError::Read { path: path.to_owned(), source }),
    }
}

fn parse(path: &Path, text: &str) -> Result<ProfileFile, ProfileError> {
    toml::from_str(text).map_err(|error| {
        // The error's own display quotes the line, and the line may hold a secret.
        let offset = error.span().map_or(0, |span| span.start);
        let line = text.get(..offset).map_or(1, |before| before.matches('\n').count() + 1);
        ProfileError::Syntax { path: path.to_owned(), line, message: error.message().to_owned() }
    })
}

impl ProfileFile {
    pub(crate) fn get(&self, name: &str, path: &Path) -> Result<Profile, ProfileError> {
        let Some(profile) = self.profile.get(name) else {
            let names: Vec<_> = self.profile.keys().map(String::as_str).collect();
            let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(ProfileError::Unknown { name: name.to_owned(), path: path.to_owned(), known });
        };
        if profile.secret.is_some() && profile.secret_file.is_some() {
            return Err(ProfileError::TwoSecrets { name: name.to_owned() });
        }
        Ok(profile.clone())
    }
}

impl Profile {
    /// The secret, from the profile itself or from the file it names.
    pub(crate) fn secret(&self) -> Result<Option<Secret>, ProfileError> {
        let Some(path) = &self.secret_file else { return Ok(self.secret.clone()) };
        let text =
            fs::read_to_string(path).map_err(|source| ProfileError::Read { path: path.clone(), source })?;
        Ok(Some(Secret::from(text.trim().to_owned())))
    }
}

/// Whether other users of this machine can read a file that holds a secret.
#[cfg(unix)]
pub(crate) fn is_readable_by_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

/// Whether other users of this machine can read a file that holds a secret: not known here.
#[cfg(not(unix))]
pub(crate) fn is_readable_by_others(_path: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "config.toml";

    #[test]
    fn a_file_of_profiles_is_read() {
        let text = "default = \"a\"\n[profile.a]\nendpoint = \"http://h\"\nsecret = \"hush\"\n[profile.b]\n";
        let file = parse(Path::new(FILE), text).unwrap();
        let profile = file.get("a", Path::new(FILE)).unwrap();
        assert_eq!(profile.endpoint.as_deref(), Some("http://h"));
        assert_eq!(profile.secret().unwrap().unwrap().reveal(), "hush");
        let unknown = file.get("c", Path::new(FILE)).unwrap_err().to_string();
        assert_eq!(unknown, "there is no profile \"c\" in config.toml: it has a, b");
    }

    #[test]
    fn an_error_names_the_line_and_never_quotes_it() {
        let text = "[profile.a]\nsecret = \"hush\" hush\n";
        let error = parse(Path::new(FILE), text).unwrap_err();
        assert!(error.to_string().starts_with("config.toml line 2: "), "{error}");
        assert!(!format!("{error} {error:?}").contains("hush"));
        let unknown = parse(Path::new(FILE), "[profile.a]\nsekret = \"hush\"\n").unwrap_err();
        assert!(unknown.to_string().contains("sekret"));
        assert!(!format!("{unknown} {unknown:?}").contains("hush"));
    }

    #[test]
    fn two_secrets_are_one_too_many() {
        let text = "[profile.a]\nsecret = \"hush\"\nsecret_file = \"f\"\n";
        let file = parse(Path::new(FILE), text).unwrap();
        assert!(matches!(file.get("a", Path::new(FILE)), Err(ProfileError::TwoSecrets { .. })));
    }
}
