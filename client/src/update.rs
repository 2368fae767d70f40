//! Read, resolve, write; and again while other writers add values.

use crate::bucket::Bucket;
use crate::call::Call;
use crate::error::Error;
use crate::item::Item;
use crate::limits;
use crate::resolve::Resolver;
use crate::token::CausalityToken;
use crate::value::Value;

/// How far an update got. It decides; [`Bucket::drive`] reads and writes.
#[derive(Debug, Default)]
struct Update {
    /// How many writes were made.
    rounds: u32,
}

/// What to do with the item that was just read.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Write this value in the place of what the token covers, then read again.
    Write { value: Value, token: Option<CausalityToken> },
    /// The item holds this value and no other.
    Done(Value),
    /// Other writers were faster too often.
    GiveUp { rounds: u32 },
}

impl Update {
    /// Decides after a read. `merge` gets the values and whether this is the first read; it says what they
    /// become, or nothing if they may stay.
    fn on_read(
        &mut self,
        item: Option<Item>,
        merge: &mut dyn FnMut(bool, &[Value]) -> Option<Value>,
    ) -> Step {
        let (values, token) = item.map_or((Vec::new(), None), |item| (item.values, Some(item.token)));
        let merged = merge(self.rounds == 0, &values);
        // An item that does not exist is as good as deleted.
        let held = match values.as_slice() {
            [] => Some(Value::Tombstone),
            [single] => Some(single.clone()),
            [_, _, ..] => None,
        };
        match (held, merged) {
            (Some(held), None) => Step::Done(held),
            (Some(held), Some(merged)) if held == merged => Step::Done(held),
            (None, None) => Step::GiveUp { rounds: self.rounds },
            (_, Some(_)) if self.rounds == limits::UPDATE_ROUNDS_MAX => Step::GiveUp { rounds: self.rounds },
            (_, Some(value)) => {
                self.rounds += 1;
                Step::Write { value, token }
            }
        }
    }
}

impl Bucket {
    /// Changes an item: reads it, calls `change` with its values (none if it does not exist, several if
    /// writers did not know of each other), and writes the result in their place. Returns what the item holds
    /// in the end.
    ///
    /// K2V has no locks: another writer may add a value in between. So the item is read again after the
    /// write, and if it then holds several values, `change` is called with those, its own earlier result
    /// among them. It should therefore be a *merge*, which gives the same when its own result is merged
    /// again: a union, a maximum, a register whose newest value wins. A change that is to be made only once,
    /// such as appending a line, is for [`update_with`](Self::update_with). A counter is for neither, as two
    /// writers that both make 6 of 5 leave a single 6: let each writer count in an item of its own.
    ///
    /// Nothing is written if the item already holds the result. A [`Value::Tombstone`] (or `None::<Vec<u8>>`)
    /// deletes.
    ///
    /// # Errors
    /// [`Error::StillConflicting`] if other writers keep adding values for 16 rounds.
    ///
    /// ```no_run
    /// # async fn example(bucket: k2v_client::Bucket) -> Result<(), k2v_client::Error> {
    /// // The highest score ever seen, one byte long.
    /// let score = 7_u8;
    /// bucket
    ///     .update("scores", "ann", |values| {
    ///         let seen = values.iter().filter_map(|value| value.data()?.first().copied());
    ///         [seen.max().unwrap_or(0).max(score)]
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn update<V: Into<Value>>(
        &self,
        pk: impl AsRef<str>,
        sk: impl AsRef<str>,
        mut change: impl FnMut(&[Value]) -> V + Send,
    ) -> Result<Value, Error> {
        let mut merge =
            |is_first: bool, values: &[Value]| (is_first || values.len() > 1).then(|| change(values).into());
        self.drive(pk.as_ref(), sk.as_ref(), &mut merge).await
    }

    /// Changes an item once: `resolver` makes one value of its siblings, `change` gets that (a tombstone if
    /// there is no item), and siblings that other writers add meanwhile are merged by the resolver alone.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    ///
    /// ```no_run
    /// # async fn example(bucket: k2v_client::Bucket) -> Result<(), k2v_client::Error> {
    /// use k2v_client::{Union, Value};
    /// bucket
    ///     .update_with("carts", "ann", &Union::lines(), |cart: Value| {
    ///         let mut lines = cart.data().map(|data| data.to_vec()).unwrap_or_default();
    ///         lines.extend_from_slice(b"one more apple\n");
    ///         lines
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn update_with<V: Into<Value>>(
        &self,
        pk: impl AsRef<str>,
        sk: impl AsRef<str>,
        resolver: &(impl Resolver + Sync),
        change: impl FnOnce(Value) -> V + Send,
    ) -> Result<Value, Error> {
        let mut change = Some(change);
        let mut merge = |_is_first: bool, values: &[Value]| match change.take() {
            Some(change) => Some(change(merged(resolver, values)).into()),
            None => (values.len() > 1).then(|| resolver.resolve(values)),
        };
        self.drive(pk.as_ref(), sk.as_ref(), &mut merge).await
    }

