//! The laws of causality, checked against an explicit model of what each write knew.

mod forgery;
mod golden;
mod history;
mod laws;
mod world;

use super::{Context, Dot, Item, TokenKey, Value};
use crate::ids::ActorId;

fn dot(actor: u64, time: u64) -> Dot {
    Dot { actor: ActorId(actor), time }
}

fn context(pairs: &[(u64, u64)]) -> Context {
    let pairs = pairs.iter().map(|&(actor, time)| (ActorId(actor), time)).collect();
    Context::from_ascending(pairs).expect("a test writes its pairs in order")
}

fn bytes(text: &'static str) -> Value<'static> {
    Value::Bytes(text.as_bytes().into())
}

fn key() -> TokenKey {
    TokenKey::new(&[7; 32])
}

/// Merges copies, so that the laws read as algebra.
fn merged<'a>(left: &Item<'a>, right: &Item<'a>) -> Item<'a> {
    let mut merged = left.clone();
    merged.merge(right);
    merged
}
