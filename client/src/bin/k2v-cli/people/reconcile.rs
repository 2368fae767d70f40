//! Making an item of one place what it is in another, with as few writes as possible.
//!
//! An item is the *set* of its values. To write a set, each value is written with the same causality token, the one that covers what was there:
//! the first write takes the place of the old values, the others find it already gone and stand beside the first.
//! Doing it twice changes nothing, because equal sets are left alone.

use clap::ValueEnum;
use k2v_client::{BatchInsert, Item, Value};

use crate::output::Line;

/// What happens to an item that is there already, and differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Existing {
    /// It becomes what is imported
    #[default]
    Replace,
    /// It stays as it is
    Keep,
    /// What is imported is added beside it, as a conflict to resolve
    Merge,
}

/// What has to be done to an item.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// These writes make it what is wanted.
    Write(Vec<BatchInsert>),
    /// It is what is wanted.
    Unchanged,
    /// It differs, and is left alone as [`Existing::Keep`] says.
    Kept,
}

/// What became of items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Written, and acknowledged by the server.
    pub(crate) written: u64,
    /// The same already.
    pub(crate) unchanged: u64,
    /// Different, and left alone.
    pub(crate) kept: u64,
}

impl Tally {
    pub(crate) fn total(self) -> u64 {
        self.written + self.unchanged + self.kept
    }
}

/// What makes an item what `wanted` says.
pub(crate) fn plan(wanted: &Line, held: Option<&Item>, existing: Existing) -> Plan {
    let goal = distinct(&wanted.v);
    let have = held.map(|item| distinct(&item.values)).unwrap_or_default();
    if goal == have {
        return Plan::Unchanged;
    }
    let write = |value: &Value| BatchInsert::new(&wanted.pk, &wanted.sk, value.clone());
    let writes: Vec<_> = match (held, existing) {
        (None, Existing::Replace | Existing::Keep | Existing::Merge) => goal.iter().map(write).collect(),
        (Some(item), Existing::Replace) => goal.iter().map(|value| write(value).token(&item.token)).collect(),
        (Some(_), Existing::Keep) => return Plan::Kept,
        (Some(_), Existing::Merge) => goal.iter().filter(|value| !have.contains(value)).map(write).collect(),
    };
    if writes.is_empty() { Plan::Unchanged } else { Plan::Write(writes) }
}

/// The values as a set.
pub(crate) fn distinct(values: &[Value]) -> Vec<Value> {
    let mut values = values.to_vec();
    values.sort();
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: &[&str]) -> Line {
        Line { pk: "p".into(), sk: "s".into(), ct: None, v: values.iter().map(|&text| text.into()).collect() }
    }

    fn item(values: &[&str]) -> Item {
        Item { token: "tok".into(), values: values.iter().map(|&text| text.into()).collect() }
    }

    /// The writes as text: `value` or `value@token`.
    fn check(wanted: &[&str], held: Option<&[&str]>, existing: Existing, expected: &[&str]) {
        let held = held.map(item);
        let writes = match plan(&line(wanted), held.as_ref(), existing) {
            Plan::Write(writes) => writes,
            Plan::Unchanged | Plan::Kept => Vec::new(),
        };
        let writes: Vec<_> = writes
            .iter()
            .map(|write| {
                let text = String::from_utf8(write.value.data().unwrap().to_vec()).unwrap();
                let token = write.token.as_ref().map(|token| format!("@{token}")).unwrap_or_default();
                text + &token
            })
            .collect();
        assert_eq!(writes, expected);
    }

    #[test]
    fn what_is_not_there_is_written_without_a_token() {
        check(&["a", "b"], None, Existing::Replace, &["a", "b"]);
        check(&["a"], None, Existing::Keep, &["a"]);
    }

    #[test]
    fn what_is_the_same_already_is_left_alone_in_any_order() {
        check(&["a", "b"], Some(&["b", "a"]), Existing::Replace, &[]);
        check(&["a", "a"], Some(&["a"]), Existing::Merge, &[]);
    }

    #[test]
    fn what_differs_is_replaced_kept_or_added_to() {
        check(&["a", "b"], Some(&["b", "c"]), Existing::Replace, &["a@tok", "b@tok"]);
        check(&["a", "b"], Some(&["b", "c"]), Existing::Keep, &[]);
        check(&["a", "b"], Some(&["b", "c"]), Existing::Merge, &["a"]);
        check(&["a"], Some(&["a", "b"]), Existing::Merge, &[]);
    }

    #[test]
    fn a_tombstone_is_a_value_like_any_other() {
        let wanted = Line { v: vec![Value::Tombstone, "a".into()], ..line(&[]) };
        let Plan::Write(writes) = plan(&wanted, Some(&item(&["a"])), Existing::Replace) else {
            panic!("it differs");
        };
        assert_eq!(writes.len(), 2);
        assert!(writes[0].value.is_tombstone());
    }
}
