//! One file per rule.

mod deploy;
mod documents;
mod io;
mod layers;
pub(crate) mod length;
mod names;
mod places;
mod words;

use crate::Rule;
use crate::source::Source;

const RULES: &[Rule] = &[
    deploy::rule,
    documents::rule,
    io::rule,
    layers::rule,
    length::rule,
    names::rule,
    places::rule,
    words::rule,
];

pub(crate) fn complaints(source: &Source) -> Vec<String> {
    RULES.iter().flat_map(|rule| rule(source)).collect()
}
