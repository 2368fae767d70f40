//! PollItem: the answer comes as soon as the item holds news.

use crate::harness::{Client, Connection, Item, Response, check_error, shared_node, unique};

/// Sends a poll and returns before its answer: what happens next happens while it waits, or before it began.
fn start_poll(client: &Client, pk: &str, sk: &str, token: &str, timeout: &str) -> Connection {
    let request = client.credentials.sign(client.poll_request(pk, sk, token, timeout));
    let mut connection = Connection::open(client.addr).unwrap();
    connection.send(&request.to_bytes()).unwrap();
    connection
}

#[test]
fn news_that_are_there_already_are_answered_at_once() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("at-once");
    let seen = client.write(&pk, "sk", None, "one");
    client.put(&pk, "sk", Some(&seen.token), "two").expect(204);
    let news = Item::of_answer(&client.poll(&pk, "sk", &seen.token, "600").expect(200));
    assert!(news.holds(&[Some("two")]));
}

#[test]
fn a_write_a_deletion_and_a_batch_wake_the_poll() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("wake");
    let mut seen = client.write(&pk, "sk", None, "one");
    for round in 0..3 {
        let mut poll = start_poll(&client, &pk, "sk", &seen.token, "600");
        match round {
            0 => client.put(&pk, "sk", Some(&seen.token), "two").expect(204),
            1 => client.delete(&pk, "sk", Some(&seen.token)).expect(204),
            _ => client.delete_batch(&serde_json::json!([{ "partitionKey": pk }])).expect(200),
        };
        if round == 2 {
            client.fill(&pk, &["sk"]);
        }
        let answer = poll.receive().unwrap().expect(200);
        let news = Item::of_answer(&answer);
        match round {
            0 => assert!(news.holds(&[Some("two")])),
            1 => assert!(news.holds(&[None])),
            _ => assert!(news.values.contains(&Some(b"sk".to_vec()))),
        }
        seen = news;
    }
}

#[test]
fn without_news_the_timeout_is_answered_with_304_and_nothing_else() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("timeout");
    let seen = client.write(&pk, "sk", None, "one");
    let answer = client.poll(&pk, "sk", &seen.token, "1").expect(304);
    assert!(answer.body.is_empty());
    let zero = client.poll(&pk, "sk", &seen.token, "0").expect(304);
    assert!(zero.body.is_empty(), "a timeout of 0 is raised to a second");
}

#[test]
fn writes_to_other_items_do_not_wake_it() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("others");
    let seen = client.write(&pk, "sk", None, "one");
    let mut poll = start_poll(&client, &pk, "sk", &seen.token, "2");
    for sk in ["other", "s", "sk2"] {
        client.put(&pk, sk, None, "x").expect(204);
    }
    assert_eq!(poll.receive().unwrap().status, 304);
}

#[test]
fn many_polls_of_one_item_are_all_woken() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("crowd");
    let seen = client.write(&pk, "sk", None, "one");
    let mut polls: Vec<_> = (0..50).map(|_| start_poll(&client, &pk, "sk", &seen.token, "600")).collect();
    client.put(&pk, "sk", Some(&seen.token), "two").expect(204);
    for poll in &mut polls {
        assert!(Item::of_answer(&poll.receive().unwrap().expect(200)).holds(&[Some("two")]));
    }
}

#[test]
fn a_poll_is_answered_in_the_form_that_it_accepts() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("poll-accept");
    let seen = client.write(&pk, "sk", None, "one");
    let poll = |accept| {
        let request = client.poll_request(&pk, "sk", &seen.token, "600").with("accept", accept);
        client.call(request)
    };
    client.put(&pk, "sk", Some(&seen.token), "two").expect(204);
    let raw = poll("application/octet-stream").expect(200);
    assert_eq!(
        (raw.body.as_slice(), raw.header("content-type")),
        (&b"two"[..], Some("application/octet-stream"))
    );
    let token = raw.token();
    check_error(&poll("text/html"), 406, "NotAcceptable");
    client.put(&pk, "sk", None, "three").expect(204);
    let conflict: Response = poll("application/octet-stream").expect(409);
    assert!(conflict.body.is_empty());
    let both = client.read(&pk, "sk");
    assert_ne!(both.token, token);
    client.delete(&pk, "sk", Some(&both.token)).expect(204);
    poll("application/octet-stream").expect(204);
}

#[test]
fn a_timeout_that_is_no_number_of_seconds_is_refused() {
    let node = shared_node();
    let client = node.client();
    let pk = unique("bad-timeout");
    let seen = client.write(&pk, "sk", None, "one");
    for timeout in ["-1", "x", "1s"] {
        check_error(&client.poll(&pk, "sk", &seen.token, timeout), 400, "InvalidRequest");
    }
}
