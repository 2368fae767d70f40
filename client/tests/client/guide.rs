//! The example of the public guide, word for word but for its address and keys.

use crate::server::{KEY, SECRET, Server};

/// The body of the guide's `main`; the crate's documentation holds the whole program.
async fn guide(endpoint: &str, access_key: &str, secret_key: &str) -> String {
    use k2v_client::K2vClient;

    let client = K2vClient::new("garage", endpoint, access_key, secret_key).unwrap();

    // Insert a value
    client.insert_item("my-bucket", "partition1", "sort-key1", b"value data", None).await.unwrap();

    // Read a value
    let value = client.read_item("my-bucket", "partition1", "sort-key1").await.unwrap();

    format!("Value: {value:?}")
}

#[tokio::test]
async fn the_guide_inserts_and_reads_a_value() {
    let server = Server::start().await;
    let printed = guide(&server.endpoint(), KEY, SECRET).await;
    assert!(printed.starts_with("Value: "), "{printed}");
    assert!(printed.contains("value data"), "{printed}");
    assert_eq!(
        server.store().read("partition1", "sort-key1").unwrap().values(),
        [Some(b"value data".to_vec())]
    );
}
