//! What was written, and where: the file's keys and the environment's, before anything is made of them.

use super::error::{ConfigError, Origin};
use super::keys::{self, KEYS, Key, Use};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One key's value and the place that says so.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    value: toml::Value,
    pub(super) origin: Origin,
}

/// Everything that was set. The environment wins over the file.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) file: PathBuf,
    values: BTreeMap<&'static str, Setting>,
    ignored: Vec<String>,
    notices: Vec<String>,
}

impl Settings {
    /// Reads `text`, which came from `file`, and lets the variables of `environment` override it.
    pub(super) fn read(
        file: &Path,
        text: &str,
        environment: &BTreeMap<String, String>,
    ) -> Result<Settings, ConfigError> {
        let mut settings = Settings {
            file: file.to_owned(),
            values: BTreeMap::new(),
            ignored: Vec::new(),
            notices: Vec::new(),
        };
        settings.read_file(text)?;
        settings.read_environment(environment);
        Ok(settings)
    }

    /// Where a key was set; the file as a whole if it was not.
    pub(super) fn origin(&self, path: &str) -> Origin {
        let set = self.values.get(path).map(|setting| setting.origin.clone());
        set.unwrap_or_else(|| Origin::File { path: self.file.clone(), line: 1 })
    }

    /// Whether the file says what a key is.
    pub(super) fn is_in_file(&self, path: &str) -> bool {
        matches!(self.values.get(path), Some(Setting { origin: Origin::File { .. }, .. }))
    }

    /// Reads all settings as one value.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] names the key whose value does not fit, and what it must be.
    pub(super) fn read_as<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        let mut tree = toml::Table::new();
        for (path, Setting { value, .. }) in &self.values {
            let (table, key) = match path.split_once('.') {
                None => (&mut tree, *path),
                Some((section, key)) => {
                    let section = tree.entry(section).or_insert_with(|| toml::Table::new().into());
                    let Some(section) = section.as_table_mut() else { continue };
                    (section, key)
                }
            };
            table.insert(key.to_owned(), value.clone());
        }
        serde_path_to_error::deserialize(tree).map_err(|error| {
            let path = error.path().to_string();
            let key = keys::find(&path).map_or("", |key| key.path);
            self.refuse(key, error.inner().message())
        })
    }

    /// The refusal of a key's value.
    pub(super) fn refuse(&self, key: &'static str, expected: &str) -> ConfigError {
        ConfigError::Invalid { key, origin: self.origin(key), expected: expected.to_owned() }
    }

    /// What the log should say about the settings, one line each.
    pub(super) fn notices(&self) -> Vec<String> {
        let mut notices = self.notices.clone();
        if !self.ignored.is_empty() {
            let keys = self.ignored.join(", ");
            notices.push(format!("ignored, as they concern what Troupe does not have: {keys}"));
        }
        notices
    }

    fn read_file(&mut self, text: &str) -> Result<(), ConfigError> {
        let line_of =
            |offset: usize| 1 + text.as_bytes().iter().take(offset).filter(|b| **b == b'\n').count();
        let path = self.file.clone();
        let syntax = |message: &str, span: Option<std::ops::Range<usize>>| ConfigError::Syntax {
            path: path.clone(),
            line: line_of(span.map_or(0, |span| span.start)),
            message: message.to_owned(),
        };
        let document = DeTable::parse(text).map_err(|e| syntax(e.message(), e.span()))?;
        // The same text once more, as values that own what they hold.
        let values: toml::Table = toml::from_str(text).map_err(|e| syntax(e.message(), e.span()))?;
        for (name, value) in document.get_ref() {
            let origin = |name: &Spanned<_>| Origin::File {
                path: self.file.clone(),
                line: line_of(name.span().start),
            };
            let path = name.get_ref().as_ref();
            if keys::IGNORED_SECTIONS.contains(&path) {
                self.ignored.push(format!("[{path}]"));
                continue;
            }
            match (value.get_ref(), &values[path]) {
                (DeValue::Table(section), toml::Value::Table(values)) if keys::is_section(path) => {
                    let places: Vec<_> = section.keys().map(|key| (key.get_ref(), origin(key))).collect();
                    for (key, origin) in places {
                        self.set(&format!("{path}.{key}"), &values[key.as_ref()], origin)?;
                    }
                }
                _ if keys::is_section(path) => {
                    return Err(ConfigError::NotASection { key: path.to_owned(), origin: origin(name) });
                }
                (_, value) => {
                    let origin = origin(name);
                    self.set(path, value, origin)?;
                }
            }
        }
        Ok(())
    }

    fn set(&mut self, path: &str, value: &toml::Value, origin: Origin) -> Result<(), ConfigError> {
        let Some(key) = keys::find(path) else {
            return Err(ConfigError::UnknownKey {
                key: path.to_owned(),
                origin,
                nearest: keys::nearest(path),
            });
        };
        match key.used {
            Use::Ignored => self.ignored.push(path.to_owned()),
            Use::Obeyed => {
                self.values.insert(key.path, Setting { value: value.clone(), origin });
            }
        }
        Ok(())
    }

    fn read_environment(&mut self, environment: &BTreeMap<String, String>) {
        for key in KEYS {
            // The strongest variable is looked at last and stays.
            for variable in key.variables().collect::<Vec<_>>().into_iter().rev() {
                // Compose files set to nothing what they leave open.
                let Some(text) = environment.get(&variable).filter(|text| !text.is_empty()) else { continue };
                match key.used {
                    Use::Ignored => self.ignored.push(variable),
                    Use::Obeyed => {
                        self.forget_rival(key);
                        let setting =
                            Setting { value: text.clone().into(), origin: Origin::Variable(variable) };
                        self.values.insert(key.path, setting);
                    }
                }
            }
        }
        self.note_strange_variables(environment);
    }

    /// A secret from the environment also wins over the file's *other* way of giving it.
    fn forget_rival(&mut self, key: &Key) {
        let rival = KEYS.iter().map(|other| other.path).find(|other| {
            other.strip_suffix("_file") == Some(key.path) || key.path.strip_suffix("_file") == Some(other)
        });
        if let Some(rival) = rival
            && matches!(self.values.get(rival), Some(Setting { origin: Origin::File { .. }, .. }))
        {
            self.values.remove(rival);
        }
    }

    /// An unknown variable is only noted: orchestrators put `TROUPE_PORT` and its like into the environment
    /// of everything that runs beside a service called troupe.
    fn note_strange_variables(&mut self, environment: &BTreeMap<String, String>) {
        for name in environment.keys().filter(|name| name.starts_with("TROUPE_")) {
            let known = KEYS.iter().any(|key| key.variables().any(|variable| variable == *name));
            if known || super::OTHER_VARIABLES.contains(&name.as_str()) {
                continue;
            }
            let meant = KEYS
                .iter()
                .flat_map(Key::variables)
                .map(|variable| (strsim::damerau_levenshtein(&variable, name), variable))
                .min()
                .filter(|(distance, _)| *distance <= 3 && distance * 2 <= name.len() - "TROUPE_".len());
            let hint = meant.map_or(String::new(), |(_, variable)| format!(" (did you mean {variable}?)"));
            self.notices.push(format!("environment variable {name} means nothing to Troupe{hint}"));
        }
    }
}
