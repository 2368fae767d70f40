use super::{Violation, require};
use crate::oracle::{Held, Oracle, WriteId};

/// A write is acknowledged at this moment.
pub(crate) fn check(oracle: &Oracle, held: &Held, id: WriteId) -> Result<(), Violation> {
    let is_held = held.of(oracle.tried(id).item).known.contains(id);
    require("acknowledged means durable", is_held, || format!("{id:?} is acknowledged and not on disk"))
}
