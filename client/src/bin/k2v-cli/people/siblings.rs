//! An item that holds several values, explained.

use k2v_client::{Item, Value};

use crate::failure::Failure;
use crate::output::{preview, quoted, sorted};

/// The failure of a command that wanted one value. The siblings are numbered as `resolve --keep` counts them.
pub(crate) fn conflict(pk: &str, sk: &str, item: &Item) -> Failure {
    let siblings = sorted(item.values.clone());
    let resolve = format!("k2v-cli resolve {} {}", quoted(pk), quoted(sk));
    let hint = match siblings.as_slice() {
        [Value::Tombstone, Value::Data(_)] => format!(
            "`{resolve} --keep 2` keeps the value, `{resolve} --delete` the deletion; `-o json` prints both."
        ),
        _ => format!("`{resolve} --keep N` keeps one of them; `-o json` prints them whole."),
    };
    Failure::Conflict { message: explain(&siblings), hint }
}

/// The failure of a write that would replace concurrent values unseen.
pub(crate) fn refused_write(pk: &str, sk: &str, item: &Item) -> Failure {
    let resolve = format!("k2v-cli resolve {} {}", quoted(pk), quoted(sk));
    Failure::Conflict {
        message: format!("nothing was written: {}", explain(&sorted(item.values.clone()))),
        hint: format!(
            "`{resolve} --value TEXT` writes one value in the place of them all; `put --blind` adds one beside them."
        ),
    }
}

fn explain(siblings: &[Value]) -> String {
    let mut message = match siblings {
        [Value::Tombstone, Value::Data(_)] => {
            "one writer deleted the item while another wrote a value, without knowing of each other:"
                .to_owned()
        }
        [Value::Tombstone, ..] => format!(
            "one writer deleted the item while others wrote values, without knowing of each other: it holds {} concurrent values:",
            siblings.len()
        ),
        _ => format!("the item holds {} concurrent values:", siblings.len()),
    };
    for (index, value) in siblings.iter().enumerate() {
        message.push_str(&format!("\n  {}: {}", index + 1, preview(value)));
    }
    message
}
