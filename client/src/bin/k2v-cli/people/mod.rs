//! The commands for people: they do in one step what the protocol takes several calls for.

pub(crate) mod conflicts;
pub(crate) mod copy;
pub(crate) mod doctor;
pub(crate) mod du;
pub(crate) mod export;
pub(crate) mod get;
pub(crate) mod import;
pub(crate) mod ls;
pub(crate) mod profile;
pub(crate) mod put;
pub(crate) mod resolve;
pub(crate) mod rm;
pub(crate) mod watch;

mod change_command;
mod deleted;
mod editor;
mod empty;
mod export_file;
mod extent;
mod import_group;
mod import_source;
mod merge_command;
mod reconcile;
mod siblings;
mod verify;
mod writer;
