//! The commands that scripts use. Their names, options and output are a promise: `list` is that of Garage's public guide, the
//! others answer as the older `k2v-cli` does. `tests/client/recorded` holds what it printed, and replays it.

pub(crate) mod delete;
pub(crate) mod delete_range;
pub(crate) mod insert;
pub(crate) mod list;
pub(crate) mod poll_item;
pub(crate) mod poll_range;
pub(crate) mod read;
pub(crate) mod read_index;
pub(crate) mod read_range;

mod index_table;
mod item_output;
mod json_list;
mod list_output;
mod value_input;
mod value_text;
