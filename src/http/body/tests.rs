use super::*;
use actix_web::error::PayloadError;
use futures_util::stream;
use troupe_actors::control::KeyId;

fn chunks(chunks: &'static [&'static str], announced: Option<u64>) -> UnreadBody {
    let pieces =
        stream::iter(chunks.iter().map(|chunk| Ok::<_, PayloadError>(Bytes::from_static(chunk.as_bytes()))));
    UnreadBody { payload: Payload::Stream { payload: Box::pin(pieces) }, announced, budget: budget() }
}

const OWNER: Owner = Owner::Key(KeyId([1; 12]));

fn budget() -> Arc<Budget> {
    Budget::new(1 << 20, 0)
}

fn too_large() -> ApiError {
    ApiError::BodyTooLarge { bytes_max: 4 }
}

#[actix_web::test]
async fn a_body_is_read_up_to_its_cap_however_it_is_cut() {
    let mut body = chunks(&["ab", "", "cd"], None);
    assert_eq!(body.read(4, OWNER, too_large()).await.unwrap().bytes, "abcd");
    let mut body = chunks(&["abcd"], Some(4));
    assert_eq!(body.read(4, OWNER, too_large()).await.unwrap().bytes, "abcd");
    let mut body = chunks(&["ab", "cde"], None);
    assert!(matches!(body.read(4, OWNER, too_large()).await, Err(ApiError::BodyTooLarge { .. })));
}

#[actix_web::test]
async fn an_announced_length_over_the_cap_is_refused_before_a_byte_is_read() {
    let never = stream::pending::<Result<Bytes, PayloadError>>();
    let mut body = UnreadBody {
        payload: Payload::Stream { payload: Box::pin(never) },
        announced: Some(5),
        budget: budget(),
    };
    assert!(matches!(body.read(4, OWNER, too_large()).await, Err(ApiError::BodyTooLarge { .. })));
}

#[actix_web::test]
async fn a_body_that_stops_coming_is_given_up() {
    tokio::time::pause();
    let stalls = stream::iter([Ok::<_, PayloadError>(Bytes::from_static(b"a"))]).chain(stream::pending());
    let mut body = UnreadBody {
        payload: Payload::Stream { payload: Box::pin(stalls) },
        announced: Some(4),
        budget: budget(),
    };
    assert!(matches!(body.read(4, OWNER, too_large()).await, Err(ApiError::BodyTimeout)));
}

#[actix_web::test]
async fn a_body_that_breaks_off_is_no_body() {
    let broken = stream::iter([Ok(Bytes::from_static(b"ab")), Err(PayloadError::Incomplete(None))]);
    let mut body = UnreadBody {
        payload: Payload::Stream { payload: Box::pin(broken) },
        announced: Some(4),
        budget: budget(),
    };
    assert!(matches!(body.read(4, OWNER, too_large()).await, Err(ApiError::BodyIncomplete)));
}

fn large(budget: &Arc<Budget>) -> UnreadBody {
    let piece = Bytes::from(vec![0; 1 << 20]);
    let pieces = stream::iter([piece.clone(), piece].map(Ok::<_, PayloadError>));
    UnreadBody {
        payload: Payload::Stream { payload: Box::pin(pieces) },
        announced: None,
        budget: Arc::clone(budget),
    }
}

#[actix_web::test]
async fn large_bodies_share_one_budget_and_give_it_back() {
    let budget = Budget::new(7 << 20, 2 << 20);
    let held = large(&budget).read(4 << 20, OWNER, too_large()).await.unwrap();
    assert_eq!(budget.taken(), 2 << 20);
    assert!(matches!(large(&budget).read(4 << 20, OWNER, too_large()).await, Err(ApiError::BodiesBusy)));
    drop(held);
    assert_eq!(budget.taken(), 0);
}

#[actix_web::test]
async fn bodies_that_prove_nothing_yet_fill_only_their_part_of_the_budget() {
    let budget = Budget::new(16 << 20, 3 << 20);
    let mut first = large(&budget).read(4 << 20, Owner::Anonymous, too_large()).await.unwrap();
    let refused = large(&budget).read(4 << 20, Owner::Anonymous, too_large()).await;
    assert!(matches!(refused, Err(ApiError::UnprovenBodiesBusy)));
    first.share.belongs_to(OWNER);
    let second = large(&budget).read(4 << 20, Owner::Anonymous, too_large()).await.unwrap();
    assert_eq!(budget.taken(), 4 << 20);
    drop((first, second));
    assert_eq!(budget.taken(), 0);
}
