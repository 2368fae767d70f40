//! Changing the file of profiles, with its comments and its order kept.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, value};

use super::profile::{self, Profile, ProfileError};
use crate::failure::Failure;

/// Why the file of profiles was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EditError {
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error("there is a profile {name:?} already: --replace takes its place")]
    Exists { name: String },
    #[error("{} cannot be changed: `profile` is no table", path.display())]
    NoTable { path: PathBuf },
    #[error("cannot write {}: {source}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl From<EditError> for Failure {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Exists { .. } => Self::usage(error.to_string()),
            EditError::Profile(_) | EditError::NoTable { .. } => Self::Settings(error.to_string()),
            EditError::Write { path, source } => {
                Self::Io { doing: format!("write {}", path.display()), source }
            }
        }
    }
}

/// Adds a profile; the first one becomes the default. Says whether it is the default now.
pub(crate) fn add(
    path: &Path,
    name: &str,
    profile: &Profile,
    is_replacement: bool,
) -> Result<bool, EditError> {
    let known = profile::load(path)?;
    if known.profile.contains_key(name) && !is_replacement {
        return Err(EditError::Exists { name: name.to_owned() });
    }
    let becomes_default = known.profile.is_empty() && known.default.is_none();
    let mut document = document(path)?;
    let profiles = document.entry("profile").or_insert_with(|| {
        let mut table = Table::new();
        // Only the profiles in it get a heading.
        table.set_implicit(true);
        Item::Table(table)
    });
    let Some(profiles) = profiles.as_table_like_mut() else {
        return Err(EditError::NoTable { path: path.to_owned() });
    };
    profiles.insert(name, Item::Table(table_of(profile)));
    if becomes_default {
        document["default"] = value(name);
    }
    write(path, &document)?;
    Ok(becomes_default || known.default.as_deref() == Some(name))
}

/// Makes a profile the default one.
pub(crate) fn set_default(path: &Path, name: &str) -> Result<(), EditError> {
    profile::load(path)?.get(name, path)?;
    let mut document = document(path)?;
    document["default"] = value(name);
    write(path, &document)
}

fn document(path: &Path) -> Result<DocumentMut, EditError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(ProfileError::Read { path: path.to_owned(), source }.into()),
    };
    text.parse().map_err(|error: toml_edit::TomlError| {
        // As in `profile`: the error's own display quotes the line, and the line may hold a secret.
        let message = error.message().to_owned();
        ProfileError::Syntax { path: path.to_owned(), line: 1, message }.into()
    })
}

fn table_of(profile: &Profile) -> Table {
    let mut table = Table::new();
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let texts = [
        ("endpoint", profile.endpoint.clone()),
        ("region", profile.region.clone()),
        ("key_id", profile.key_id.clone()),
        ("secret", profile.secret.as_ref().map(|secret| secret.reveal().to_owned())),
        ("secret_file", path(&profile.secret_file)),
        ("bucket", profile.bucket.clone()),
        ("ca_file", path(&profile.ca_file)),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            table.insert(name, value(text));
        }
    }
    if let Some(seconds) = profile.request_timeout.and_then(|seconds| i64::try_from(seconds).ok()) {
        table.insert("request_timeout", value(seconds));
    }
    table
}

/// Replaces the file as a whole, readable by its owner only.
fn write(path: &Path, document: &DocumentMut) -> Result<(), EditError> {
    let failed = |source| EditError::Write { path: path.to_owned(), source };
    // A link to a file elsewhere stays a link.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let directory = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory).map_err(failed)?;
    // Temporary files have the mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(directory).map_err(failed)?;
    let written = file.write_all(document.to_string().as_bytes()).and_then(|()| file.as_file().sync_all());
    written.map_err(failed)?;
    file.persist(&target).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(endpoint: &str) -> Profile {
        Profile {
            endpoint: Some(endpoint.into()),
            secret: Some("hush".to_owned().into()),
            request_timeout: Some(5),
            ..Profile::default()
        }
    }

    #[test]
    fn the_first_profile_becomes_the_default_and_comments_stay() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("k2v/config.toml");
        assert!(add(&path, "home", &profile("http://home"), false).unwrap());
        let text = fs::read_to_string(&path).unwrap();
        let expected = "default = \"home\"\n\n[profile.home]\nendpoint = \"http://home\"\nsecret = \"hush\"\nrequest_timeout = 5\n";
        assert_eq!(text, expected);
        fs::write(&path, format!("# mine\n{text}")).unwrap();
        assert!(!add(&path, "my work", &profile("http://work"), false).unwrap());
        set_default(&path, "my work").unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# mine\ndefault = \"my work\"\n"), "{text}");
        assert!(text.contains("[profile.\"my work\"]"), "{text}");
        let file = profile::load(&path).unwrap();
        assert_eq!(file.profile.keys().collect::<Vec<_>>(), ["home", "my work"]);
        assert_eq!(file.profile["home"].request_timeout, Some(5));
    }

    #[test]
    fn a_profile_is_replaced_only_on_demand_and_the_default_must_exist() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config.toml");
        add(&path, "home", &profile("http://one"), false).unwrap();
        assert!(matches!(add(&path, "home", &profile("http://two"), false), Err(EditError::Exists { .. })));
        assert!(add(&path, "home", &profile("http://two"), true).unwrap());
        assert_eq!(profile::load(&path).unwrap().profile["home"].endpoint.as_deref(), Some("http://two"));
        assert!(set_default(&path, "nobody").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn others_cannot_read_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config.toml");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        add(&path, "home", &profile("http://home"), false).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
