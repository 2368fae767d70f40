//! Where records go: round and round, over the room of those that the tree holds by now.

use super::header::HEADER_BYTES;

/// The room of a journal. Places are counted on and on; a place's offset in the file is what is left of it after all
/// full rounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Ring {
    capacity: u64,
    tail: u64,
    head: u64,
}

impl Ring {
    /// Room for `capacity` bytes of records, none of it used, the next record at `offset` in the file. A record of at most
    /// half the capacity always fits into an empty ring.
    pub(crate) fn empty(capacity: u64, offset: u64) -> Ring {
        let place = offset.saturating_sub(HEADER_BYTES) % capacity.max(1);
        Ring { capacity, tail: place, head: place }
    }

    /// A ring whose oldest record begins at one offset in the file, and whose newest ends at another.
    pub(crate) fn holding(capacity: u64, oldest_offset: u64, end_offset: u64) -> Ring {
        let (tail, end) = (oldest_offset - HEADER_BYTES, end_offset - HEADER_BYTES);
        Ring { capacity, tail, head: if end > tail { end } else { end + capacity } }
    }

    /// Where a record of this many bytes goes, if there is room: its offset in the file, and the head behind it.
    pub(crate) fn place(&self, bytes: u64) -> Option<(u64, u64)> {
        let left_of_round = self.capacity - self.head % self.capacity;
        let start = if bytes <= left_of_round { self.head } else { self.head + left_of_round };
        let end = start + bytes;
        let fits = bytes <= self.capacity && end - self.tail <= self.capacity;
        fits.then(|| (HEADER_BYTES + start % self.capacity, end))
    }

    /// Takes the place that was found for a record.
    pub(crate) fn advance(&mut self, head: u64) {
        self.head = head;
    }

    /// Where the next record will begin at the earliest.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Gives back the room of everything before a former head.
    pub(crate) fn release(&mut self, tail: u64) {
        self.tail = self.tail.max(tail.min(self.head));
    }

    /// Bytes of records that the tree may lack, and of room between them that was passed over.
    pub(crate) fn used_bytes(&self) -> u64 {
        self.head - self.tail
    }

    /// Bytes of records that fit.
    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[test]
    fn a_record_that_does_not_fit_before_the_end_goes_to_the_beginning() {
        let mut ring = Ring::empty(10, HEADER_BYTES);
        ring.advance(7);
        assert_eq!(ring.place(3), Some((HEADER_BYTES + 7, 10)));
        assert_eq!(ring.place(4), None, "it would lie over the first");
        ring.release(5);
        assert_eq!(ring.place(4), Some((HEADER_BYTES, 14)));
        assert_eq!(ring.place(6), None);
    }

    proptest! {
        #[test]
        fn records_never_lie_over_others_that_are_still_needed(
            steps in prop::collection::vec((1..=10u64, any::<bool>()), 1..200), offset in 0..20u64,
        ) {
            let mut ring = Ring::empty(20, HEADER_BYTES + offset);
            let mut live: VecDeque<(u64, u64, u64)> = VecDeque::new();
            for (bytes, releases) in steps {
                if releases && let Some((_, _, head)) = live.pop_front() {
                    ring.release(head);
                }
                if let Some((at, head)) = ring.place(bytes) {
                    let at = at - HEADER_BYTES;
                    prop_assert!(at + bytes <= 20);
                    prop_assert!(live.iter().all(|&(other, length, _)| at + bytes <= other || other + length <= at));
                    ring.advance(head);
                    live.push_back((at, bytes, head));
                } else {
                    prop_assert!(!live.is_empty());
                }
                if live.is_empty() {
                    prop_assert_eq!(ring.used_bytes(), 0);
                } else {
                    let (first, last) = (live[0].0, live[live.len() - 1]);
                    let again = Ring::holding(20, HEADER_BYTES + first, HEADER_BYTES + last.0 + last.1);
                    prop_assert!(again.used_bytes() <= ring.used_bytes());
                }
            }
        }
    }
}
