//! The bounds of a simulated node: so low that every run meets them.

use crate::random::Random;
use troupe_actors::replication::page::PageLimits;
use troupe_actors::shard::ShardLimits;

pub(crate) const SHARD_LIMITS: ShardLimits =
    ShardLimits { concurrent_values_max: 3, item_bytes_max: 16, recent_changes_max: 4, actor_history_max: 3 };

/// Journals that go round every few groups. Half of the shortest one is less than some groups take.
pub(crate) const JOURNAL_BYTES: [u64; 3] = [2 << 10, 4 << 10, 12 << 10];

/// Pages of two or three items, or of fewer where their values fill it.
pub(crate) fn page_limits(random: &mut Random) -> PageLimits {
    PageLimits {
        items_max: random.between(2, 3) as usize,
        bytes_max: *random.pick(&[16, 1_000]),
        index_rows_max: random.between(1, 2) as usize,
    }
}
