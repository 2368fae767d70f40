use super::*;
use crate::budget::{Budget, Owner};

struct Story {
    connection: Connection,
    now: Instant,
}

impl Story {
    fn begin(budget_bytes: usize) -> Story {
        let share = Budget::new(budget_bytes, budget_bytes).empty_share(Owner::Anonymous);
        let now = Instant::now();
        Story { connection: Connection::new(now, share), now }
    }

    fn after(&mut self, time: Duration) -> &mut Connection {
        self.now += time;
        self.connection.check_time(self.now);
        &mut self.connection
    }

    fn read(&mut self, bytes: usize) {
        let now = self.now;
        self.connection.read(bytes, || now);
    }

    #[track_caller]
    fn check(&self, cut: Option<Cut>) {
        assert_eq!(self.connection.cut_reason(), cut);
    }
}

const JUST_BEFORE: Duration = Duration::from_millis(1);

#[test]
fn a_client_that_connects_and_says_nothing_has_the_time_of_a_head() {
    let mut story = Story::begin(0);
    story.after(HEAD_TIMEOUT - JUST_BEFORE);
    story.check(None);
    story.after(JUST_BEFORE);
    story.check(Some(Cut::SlowHead));
}

#[test]
fn the_second_head_has_a_deadline_too_from_its_first_byte_on() {
    let mut story = Story::begin(0);
    story.read(100);
    let now = story.now;
    story.connection.begin(false, now);
    story.after(Duration::from_secs(600)).end(now + Duration::from_secs(600));
    story.after(KEEP_ALIVE - JUST_BEFORE);
    story.check(None);
    story.read(1);
    story.after(HEAD_TIMEOUT - JUST_BEFORE);
    story.read(1);
    story.check(None);
    story.after(JUST_BEFORE);
    story.check(Some(Cut::SlowHead));
}

#[test]
fn an_idle_connection_is_kept_for_a_while() {
    let mut story = Story::begin(0);
    let now = story.now;
    story.connection.begin(false, now);
    story.connection.end(now);
    story.after(KEEP_ALIVE);
    story.check(Some(Cut::Idle));
}

#[test]
fn a_head_that_was_begun_before_the_last_answer_left_has_a_deadline() {
    let mut story = Story::begin(0);
    let now = story.now;
    story.connection.begin(false, now);
    story.read(5);
    story.connection.end(now);
    story.after(HEAD_TIMEOUT);
    story.check(Some(Cut::SlowHead));
}

#[test]
fn little_is_read_ahead_of_an_answer_and_all_of_a_body_that_somebody_reads() {
    let mut story = Story::begin(0);
    let now = story.now;
    story.connection.begin(true, now);
    story.read(64 << 20);
    assert!(story.connection.may_read());
    story.connection.end_body(true, now);
    story.read(AHEAD_BYTES_MAX - 1);
    assert!(story.connection.may_read());
    story.read(1);
    assert!(!story.connection.may_read());
    assert!(story.connection.end(now), "it was paused");
    assert!(story.connection.may_read());
}

#[test]
fn a_body_that_nobody_reads_is_cut_off_by_length_and_by_time() {
    for (bytes, time) in [(LEFTOVER_BYTES_MAX + 1, Duration::ZERO), (1, LEFTOVER_TIMEOUT)] {
        let mut story = Story::begin(0);
        let now = story.now;
        story.connection.begin(true, now);
        story.connection.end_body(false, now);
        story.connection.end(now);
        story.read(LEFTOVER_BYTES_MAX);
        story.check(None);
        if bytes > LEFTOVER_BYTES_MAX {
            story.read(1);
        }
        story.after(time);
        story.check(Some(Cut::Leftover));
    }
}

#[test]
fn long_heads_are_counted_until_their_answer_is_sent() {
    let mut story = Story::begin(64 << 10);
    story.read(32 << 10);
    story.check(None);
    let now = story.now;
    story.connection.begin(false, now);
    story.connection.end(now);
    story.read(30 << 10);
    story.check(None);
    story.read(10 << 10);
    story.check(Some(Cut::NoRoom));
}

#[test]
fn whoever_has_used_most_of_its_time_is_the_stalest() {
    let now = Instant::now();
    let budget = Budget::new(0, 0);
    let fresh = Connection::new(now, budget.empty_share(Owner::Anonymous));
    let mut idle = Connection::new(now, budget.empty_share(Owner::Anonymous));
    idle.begin(false, now);
    assert_eq!(idle.staleness(now + KEEP_ALIVE), None);
    idle.end(now);
    let later = now + Duration::from_secs(5);
    assert_eq!(fresh.staleness(later), Some(TIME_IS_OVER / 2));
    assert_eq!(idle.staleness(later), Some(TIME_IS_OVER / 15));
}
