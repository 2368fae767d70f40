//! One key at a time: from what was written to what it means. Text from the environment stands for any type.

use super::error::{ConfigError, Origin};
use super::keys::{self, Kind};
use super::settings::{Setting, Settings, Value};
use super::size::Bytes;
use std::num::NonZeroUsize;
use std::str::FromStr;

impl Settings {
    pub(super) fn text(&self, key: &'static str) -> Result<Option<&str>, ConfigError> {
        expect_kind(key, Kind::Text);
        self.get(key)
            .map(|setting| match &setting.value {
                Value::Text(text) => Ok(text.as_str()),
                Value::Integer(_) | Value::Boolean(_) | Value::List(_) | Value::Other => {
                    Err(invalid(key, setting, "text in quotes"))
                }
            })
            .transpose()
    }

    /// Text that some type reads. `expected` completes "must be …".
    pub(super) fn parsed<T: FromStr>(
        &self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        text.parse().map(Some).map_err(|_| self.refuse(key, expected))
    }

    pub(super) fn integer(
        &self,
        key: &'static str,
        expected: &'static str,
    ) -> Result<Option<u64>, ConfigError> {
        expect_kind(key, Kind::Integer);
        let Some(setting) = self.get(key) else { return Ok(None) };
        let number = match &setting.value {
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::Text(text) if from_environment(setting) => text.trim().parse().ok(),
            Value::Text(_) | Value::Boolean(_) | Value::List(_) | Value::Other => None,
        };
        number.map(Some).ok_or_else(|| invalid(key, setting, expected))
    }

    pub(super) fn positive(&self, key: &'static str) -> Result<Option<NonZeroUsize>, ConfigError> {
        let expected = "a whole number above 0";
        let Some(number) = self.integer(key, expected)? else { return Ok(None) };
        let number = usize::try_from(number).ok().and_then(NonZeroUsize::new);
        number.map(Some).ok_or_else(|| self.refuse(key, expected))
    }

    pub(super) fn boolean(&self, key: &'static str) -> Result<Option<bool>, ConfigError> {
        expect_kind(key, Kind::Boolean);
        let Some(setting) = self.get(key) else { return Ok(None) };
        let truth = match &setting.value {
            Value::Boolean(truth) => Some(*truth),
            Value::Text(text) if from_environment(setting) => match text.trim() {
                "true" | "1" | "yes" => Some(true),
                "false" | "0" | "no" => Some(false),
                _ => None,
            },
            Value::Text(_) | Value::Integer(_) | Value::List(_) | Value::Other => None,
        };
        truth.map(Some).ok_or_else(|| invalid(key, setting, "true or false"))
    }

    pub(super) fn text_list(&self, key: &'static str) -> Result<Vec<String>, ConfigError> {
        expect_kind(key, Kind::TextList);
        let Some(setting) = self.get(key) else { return Ok(Vec::new()) };
        match &setting.value {
            Value::List(items) => Ok(items.clone()),
            Value::Text(text) if from_environment(setting) => Ok(text
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(str::to_owned)
                .collect()),
            Value::Text(_) | Value::Integer(_) | Value::Boolean(_) | Value::Other => {
                Err(invalid(key, setting, "a list of texts"))
            }
        }
    }

    pub(super) fn size(&self, key: &'static str) -> Result<Option<u64>, ConfigError> {
        expect_kind(key, Kind::Size);
        let Some(setting) = self.get(key) else { return Ok(None) };
        let bytes = match &setting.value {
            Value::Integer(number) => u64::try_from(*number).ok(),
            Value::Text(text) => text.parse::<Bytes>().ok().map(|bytes| bytes.0),
            Value::Boolean(_) | Value::List(_) | Value::Other => None,
        };
        let bytes = bytes.filter(|bytes| *bytes > 0).map(Some);
        bytes.ok_or_else(|| invalid(key, setting, "a number of bytes such as 1048576, \"10G\" or \"10GiB\""))
    }

    /// The refusal of a key's value. Only for keys that are set.
    pub(super) fn refuse(&self, key: &'static str, expected: &'static str) -> ConfigError {
        let origin = self.get(key).map_or_else(
            || Origin::File { path: self.file.clone(), line: 1 },
            |setting| setting.origin.clone(),
        );
        ConfigError::Invalid { key, origin, expected }
    }
}

fn expect_kind(key: &'static str, kind: Kind) {
    debug_assert_eq!(keys::find(key).map(|key| key.kind), Some(kind), "{key}");
}

fn from_environment(setting: &Setting) -> bool {
    matches!(setting.origin, Origin::Variable(_))
}

fn invalid(key: &'static str, setting: &Setting, expected: &'static str) -> ConfigError {
    ConfigError::Invalid { key, origin: setting.origin.clone(), expected }
}
