//! What an operator changes while the node runs, kept for later starts.
//!
//! ```text
//! metadata_dir/variables      one line each: NAME VALUE
//! ```

use crate::admin::VariableError;
use crate::config::Bytes;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use troupe_actors::antientropy::{Entropy, Rate};
use troupe_actors::whole_file;

const FILE: &str = "variables";

const BYTES_PER_S: &str = "anti-entropy-bytes-per-second";
const ITEMS_PER_S: &str = "anti-entropy-items-per-second";

const A_RATE_OF_BYTES: &str = "a number of bytes from 1 on, such as 32MiB";
const A_RATE_OF_ITEMS: &str = "a whole number from 1 on";

/// The variables of a running node.
#[derive(Clone)]
pub(super) struct Variables {
    metadata_dir: PathBuf,
    entropy: Entropy,
}

impl Variables {
    /// Puts in force what was kept. A line that this version does not understand is named in the log and has no effect.
    pub(super) fn start(metadata_dir: &Path, entropy: Entropy) -> Variables {
        let variables = Variables { metadata_dir: metadata_dir.to_owned(), entropy };
        let kept = match std::fs::read_to_string(metadata_dir.join(FILE)) {
            Ok(kept) => kept,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    log::warn!(
                        "the variables of `troupe worker set` cannot be read, and have no effect: {error}"
                    );
                }
                return variables;
            }
        };
        for line in kept.lines() {
            let (name, value) = line.split_once(' ').unwrap_or((line, ""));
            match changed(variables.entropy.rate(), name, value) {
                Ok(rate) => variables.entropy.set_rate(rate),
                Err(error) => log::warn!("a variable that was kept has no effect: {error}"),
            }
        }
        variables
    }

    /// All of them, by name.
    pub(super) fn all(&self) -> BTreeMap<&'static str, String> {
        shown(self.entropy.rate())
    }

    /// Changes one. Its value as it is shown.
    pub(super) fn set(&self, name: &str, value: &str) -> Result<String, VariableError> {
        let rate = changed(self.entropy.rate(), name, value)?;
        let shown = shown(rate);
        let lines: String = shown.iter().map(|(name, value)| format!("{name} {value}\n")).collect();
        whole_file::replace(&self.metadata_dir, FILE, lines.as_bytes())?;
        self.entropy.set_rate(rate);
        log::info!("{name} is {value} from now on");
        Ok(shown.get(name).cloned().unwrap_or_default())
    }
}

fn shown(rate: Rate) -> BTreeMap<&'static str, String> {
    BTreeMap::from([(BYTES_PER_S, rate.bytes_per_s.to_string()), (ITEMS_PER_S, rate.items_per_s.to_string())])
}

fn changed(rate: Rate, name: &str, value: &str) -> Result<Rate, VariableError> {
    let wrong = |expected| VariableError::Value { name: name.to_owned(), value: value.to_owned(), expected };
    match name {
        BYTES_PER_S => match value.parse() {
            Ok(Bytes(bytes_per_s)) if bytes_per_s > 0 => Ok(Rate { bytes_per_s, ..rate }),
            _ => Err(wrong(A_RATE_OF_BYTES)),
        },
        ITEMS_PER_S => match value.parse() {
            Ok(items_per_s) if items_per_s > 0 => Ok(Rate { items_per_s, ..rate }),
            _ => Err(wrong(A_RATE_OF_ITEMS)),
        },
        _ => Err(VariableError::Unknown { name: name.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { bytes_per_s: 10, items_per_s: 20 };

    #[test]
    fn a_rate_is_given_in_bytes_or_items_and_the_other_stays() {
        assert_eq!(changed(RATE, BYTES_PER_S, "2MiB").unwrap(), Rate { bytes_per_s: 2 << 20, ..RATE });
        assert_eq!(changed(RATE, ITEMS_PER_S, "7").unwrap(), Rate { items_per_s: 7, ..RATE });
    }

    #[test]
    fn what_is_shown_can_be_set() {
        let all = shown(RATE);
        let set = all.iter().try_fold(Rate::default(), |rate, (name, value)| changed(rate, name, value));
        assert_eq!(set.unwrap(), RATE);
    }

    #[test]
    fn a_rate_of_nothing_and_a_name_of_nothing_are_refused() {
        for (name, value) in [(BYTES_PER_S, "0"), (BYTES_PER_S, "fast"), (ITEMS_PER_S, "-1")] {
            let error = changed(RATE, name, value).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("from 1 on"), "{error}");
        }
        let error = changed(RATE, "tranquility", "1").unwrap_err().to_string();
        assert!(error.contains("troupe worker get"), "{error}");
    }
}
