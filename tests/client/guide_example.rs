use k2v_client::K2vClient;

#[tokio::main]
async fn main() {
    let client = K2vClient::new(
        "garage",
        "http://localhost:3902",
        "access_key",
        "secret_key",
    ).unwrap();

    // Insert a value
    client.insert_item(
        "my-bucket",
        "partition1",
        "sort-key1",
        b"value data",
        None,
    ).await.unwrap();

    // Read a value
    let value = client.read_item(
        "my-bucket",
        "partition1",
        "sort-key1",
    ).await.unwrap();

    println!("Value: {:?}", value);
}
