//! What each command makes of the state: a delta, or the reason why not. Pure functions of state, stamp and command.

mod access_key;
mod admin_token;
mod alias;
mod bucket;
pub(super) mod layout;

use super::command::{Command, ControlError};
use super::merge::Stamp;
use super::state::ControlState;

/// The delta that carries `command` out on `state`. It is empty if nothing changes.
pub(super) fn delta_of(
    state: &ControlState,
    stamp: Stamp,
    command: Command,
) -> Result<ControlState, ControlError> {
    match command {
        Command::CreateBucket { id, global_alias, local_alias } => {
            bucket::create(state, stamp, id, global_alias, local_alias)
        }
        Command::DeleteBucket { id } => bucket::delete(state, stamp, id),
        Command::CloseBucket { id } => bucket::set_closing(state, stamp, id, true),
        Command::ReopenBucket { id } => bucket::set_closing(state, stamp, id, false),
        Command::SetCorsRules { id, rules } => bucket::set_cors_rules(state, stamp, id, rules),
        Command::AddGlobalAlias { id, alias } => alias::add_global(state, stamp, id, alias),
        Command::RemoveGlobalAlias { id, alias } => alias::remove_global(state, stamp, id, alias),
        Command::AddLocalAlias { id, key, alias } => alias::add_local(state, stamp, id, key, alias),
        Command::RemoveLocalAlias { id, key, alias } => alias::remove_local(state, stamp, id, key, alias),
        Command::Allow { key, id, permissions } => {
            access_key::change_permissions(state, stamp, (key, id), permissions, true)
        }
        Command::Deny { key, id, permissions } => {
            access_key::change_permissions(state, stamp, (key, id), permissions, false)
        }
        Command::CreateKey { id, secret, name, expires_ms, may_create_buckets } => {
            access_key::create(state, stamp, id, secret, name, expires_ms, may_create_buckets)
        }
        Command::UpdateKey { id, name, expires_ms, may_create_buckets } => {
            access_key::update(state, stamp, id, name, expires_ms, may_create_buckets)
        }
        Command::DeleteKey { id } => access_key::delete(state, stamp, id),
        Command::CreateAdminToken { id, secret_sha256, name, expires_ms, scope } => {
            admin_token::create(state, stamp, id, secret_sha256, name, expires_ms, scope)
        }
        Command::UpdateAdminToken { id, name, expires_ms, scope } => {
            admin_token::update(state, stamp, id, name, expires_ms, scope)
        }
        Command::DeleteAdminToken { id } => admin_token::delete(state, id),
        Command::StageLayout { roles, parameters } => layout::stage(state, stamp, roles, parameters),
        Command::SkipDeadNodes { nodes, version, may_miss_data } => {
            layout::skip_dead_nodes(state, &nodes, version, may_miss_data)
        }
        // What it makes has to pass first: the core sees to that.
        Command::ApplyLayout { version: _ } => Ok(ControlState::default()),
        Command::RevertLayout => Ok(layout::revert(state, stamp)),
    }
}
