use super::*;
use futures_util::FutureExt;

fn key(digit: u8) -> Owner {
    Owner::Key(format!("GK{digit:024x}").parse().unwrap())
}

#[actix_web::test]
async fn a_share_is_given_back_by_being_dropped() {
    let budget = Budget::new(1000, 0);
    let mut share = budget.empty_share(key(1));
    share.grow_to(400).unwrap();
    share.grow_to(300).unwrap();
    assert_eq!(budget.taken(), 400);
    assert_eq!(share.grow_to(501), Err(NoRoom));
    share.shrink_to(100);
    assert_eq!(budget.taken(), 100);
    drop(share);
    assert_eq!(budget.taken(), 0);
}

#[actix_web::test]
async fn who_waits_is_served_in_order_and_other_owners_do_not_wait_for_it() {
    let budget = Budget::new(1000, 0);
    let first = budget.estimate(key(1), 500).await.unwrap();
    let mut large = Box::pin(budget.estimate(key(1), 400));
    let mut small = Box::pin(budget.estimate(key(1), 10));
    assert!(large.as_mut().now_or_never().is_none());
    assert!(small.as_mut().now_or_never().is_none(), "it must not overtake");
    let other = budget.estimate(key(2), 200).await.unwrap();
    drop(first);
    let large = large.await.unwrap();
    assert!(small.as_mut().now_or_never().is_none());
    drop(other);
    drop(small.await.unwrap());
    drop(large);
    assert_eq!(budget.taken(), 0);
}

#[actix_web::test]
async fn who_gave_up_waiting_leaves_nothing_behind() {
    tokio::time::pause();
    let budget = Budget::new(1000, 0);
    let held = budget.estimate(key(1), 500).await.unwrap();
    assert_eq!(budget.estimate(key(1), 1).await.map(drop), Err(NoRoom));
    let dropped = Box::pin(budget.estimate(key(1), 500));
    assert!(dropped.now_or_never().is_none());
    drop(held);
    assert_eq!(budget.taken(), 0);
    assert!(
        budget.estimate(key(1), usize::MAX).await.is_ok(),
        "more than there ever is, is all that there can be"
    );
}

#[actix_web::test]
async fn owners_take_turns_however_many_wait_for_one_of_them() {
    let budget = Budget::new(1000, 0);
    let mut open = Vec::new();
    for _ in 0..limits::ESTIMATES_MAX {
        open.push(budget.estimate(key(1), 1).await.unwrap());
    }
    let mut crowd: Vec<_> = (0..100).map(|_| Box::pin(budget.estimate(key(1), 1))).collect();
    for waiting in &mut crowd {
        assert!(waiting.as_mut().now_or_never().is_none());
    }
    let mut other = Box::pin(budget.estimate(key(2), 1));
    assert!(other.as_mut().now_or_never().is_none());
    // The first turn may be the crowd's, the second is the other's.
    open.pop().unwrap().settle(0);
    open.pop().unwrap().settle(0);
    assert!(other.now_or_never().is_some_and(|share| share.is_ok()));
}
