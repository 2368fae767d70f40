//! The result of a deletion.

use crate::failure::Failure;
use crate::output::{Format, count};
use crate::session::Session;

/// Says how many items were deleted.
pub(super) fn report(session: &mut Session, deleted: u64) -> Result<(), Failure> {
    match session.out.format_or(Format::Table) {
        Format::Table => session.out.line(&format!("{} deleted", count(deleted, "item"))),
        Format::Raw => session.out.line(&deleted.to_string()),
        Format::Json | Format::Jsonl => {
            session.out.json_line(&serde_json::json!({ "deletedItems": deleted }))
        }
    }
}
