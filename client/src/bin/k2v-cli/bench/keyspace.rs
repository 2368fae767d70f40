//! The items of a benchmark: a number gives key and value, so nothing has to be remembered.

/// How many digits a partition's number has in its key: keys of one length make requests of one length.
const PARTITION_DIGITS: usize = 6;
/// How many digits an item's number has in its sort key.
const ITEM_DIGITS: usize = 12;
/// A value begins with so many digits of its item's number. A multiple of three, so that they keep to themselves in base64.
pub(crate) const VALUE_DIGITS: usize = 15;

/// The largest number of partitions.
pub(crate) const PARTITIONS_MAX: u64 = 1_000_000;

/// Which items there are, and what is in them.
#[derive(Clone, Debug)]
pub(crate) struct Keyspace {
    prefix: String,
    partitions: u64,
    filler: Vec<u8>,
}

impl Keyspace {
    /// Items spread over `partitions` partitions whose keys begin with `prefix`, with values of so many bytes.
    pub(crate) fn new(prefix: String, partitions: u64, value_bytes: usize) -> Self {
        Self { prefix, partitions: partitions.clamp(1, PARTITIONS_MAX), filler: filler(value_bytes) }
    }

    pub(crate) fn partitions(&self) -> u64 {
        self.partitions
    }

    /// The key of a partition, by its number.
    pub(crate) fn partition_key(&self, partition: u64) -> String {
        format!("{}{partition:0PARTITION_DIGITS$}", self.prefix)
    }

    /// The key of the partition that an item is in. Neighbours are in different ones.
    pub(crate) fn pk(&self, item: u64) -> String {
        self.partition_key(item % self.partitions)
    }

    pub(crate) fn sk(item: u64) -> String {
        format!("{item:0ITEM_DIGITS$}")
    }

    /// The item's number, as its value begins with it.
    pub(crate) fn value_head(item: u64) -> [u8; VALUE_DIGITS] {
        let mut head = [b'0'; VALUE_DIGITS];
        let (mut rest, mut at) = (item, VALUE_DIGITS);
        while rest > 0 && at > 0 {
            at -= 1;
            head[at] += u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
        }
        head
    }

    /// Whether values are long enough to begin with their item's number.
    pub(crate) fn values_have_heads(&self) -> bool {
        self.filler.len() >= VALUE_DIGITS
    }

    pub(crate) fn value(&self, item: u64) -> Vec<u8> {
        let mut value = self.filler.clone();
        if self.values_have_heads() {
            value[..VALUE_DIGITS].copy_from_slice(&Self::value_head(item));
        }
        value
    }
}

/// Bytes that do not compress, the same in every run.
fn filler(length: usize) -> Vec<u8> {
    // The high bytes of a linear congruential generator (Knuth's MMIX constants).
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_one_kind_have_one_length_and_values_name_their_item() {
        let keys = Keyspace::new("run-".into(), 1_000, 20);
        assert_eq!((keys.pk(1_234).as_str(), Keyspace::sk(1_234).as_str()), ("run-000234", "000000001234"));
        assert!(keys.value(1_234).starts_with(b"000000000001234"));
        assert_eq!(keys.value(1_234).len(), 20);
        assert_eq!(Keyspace::new("run-".into(), 1, 3).value(1).len(), 3);
    }
}
