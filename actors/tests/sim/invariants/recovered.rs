use super::Violation;
use crate::ledger::{Entry, Ledger};
use troupe_actors::store::journal::JournalError;

pub(crate) const OPENED: &str = "whatever a crash leaves is opened";
pub(crate) const KEPT: &str = "every group that was durable is there after a crash, and none that never was";

/// A store was opened that says how many groups it holds.
pub(crate) fn check(ledger: &Ledger, group: u64) -> Result<&Entry, Violation> {
    ledger.after(group).ok_or_else(|| {
        let what = format!("{group} groups are there, of which {} must be", ledger.promised());
        Violation { invariant: KEPT, what }
    })
}

/// A store was not opened.
pub(crate) fn refused(error: &JournalError) -> Violation {
    Violation { invariant: OPENED, what: error.to_string() }
}
