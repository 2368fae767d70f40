//! Reading a bucket's partitions from several sources, in key order.

use super::page::Limit;
use crate::mutation::{Mutation, is_on};
use crate::store::partition::PartitionState;
use crate::store::range::KeyRange;
use std::collections::VecDeque;

/// What a source answers: the partitions that it holds of a range, up to some key.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct IndexPage {
    /// In the order of the range.
    pub rows: Vec<(String, PartitionState)>,
    /// The last key up to which the source looked, itself included; `None` if it looked at the whole range.
    pub upto: Option<String>,
}

/// What a reader of the index wants done next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// Ask a source for a page of this range, and give it to [`IndexReader::page`].
    Ask {
        /// Which source.
        source: usize,
        /// What is left of the range there.
        range: KeyRange,
    },
    /// Show a partition.
    Show(String, PartitionState),
    /// Nothing is left, or the limit is reached: then this is the first key that was not shown.
    End(Option<String>),
}

/// A reader of the index. A partition lies in one of its sources: the sources are a node's stores.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexReader {
    sources: Vec<Source>,
    limit: Limit,
    is_descending: bool,
}

/// What one source has still to contribute.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Source {
    /// Read and not yet shown.
    rows: VecDeque<(String, PartitionState)>,
    /// Not yet read; `None` once the source holds nothing more.
    rest: Option<KeyRange>,
}

impl IndexReader {
    /// A reader of `range` in so many sources that shows at most `limit` partitions.
    pub fn new(sources: usize, range: &KeyRange, limit: Option<u64>) -> IndexReader {
        let rest = (!range.is_void()).then_some(range);
        let sources = (0..sources).map(|_| Source { rows: VecDeque::new(), rest: rest.cloned() });
        IndexReader { sources: sources.collect(), limit: Limit(limit), is_descending: range.descending }
    }

    /// What to do next. A partition is only shown once every source has shown its next one, or that it has none.
    pub fn proceed(&mut self) -> Next {
        let unknown = |source: &Source| if source.rows.is_empty() { source.rest.clone() } else { None };
        if let Some((source, range)) =
            self.sources.iter().enumerate().find_map(|(at, source)| Some((at, unknown(source)?)))
        {
            return Next::Ask { source, range };
        }
        let Some((key, state)) = self.pop() else { return Next::End(None) };
        if self.limit.admits() { Next::Show(key, state) } else { Next::End(Some(key)) }
    }

    /// Takes what a source answered. Partitions that hold nothing any more are not shown.
    pub fn page(&mut self, source: usize, page: IndexPage) {
        let source = &mut self.sources[source];
        source.rows.extend(page.rows.into_iter().filter(|(_, state)| state.counters.entries > 0));
        match (page.upto, &mut source.rest) {
            (Some(key), Some(rest)) if is_on(Mutation::IndexCursorOffByOne) => rest.begin_at(&key),
            (Some(key), Some(rest)) => rest.pass(&key),
            (_, rest) => *rest = None,
        }
    }

    fn pop(&mut self) -> Option<(String, PartitionState)> {
        let heads = self.sources.iter().enumerate();
        let heads = heads.filter_map(|(at, source)| Some((&source.rows.front()?.0, at)));
        let (_, at) = if self.is_descending { heads.max() } else { heads.min() }?;
        self.sources[at].rows.pop_front()
    }
}
