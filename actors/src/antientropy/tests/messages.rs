//! The bytes of anti-entropy's messages.

use crate::antientropy::{Answer, Began, MalformedMessage, Part, Question, Rows, Side, Span};
use crate::causality::{Context, Dot, Item, Value};
use crate::ids::{ActorId, BucketId, ItemKey, Partition, PartitionKey, ShardIndex, SortKey};
use crate::shard::{ItemState, Moment, States};
use crate::store::segments::Segment;
use proptest::prelude::*;

fn side(seed: u64) -> Side {
    Side {
        actor: ActorId(seed),
        committed: 300,
        is_complete: seed.is_multiple_of(2),
        digest: 5,
        learned: Moment(6),
    }
}

fn partition() -> Partition {
    Partition::new(BucketId([1; 32]), PartitionKey::new("p").unwrap())
}

fn key(sort_key: &str) -> ItemKey {
    ItemKey { partition: partition().hash, sort_key: SortKey::new(sort_key).unwrap() }
}

fn state(sort_key: &str) -> ItemState {
    let mut item = Item::empty();
    item.write(Dot { actor: ActorId(1), time: 2 }, &Context::empty(), Value::Bytes(b"v".as_slice().into()));
    let sort_key = SortKey::new(sort_key).unwrap();
    ItemState::new(partition(), sort_key, item.encode().into()).unwrap()
}

fn shard() -> ShardIndex {
    partition().shard()
}

fn questions(name: &str, number: u64) -> Vec<Question> {
    let began = Began { boot: number, moment: 2 };
    let clock = Context::from_ascending(vec![(ActorId(number), 9)]).unwrap();
    let span = Span { after: Some(key(name)), ..Span::segment(Segment::of(partition().hash).index) };
    vec![
        Question::Compare(vec![(shard(), side(number))]),
        Question::Segments(shard()),
        Question::Look(shard(), vec![span]),
        Question::Digests(shard(), vec![key(name)]),
        Question::Fetch(shard(), vec![key(name)]),
        Question::Push(shard(), States { clock, items: vec![state(name)] }),
        Question::Finish { shard: shard(), began, asker: side(number), asked: side(3) },
    ]
}

fn answers(name: &str, number: u64) -> Vec<Answer> {
    let actor = ActorId(number);
    let began = Began { boot: 1, moment: number };
    let clock = Context::from_ascending(vec![(actor, 9)]).unwrap();
    let items = Part { rows: Rows::Items(vec![(key(name), number)]), through: None };
    let runs = Part { rows: Rows::Runs(vec![(key(name), number)]), through: Some(key(name)) };
    vec![
        Answer::Compared(began, vec![Some(side(number)), None]),
        Answer::Segments(actor, vec![number; 256]),
        Answer::Looked(actor, vec![items, runs]),
        Answer::Digests(actor, vec![Some(number), None]),
        Answer::Fetched { actor, clock, states: vec![Some(state(name)), None] },
        Answer::Pushed(actor),
        Answer::Finished,
        Answer::Declined,
    ]
}

const QUESTIONS: [&str; 7] = [
    "00019c0707ac02000506",
    "019c07",
    "029c07019901PLACE017300",
    "039c0701PLACE0173",
    "049c0701PLACE0173",
    "059c07010709010101010101010101010101010101010101010101010101010101010101010101017001730f010100000000000000000102010176",
    "069c07070207ac0200050603ac02000506",
];

const ANSWERS: [&str; 7] = [
    "000107020107ac0200050600",
    "0207020001PLACE017307000101PLACE01730701PLACE0173",
    "030702010700",
    "040701070902010101010101010101010101010101010101010101010101010101010101010101017001730f01010000000000000000010201017600",
    "0507",
    "06",
    "07",
];

#[test]
fn the_bytes_of_questions_never_change() {
    let hash_of = hex::encode(partition().hash.0);
    let bytes = |question: &Question| hex::encode(question.encode()).replace(&hash_of, "PLACE");
    let shown: Vec<String> = questions("s", 7).iter().map(bytes).collect();
    assert_eq!(shown, QUESTIONS);
}

#[test]
fn the_bytes_of_answers_never_change() {
    let hash_of = hex::encode(partition().hash.0);
    let answers = answers("s", 7);
    let bytes = answers.iter().filter(|answer| !matches!(answer, Answer::Segments(..)));
    let shown: Vec<String> =
        bytes.map(|answer| hex::encode(answer.encode()).replace(&hash_of, "PLACE")).collect();
    assert_eq!(shown, ANSWERS);
}

#[test]
fn what_lies_outside_of_its_bounds_is_refused() {
    let elsewhere = ShardIndex::new((shard().index() + 1) % 1024).unwrap();
    let outside = [
        Question::Fetch(elsewhere, vec![key("s")]),
        Question::Fetch(shard(), Vec::new()),
        Question::Look(shard(), vec![Span::segment(0); 65]),
        Question::Push(elsewhere, States { clock: Context::empty(), items: vec![state("s")] }),
    ];
    for question in outside {
        assert_eq!(Question::decode(&question.encode()), Err(MalformedMessage), "{question:?}");
    }
    let descending = Rows::Items(vec![(key("b"), 1), (key("a"), 1)]);
    let answer = Answer::Looked(ActorId(1), vec![Part { rows: descending, through: None }]);
    assert_eq!(Answer::decode(&answer.encode()), Err(MalformedMessage));
    assert_eq!(Answer::decode(&Answer::Segments(ActorId(1), vec![1; 255]).encode()), Err(MalformedMessage));
}

proptest! {
    #[test]
    fn messages_are_read_as_they_were_written(name in "\\PC{1,40}", number: u64) {
        for question in questions(&name, number) {
            prop_assert_eq!(Question::decode(&question.encode()), Ok(question));
        }
        for answer in answers(&name, number) {
            prop_assert_eq!(Answer::decode(&answer.encode()), Ok(answer));
        }
    }

    #[test]
    fn any_bytes_are_a_message_or_refused(bytes: Vec<u8>) {
        let _ = (Question::decode(&bytes), Answer::decode(&bytes));
    }
}
