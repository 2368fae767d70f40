use super::*;
use actix_web::error::PayloadError;
use futures_util::stream;

fn chunks(chunks: &'static [&'static str], announced: Option<u64>) -> UnreadBody {
    let pieces =
        stream::iter(chunks.iter().map(|chunk| Ok::<_, PayloadError>(Bytes::from_static(chunk.as_bytes()))));
    UnreadBody { payload: Payload::Stream { payload: Box::pin(pieces) }, announced, budget: Arc::default() }
}

fn too_large() -> ApiError {
    ApiError::BodyTooLarge { bytes_max: 4 }
}

#[actix_web::test]
async fn a_body_is_read_up_to_its_cap_however_it_is_cut() {
    let mut body = chunks(&["ab", "", "cd"], None);
    assert_eq!(body.read(4, Trust::Proven, too_large()).await.unwrap().bytes, "abcd");
    let mut body = chunks(&["abcd"], Some(4));
    assert_eq!(body.read(4, Trust::Proven, too_large()).await.unwrap().bytes, "abcd");
    let mut body = chunks(&["ab", "cde"], None);
    assert!(matches!(body.read(4, Trust::Proven, too_large()).await, Err(ApiError::BodyTooLarge { .. })));
}

#[actix_web::test]
async fn an_announced_length_over_the_cap_is_refused_before_a_byte_is_read() {
    let never = stream::pending::<Result<Bytes, PayloadError>>();
    let mut body = UnreadBody {
        payload: Payload::Stream { payload: Box::pin(never) },
        announced: Some(5),
        budget: Arc::default(),
    };
    assert!(matches!(body.read(4, Trust::Proven, too_large()).await, Err(ApiError::BodyTooLarge { .. })));
}

#[actix_web::test]
async fn a_body_that_stops_coming_is_given_up() {
    tokio::time::pause();
    let stalls = stream::iter([Ok::<_, PayloadError>(Bytes::from_static(b"a"))]).chain(stream::pending());
    let mut body = UnreadBody {
        payload: Payload::Stream { payload: Box::pin(stalls) },
        announced: Some(4),
        budget: Arc::default(),
    };
    assert!(matches!(body.read(4, Trust::Proven, too_large()).await, Err(ApiError::BodyTimeout)));
}

#[actix_web::test]
async fn a_body_that_breaks_off_is_no_body() {
    let broken = stream::iter([Ok(Bytes::from_static(b"ab")), Err(PayloadError::Incomplete(None))]);
    let mut body = UnreadBody {
        payload: Payload::Stream { payload: Box::pin(broken) },
        announced: Some(4),
        budget: Arc::default(),
    };
    assert!(matches!(body.read(4, Trust::Proven, too_large()).await, Err(ApiError::BodyIncomplete)));
}

#[actix_web::test]
async fn large_bodies_share_one_budget_and_give_it_back() {
    let budget = Arc::new(BodyBudget::default());
    let piece = Bytes::from(vec![0; 1 << 20]);
    let large = |budget: &Arc<BodyBudget>| {
        let pieces = stream::iter([piece.clone(), piece.clone()].map(Ok::<_, PayloadError>));
        UnreadBody {
            payload: Payload::Stream { payload: Box::pin(pieces) },
            announced: None,
            budget: Arc::clone(budget),
        }
    };
    let held = large(&budget).read(4 << 20, Trust::Proven, too_large()).await.unwrap();
    assert_eq!(budget.taken.load(Ordering::Relaxed), (2 << 20) - UNCOUNTED_BODY_BYTES_MAX);
    budget.taken.fetch_add(BODIES_BYTES_MAX - (3 << 20), Ordering::Relaxed);
    assert!(matches!(
        large(&budget).read(4 << 20, Trust::Proven, too_large()).await,
        Err(ApiError::BodiesBusy)
    ));
    drop(held);
    assert_eq!(budget.taken.load(Ordering::Relaxed), BODIES_BYTES_MAX - (3 << 20));
}

#[actix_web::test]
async fn bodies_that_prove_nothing_yet_fill_only_their_part_of_the_budget() {
    let budget = Arc::new(BodyBudget::default());
    let piece = Bytes::from(vec![0; 1 << 20]);
    let large = |trust| {
        let pieces = stream::iter([piece.clone(), piece.clone()].map(Ok::<_, PayloadError>));
        let mut body = UnreadBody {
            payload: Payload::Stream { payload: Box::pin(pieces) },
            announced: None,
            budget: Arc::clone(&budget),
        };
        async move { body.read(4 << 20, trust, too_large()).await }
    };
    let counted = (2 << 20) - UNCOUNTED_BODY_BYTES_MAX;
    let mut first = large(Trust::Claimed).await.unwrap();
    budget.unproven.fetch_add(UNPROVEN_BODIES_BYTES_MAX - (3 << 20), Ordering::Relaxed);
    assert!(matches!(large(Trust::Claimed).await, Err(ApiError::UnprovenBodiesBusy)));
    drop(large(Trust::Proven).await.unwrap());
    first.share.prove();
    let second = large(Trust::Claimed).await.unwrap();
    assert_eq!(budget.taken.load(Ordering::Relaxed), 2 * counted);
    drop((first, second));
    assert_eq!(budget.taken.load(Ordering::Relaxed), 0);
    assert_eq!(budget.unproven.load(Ordering::Relaxed), UNPROVEN_BODIES_BYTES_MAX - (3 << 20));
}
