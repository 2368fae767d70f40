//! The commands that scripts use. Their names, options and output are a promise; they are those of
//! Garage's public guide and of the older `k2v-cli`.

pub(crate) mod delete;
pub(crate) mod delete_range;
pub(crate) mod insert;
pub(crate) mod list;
pub(crate) mod poll_item;
pub(crate) mod poll_range;
pub(crate) mod read;
pub(crate) mod read_index;
pub(crate) mod read_range;

mod item_output;
mod value_input;

pub(crate) use value_input::read_input;
