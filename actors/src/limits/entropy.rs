//! The bounds of anti-entropy.

/// How often replicas compare a shard, in milliseconds. A comparison of equal replicas costs about 60 bytes a shard; what
/// differs for longer is what a lost message or a stopped node left behind.
pub const ENTROPY_INTERVAL_MS: u64 = 20_000;

/// How soon a comparison that failed is tried again, or one that a shard waits for to become complete, in milliseconds.
pub const ENTROPY_RETRY_MS: u64 = 1_000;

/// How long a difference must last before it is repaired, in milliseconds: writes that are on their way to the other
/// replica look like differences for as long as a commit takes.
pub const ENTROPY_RECHECK_MS: u64 = 100;

/// How long one question to another replica may take, in milliseconds: more than a busy disk takes for a commit. Beyond it
/// the round ends, and another one begins later.
pub const ENTROPY_ASK_MS: u64 = 30_000;

/// Shards that this node repairs at the same time. Each holds a page of states in memory.
pub const ENTROPY_ROUNDS_MAX: usize = 8;

/// Spans with at most as many items are listed key by key; longer ones are shown as digests of runs of as many.
pub const ENTROPY_LIST_ROWS: usize = 128;

/// Items that are read for one answer: some milliseconds of work.
pub const ENTROPY_SCAN_ROWS_MAX: usize = 8_192;

/// Spans in one question.
pub const ENTROPY_SPANS_MAX: usize = 64;

/// Keys in one question about items. With the longest keys 2 MiB.
pub const ENTROPY_KEYS_MAX: usize = 2_048;

/// Keys of an answer about spans: with the longest keys 2 MiB. The spans beyond them are asked about again.
pub const ENTROPY_LOOK_ROWS_MAX: usize = 2_048;

/// Bytes of states in one message, unless a single one is larger.
pub const ENTROPY_STATES_BYTES_MAX: usize = 1 << 20;

/// Bytes of anti-entropy's messages that a node causes in a second, on average: a quarter of a gigabit. Hand-over of a
/// terabyte takes nine hours.
pub const ENTROPY_BYTES_PER_S: u64 = 32 << 20;

/// Items that anti-entropy sends or takes in a second, on average: a third of what a lane commits.
pub const ENTROPY_ITEMS_PER_S: u64 = 20_000;

/// Questions of other replicas that wait for anti-entropy. Beyond it: refused as busy, and asked again later.
pub const ENTROPY_INBOX_MAX: usize = 256;

/// Looks of anti-entropy between two reports of what is done and what is left: a second.
pub const ENTROPY_PROGRESS_TICKS: u64 = 20;

/// Rows of a shard that is on its way out that go in one transaction.
pub const ENTROPY_REMOVED_ROWS: usize = 256;

/// Milliseconds between two looks of anti-entropy at what is due.
pub const ENTROPY_TICK_MS: u64 = 50;

/// Batches of states from other replicas that anti-entropy has handed to the shards, and that are not stored yet. Beyond
/// it the round of whoever sends more ends, and begins again later.
pub const ENTROPY_PUSHES_MAX: usize = 64;