    /// Makes one value of an item's concurrent values, if it has several. Returns what the item holds in the
    /// end.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    ///
    /// ```no_run
    /// # async fn example(bucket: k2v_client::Bucket) -> Result<(), k2v_client::Error> {
    /// use k2v_client::LastBy;
    /// bucket.resolve("notes", "today", &LastBy(|data: &[u8]| data.len())).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn resolve(
        &self,
        pk: impl AsRef<str>,
        sk: impl AsRef<str>,
        resolver: &(impl Resolver + Sync),
    ) -> Result<Value, Error> {
        let mut merge =
            |_is_first: bool, values: &[Value]| (values.len() > 1).then(|| resolver.resolve(values));
        self.drive(pk.as_ref(), sk.as_ref(), &mut merge).await
    }

    async fn drive(
        &self,
        pk: &str,
        sk: &str,
        merge: &mut (dyn FnMut(bool, &[Value]) -> Option<Value> + Send),
    ) -> Result<Value, Error> {
        let mut update = Update::default();
        loop {
            let item = match self.read_item(pk, sk).await {
                Ok(item) => Some(item),
                Err(Error::NoSuchKey(_)) => None,
                Err(error) => return Err(error),
            };
            match update.on_read(item, merge) {
                Step::Write { value, token } => self.replace(pk, sk, value, token.as_ref()).await?,
                Step::Done(value) => return Ok(value),
                Step::GiveUp { rounds } => return Err(Error::StillConflicting { rounds }),
            }
        }
    }

    /// Writes or deletes. Duplicates that repeats leave behind are found by the next read, and merged.
    async fn replace(
        &self,
        pk: &str,
        sk: &str,
        value: Value,
        token: Option<&CausalityToken>,
    ) -> Result<(), Error> {
        let call = match (value, token) {
            (Value::Data(data), token) => Call::insert_item(&self.name, pk, sk, data, token)?,
            (Value::Tombstone, Some(token)) => Call::delete_item(&self.name, pk, sk, token)?,
            // Without a token there is no item: nothing to delete.
            (Value::Tombstone, None) => return Ok(()),
        };
        self.client.send(&call.duplicates_are_cleared()).await?.nothing()
    }
}

/// One value of any number of them.
fn merged(resolver: &impl Resolver, values: &[Value]) -> Value {
    match values {
        [] => Value::Tombstone,
        [single] => single.clone(),
        [_, _, ..] => resolver.resolve(values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(values: &[&str]) -> Option<Item> {
        Some(Item { token: "tok".into(), values: values.iter().map(|&text| text.into()).collect() })
    }

    /// Merges by taking the greatest, as an `update` with that change would.
    fn greatest(is_first: bool, values: &[Value]) -> Option<Value> {
        let greatest = values.iter().cloned().chain([Value::from("m")]).max();
        (is_first || values.len() > 1).then_some(greatest).flatten()
    }

    fn check(update: &mut Update, read: Option<Item>, expected: &Step) {
        assert_eq!(&update.on_read(read, &mut greatest), expected);
    }

    fn write(value: &str, token: Option<&str>) -> Step {
        Step::Write { value: value.into(), token: token.map(CausalityToken::from) }
    }

    #[test]
    fn an_item_is_created_then_seen() {
        let mut update = Update::default();
        check(&mut update, None, &write("m", None));
        check(&mut update, item(&["m"]), &Step::Done("m".into()));
    }

    #[test]
    fn siblings_that_appear_are_merged_until_none_are_left() {
        let mut update = Update::default();
        check(&mut update, item(&["a"]), &write("m", Some("tok")));
        check(&mut update, item(&["m", "z"]), &write("z", Some("tok")));
        check(&mut update, item(&["z"]), &Step::Done("z".into()));
    }

    #[test]
    fn a_successor_of_our_value_is_left_alone() {
        let mut update = Update::default();
        check(&mut update, item(&["a"]), &write("m", Some("tok")));
        check(&mut update, item(&["b"]), &Step::Done("b".into()));
    }

    #[test]
    fn nothing_is_written_if_nothing_would_change() {
        check(&mut Update::default(), item(&["z"]), &Step::Done("z".into()));
        let mut delete = |_: bool, _: &[Value]| Some(Value::Tombstone);
        assert_eq!(Update::default().on_read(None, &mut delete), Step::Done(Value::Tombstone));
    }

    #[test]
    fn it_ends_even_if_siblings_appear_for_ever() {
        let mut update = Update::default();
        for _ in 0..limits::UPDATE_ROUNDS_MAX {
            check(&mut update, item(&["a", "b"]), &write("m", Some("tok")));
        }
        check(&mut update, item(&["a", "b"]), &Step::GiveUp { rounds: limits::UPDATE_ROUNDS_MAX });
    }
}
