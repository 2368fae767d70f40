//! What a replica answers from its own store: a snapshot, and the shard clock that was read before it.

use super::count::outline;
use super::index::{IndexReader, Next};
use super::items::{Ask, SourcePage};
use super::local::{index_page, items_page};
use super::merged::HashPage;
use super::message::{
    DigestAnswer, Form, MessageError, PageAnswer, PageRows, PartitionRow, PartitionsAnswer, StateAnswer,
    WireClock, WireHash, WireItem,
};
use super::page::{PageBudget, PageLimits, Selection};
use crate::causality::SeenMarker;
use crate::ids::{ActorId, BucketId, ItemKey, PartitionHash, ShardIndex};
use crate::shard::{PollError, Shards, View};
use crate::store::range::KeyRange;
use crate::store::{Snapshot, Store, StoreError};

/// Why a replica shows nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum ShowError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The question is none.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The shard does not answer.
    #[error(transparent)]
    Poll(#[from] PollError),
}

/// The hash of an item.
pub(super) fn item_digest<S: Store>(shards: &Shards<S>, key: &ItemKey) -> Result<DigestAnswer, ShowError> {
    let shard = key.partition.shard();
    let snapshot = shards.store(shard).snapshot()?;
    let hash = snapshot.item(key)?.map(|item| WireHash(item.state_hash()));
    Ok(DigestAnswer { may_vote: shards.may_vote(shard), hash })
}

/// The state of an item, encoded: it borrows from the snapshot.
pub(super) fn item_state<S: Store>(shards: &Shards<S>, key: &ItemKey) -> Result<Vec<u8>, ShowError> {
    let shard = key.partition.shard();
    let View { snapshot, clock, .. } = shards.view(shard)?;
    let clock = WireClock::of(&clock);
    let item = snapshot.item(key)?.map(|item| WireItem::of(&item));
    Ok(StateAnswer { may_vote: shards.may_vote(shard), clock, item }.encode())
}

/// What a page is asked for.
pub(super) struct PageQuestion {
    pub(super) partition: PartitionHash,
    pub(super) selection: Selection,
    pub(super) items_max: usize,
    pub(super) bytes_max: usize,
    pub(super) form: Form,
}

/// A page of items, encoded: it borrows from the snapshot.
pub(super) fn page<S: Store>(shards: &Shards<S>, question: &PageQuestion) -> Result<Vec<u8>, ShowError> {
    let PageQuestion { partition, selection, items_max, bytes_max, form } = question;
    let shard = partition.shard();
    let View { snapshot, clock, .. } = shards.view(shard)?;
    let clock = WireClock::of(&clock);
    let limits = PageLimits { items_max: *items_max, bytes_max: *bytes_max, ..PageLimits::default() };
    let ask = Ask { selection, items_max: *items_max, unseen: None };
    let page = items_page(&snapshot, *partition, ask, &mut PageBudget::new(limits))?;
    let rows = rows(&page, *form);
    Ok(PageAnswer { may_vote: shards.may_vote(shard), clock, upto: page.upto.clone(), rows }.encode())
}

fn rows<'p>(page: &'p SourcePage<'_>, form: Form) -> PageRows<'p> {
    let rows = page.items.iter().map(|(key, item)| (key.as_ref(), item));
    match form {
        Form::States => PageRows::States(rows.map(|(key, item)| (key, WireItem::of(item))).collect()),
        Form::Hashes => {
            PageRows::Hashes(rows.map(|(key, item)| (key, WireHash(item.state_hash()))).collect())
        }
        Form::Outlines => {
            PageRows::Outlines(rows.map(|(key, item)| (key, WireItem::of(&outline(item)))).collect())
        }
    }
}

/// The items of a page that changed since these pairs of a seen marker, each with its hash; without pairs, all of them.
pub(super) async fn changed_rows<S: Store>(
    shards: &Shards<S>,
    partition: PartitionHash,
    selection: &Selection,
    seen: &[(ActorId, u64)],
    limits: PageLimits,
) -> Result<HashPage, ShowError> {
    let unseen = match seen {
        [] => None,
        seen => {
            let marker = SeenMarker { seen: seen.to_vec() };
            let range = match selection {
                Selection::Range(range) => range.clone(),
                Selection::Keys(_) => KeyRange::all(),
            };
            shards.changes(partition, range, marker).await?.unseen
        }
    };
    // The rows are asked, not the shard's latest commits: some of them may have been made after it answered.
    let snapshot = shards.store(partition.shard()).snapshot()?;
    let ask = Ask { selection, items_max: limits.items_max, unseen };
    let page = items_page(&snapshot, partition, ask, &mut PageBudget::new(limits))?;
    let rows = page.items.iter().map(|(key, item)| (key.to_string(), item.state_hash())).collect();
    Ok(HashPage { rows, upto: page.upto.map(std::borrow::Cow::into_owned) })
}

/// A page of the partitions that this node shows, of all of its stores.
pub(super) fn partitions<S: Store>(
    shards: &Shards<S>,
    bucket: BucketId,
    range: &KeyRange,
    rows_max: usize,
) -> Result<PartitionsAnswer<'static>, ShowError> {
    let voteless = ShardIndex::all().filter(|shard| !shards.may_vote(*shard));
    let voteless = voteless.filter_map(|shard| u16::try_from(shard.index()).ok()).collect();
    let mut reader = IndexReader::new(shards.stores().len(), range, Some(rows_max as u64));
    let mut answer = PartitionsAnswer { voteless, upto: None, rows: Vec::new() };
    loop {
        match reader.proceed() {
            Next::Ask { source, range } => {
                let snapshot = shards.stores()[source].snapshot()?;
                let mut budget = PageBudget::new(PageLimits::default());
                reader.page(source, index_page(&snapshot, bucket, &range, rows_max, &mut budget)?);
            }
            Next::Show(key, state) => {
                let (counters, digest) = (state.counters, WireHash(state.digest));
                answer.rows.push(PartitionRow { key: key.into(), counters, digest });
            }
            Next::End(next) => {
                // Whatever lies behind the last row is asked for again.
                answer.upto = next.and_then(|_| answer.rows.last().map(|row| row.key.clone()));
                return Ok(answer);
            }
        }
    }
}
