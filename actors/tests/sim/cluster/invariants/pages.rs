use crate::invariants::Violation;
use crate::invariants::pages::ONCE;
use crate::keyspace::ItemIndex;

/// The next item of an answer comes behind all that were shown.
pub(crate) fn check_next(
    shown: &[ItemIndex],
    at: Option<ItemIndex>,
    key: &str,
    is_descending: bool,
) -> Result<ItemIndex, Violation> {
    let goes_on = |at: &ItemIndex| {
        let sort_key = |at: &ItemIndex| at.key().sort_key.clone();
        let last = shown.last().map(sort_key);
        last.is_none_or(|last| if is_descending { sort_key(at) < last } else { sort_key(at) > last })
    };
    at.filter(goes_on).ok_or_else(|| {
        let what = format!("{key} after {shown:?}");
        Violation { invariant: ONCE, what }
    })
}
