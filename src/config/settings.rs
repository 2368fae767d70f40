//! What was written, and where: the file's keys and the environment's, before anything is made of them.

use super::error::{ConfigError, Origin};
use super::keys::{self, KEYS, Key, Use};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value as it was written.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<String>),
    /// A value of a type that no obeyed key takes.
    Other,
}

/// One key's value and the place that says so.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) value: Value,
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

    /// The setting of a known key.
    pub(super) fn get(&self, path: &'static str) -> Option<&Setting> {
        debug_assert!(keys::find(path).is_some(), "{path} is not in the list of keys");
        self.values.get(path)
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
        let document = DeTable::parse(text).map_err(|e| ConfigError::Syntax {
            path: self.file.clone(),
            line: line_of(e.span().map_or(0, |span| span.start)),
            message: e.message().to_owned(),
        })?;
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
            match value.get_ref() {
                DeValue::Table(section) if keys::is_section(path) => {
                    let places: Vec<_> =
                        section.iter().map(|(key, value)| (key, origin(key), value)).collect();
                    for (key, origin, value) in places {
                        self.set(&format!("{path}.{}", key.get_ref()), value.get_ref(), origin)?;
                    }
                }
                _ if keys::is_section(path) => {
                    return Err(ConfigError::NotASection { key: path.to_owned(), origin: origin(name) });
                }
                other => {
                    let origin = origin(name);
                    self.set(path, other, origin)?;
                }
            }
        }
        Ok(())
    }

    fn set(&mut self, path: &str, value: &DeValue<'_>, origin: Origin) -> Result<(), ConfigError> {
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
                self.values.insert(key.path, Setting { value: Value::of(value), origin });
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
                            Setting { value: Value::Text(text.clone()), origin: Origin::Variable(variable) };
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

    /// A variable that nobody knows is only noted: orchestrators put `TROUPE_PORT` and its like into the environment
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
                .filter(|(distance, _)| *distance <= 3);
            let hint = meant.map_or(String::new(), |(_, variable)| format!(" (did you mean {variable}?)"));
            self.notices.push(format!("environment variable {name} means nothing to Troupe{hint}"));
        }
    }
}

impl Value {
    fn of(value: &DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Other, Value::Integer)
            }
            DeValue::Boolean(truth) => Value::Boolean(*truth),
            DeValue::Array(items) => items
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
                .map_or(Value::Other, Value::List),
            DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => Value::Other,
        }
    }
}
