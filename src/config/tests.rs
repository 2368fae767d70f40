use super::*;
use std::os::unix::fs::PermissionsExt;

const GARAGE_V2: &str = r#"
metadata_dir = "/var/lib/garage/meta"
data_dir = [ { path = "/mnt/hdd1", capacity = "2T" }, { path = "/mnt/hdd2", read_only = true } ]
db_engine = "sqlite"
metadata_auto_snapshot_interval = "6h"
block_size = "1M"
compression_level = 1
replication_factor = 3
consistency_mode = "degraded"
lmdb_map_size = "1T"
rpc_bind_addr = "[::]:3901"
rpc_public_addr = "192.0.2.1:3901"
rpc_secret = "4425f5c26c5e11581d3223904324dcb5b5d5dfb14e5e7f35e38c595424f5f1e6"
bootstrap_peers = [ "563e1ac825ee3323aa441e72c26d1030d6d4414aeb3dd25287c531e7fc2bc95d@10.0.0.11:3901" ]

[consul_discovery]
api = "catalog"
anything = { nested = true }

[s3_api]
api_bind_addr = "[::]:3900"
s3_region = "here"
root_domain = ".s3.garage.localhost"

[k2v_api]
api_bind_addr = "[::]:3904"

[s3_web]
bind_addr = "[::]:3902"

[admin]
api_bind_addr = "/run/garage/admin.sock"
admin_token = "open sesame"
metrics_token = "numbers"
trace_sink = "http://localhost:4317"
"#;

fn parse(text: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let environment =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Config::parse(Path::new("garage.toml"), text, &environment)
}

/// What the person reads who wrote `text`.
fn check_error(text: &str, expect: &str) {
    let text = format!("metadata_dir = \"/m\"\nreplication_factor = 1\n{text}");
    assert_eq!(parse(&text, &[]).map(|_| ()).map_err(|e| e.to_string()), Err(expect.to_owned()));
}

fn minimal(environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    parse("metadata_dir = \"/m\"\nreplication_factor = 1", environment)
}

#[test]
fn an_existing_garage_file_works_unchanged() {
    let config = parse(GARAGE_V2, &[]).unwrap();
    assert_eq!(config.metadata_dir, Path::new("/var/lib/garage/meta"));
    assert_eq!(config.replication_factor.get(), 3);
    assert_eq!(config.consistency_mode, ConsistencyMode::Degraded);
    assert_eq!(config.store.map_size_bytes, 1_000_000_000_000);
    assert_eq!(config.rpc.public_addr.as_deref(), Some("192.0.2.1:3901"));
    assert_eq!(config.rpc.bootstrap_peers.len(), 1);
    assert_eq!(config.k2v.bind_addr, Some(ListenAddr::Tcp("[::]:3904".to_owned())));
    assert_eq!(config.k2v.region, "here");
    assert_eq!(config.admin.bind_addr, Some(ListenAddr::Unix("/run/garage/admin.sock".into())));
    assert_eq!(config.admin.admin_token, Some(Secret::new("open sesame")));
}

#[test]
fn what_only_concerns_objects_is_named_in_one_line() {
    let config = parse(GARAGE_V2, &[]).unwrap();
    assert_eq!(
        config.notices,
        [
            "ignored, as they concern what Troupe does not have: admin.trace_sink, block_size, compression_level, \
             [consul_discovery], data_dir, metadata_auto_snapshot_interval, s3_api.api_bind_addr, s3_api.root_domain, \
             [s3_web]",
            "db_engine = \"sqlite\" is not used: Troupe keeps everything in LMDB",
        ]
    );
}

#[test]
fn an_unknown_key_is_an_error_that_names_the_line_and_the_nearest_key() {
    check_error(
        "rpc_bind_adr = \"x\"",
        "garage.toml:3: unknown key `rpc_bind_adr`, did you mean `rpc_bind_addr`?",
    );
    check_error(
        "[k2v_api]\n\napi_bind_address = \"x\"",
        "garage.toml:5: unknown key `k2v_api.api_bind_address`, did you mean `k2v_api.api_bind_addr`?",
    );
    check_error(
        "durability = \"commit\"",
        "garage.toml:3: unknown key `durability`, did you mean `troupe.durability`?",
    );
    check_error("[colours]\nsky = 1", "garage.toml:3: unknown key `colours`");
}

fn expected_peers() -> String {
    "garage.toml:3: `bootstrap_peers` must be a list of \"<node id>@<host>:<port>\" or \"<host>:<port>\""
        .to_owned()
}

#[test]
fn peers_are_read_with_and_without_an_id_and_need_a_secret() {
    for peers in ["[\"node1\"]", "[\"abc@node1:3901\"]", "\"node1:0\""] {
        check_error(&format!("bootstrap_peers = {peers}"), &expected_peers());
    }
    let text = "metadata_dir = \"/m\"\nreplication_factor = 1\nbootstrap_peers = [\"node1:3901\"]";
    let config = parse(text, &[]).unwrap();
    assert_eq!(config.rpc.bootstrap_peers, ["node1:3901".parse().unwrap()]);
    assert!(config.notices.concat().contains("no effect without `rpc_secret`"), "{:?}", config.notices);
}

#[test]
fn a_value_of_the_wrong_kind_is_an_error_that_says_what_is_expected() {
    check_error("lmdb_map_size = \"lots\"", &expected_size("lmdb_map_size"));
    check_error("lmdb_map_size = 0", &expected_size("lmdb_map_size"));
    check_error("lmdb_map_size = -5", &expected_size("lmdb_map_size"));
    check_error(
        "consistency_mode = \"eventual\"",
        "garage.toml:3: `consistency_mode` must be \"consistent\", \"degraded\" or \"dangerous\"",
    );
    assert_eq!(
        parse("metadata_dir = \"/m\"\nreplication_factor = 8", &[]).unwrap_err().to_string(),
        "garage.toml:2: `replication_factor` must be a whole number from 1 to 7"
    );
    check_error("bootstrap_peers = [1]", &expected_peers());
    check_error("[troupe]\nlanes = 0", "garage.toml:4: `troupe.lanes` must be a whole number from 1 to 1024");
    check_error(
        "[troupe]\nlanes = \"two\"",
        "garage.toml:4: `troupe.lanes` must be a whole number from 1 to 1024",
    );
    check_error(
        "rpc_public_addr = 3901",
        "garage.toml:3: `rpc_public_addr` must be a host and a port, as \"node1.example:3901\"",
    );
    check_error(
        "[k2v_api]\ns3_region = \"\"",
        "garage.toml:4: `k2v_api.s3_region` must be text in quotes, not empty",
    );
    check_error(
        "[troupe]\nvalue_bytes_max = \"2GiB\"",
        "garage.toml:4: `troupe.value_bytes_max` must be a number of bytes such as 1048576 or \"1MiB\", at most 1GiB",
    );
    check_error("k2v_api = 4", "garage.toml:3: `k2v_api` is a section: write [k2v_api], and its keys below");
}

#[test]
fn a_secret_of_another_form_is_used_and_noted_without_being_told() {
    let text = "metadata_dir = \"/m\"\nreplication_factor = 1\nrpc_secret = \"your-rpc-secret\"";
    let config = parse(text, &[]).unwrap();
    assert_eq!(config.rpc.secret, Some(Secret::new("your-rpc-secret")));
    let notices = config.notices.join("\n");
    assert!(notices.contains("`rpc_secret` is not 64 hex digits"), "{notices}");
    assert!(!notices.contains("your-rpc-secret"), "{notices}");
    assert!(parse(GARAGE_V2, &[]).unwrap().notices.iter().all(|notice| !notice.contains("rpc_secret")));
}

fn expected_size(key: &str) -> String {
    format!("garage.toml:3: `{key}` must be a number of bytes such as 1048576, \"10G\" or \"10GiB\"")
}

#[test]
fn a_file_that_is_not_toml_is_an_error_with_its_line() {
    let error = parse("metadata_dir = \"/m\"\nreplication_factor = = 1", &[]).unwrap_err().to_string();
    assert!(error.starts_with("garage.toml:2: not valid TOML: "), "{error}");
}

#[test]
fn what_a_node_cannot_do_without_is_asked_for() {
    assert_eq!(
        parse("replication_factor = 1", &[]).unwrap_err().to_string(),
        "`metadata_dir` is not set: add it to garage.toml, or set TROUPE_METADATA_DIR"
    );
    assert_eq!(
        parse("metadata_dir = \"\"", &[]).unwrap_err().to_string(),
        "garage.toml:1: `metadata_dir` must be text in quotes, not empty"
    );
    assert_eq!(
        parse("metadata_dir = \"/m\"", &[]).unwrap_err().to_string(),
        "`replication_factor` is not set: add it to garage.toml, or set TROUPE_REPLICATION_FACTOR"
    );
}

#[test]
fn the_replication_mode_of_old_files_means_factor_and_consistency() {
    let check = |mode: &str, factor, consistency| {
        let config = parse(&format!("metadata_dir = \"/m\"\nreplication_mode = {mode}"), &[]).unwrap();
        assert_eq!(
            (config.replication_factor.get(), config.consistency_mode),
            (factor, consistency),
            "{mode}"
        );
    };
    check("\"none\"", 1, ConsistencyMode::Consistent);
    check("\"3\"", 3, ConsistencyMode::Consistent);
    check("3", 3, ConsistencyMode::Consistent);
    check("\"3-degraded\"", 3, ConsistencyMode::Degraded);
    check("\"2-dangerous\"", 2, ConsistencyMode::Dangerous);
    check_error(
        "replication_mode = \"3\"",
        "garage.toml:3: `replication_mode` and `replication_factor` (garage.toml:2) exclude each other: keep one",
    );
}

#[test]
fn limits_under_which_an_item_could_not_be_stored_are_refused() {
    check_error(
        "[troupe]\nconcurrent_values_max = 300_000_000",
        "garage.toml:4: the limits allow an item of 6304201454 bytes, and the store holds items of 4294967295 at most: \
         lower `troupe.concurrent_values_max`",
    );
    let text = "metadata_dir = \"/m\"\nreplication_factor = 1\n[troupe]\nvalue_bytes_max = \"1GiB\"\n\
                item_bytes_max = \"1GiB\"\nconcurrent_values_max = 100_000_000";
    assert_eq!(parse(text, &[]).unwrap().requests.concurrent_values_max, 100_000_000);
}

#[test]
fn every_type_of_key_can_come_from_the_environment_which_wins_over_the_file() {
    let peers = format!("{}@b:1, d:2", "ab".repeat(32));
    let config = minimal(&[
        ("TROUPE_METADATA_DIR", "/elsewhere"),
        ("TROUPE_REPLICATION_FACTOR", "2"),
        ("TROUPE_BOOTSTRAP_PEERS", &peers),
        ("TROUPE_LMDB_MAP_SIZE", "10GiB"),
        ("TROUPE_K2V_API__API_BIND_ADDR", "127.0.0.1:0"),
        ("TROUPE_DURABILITY", "relaxed"),
        ("TROUPE_ADMIN__METRICS_REQUIRE_TOKEN", "true"),
        ("GARAGE_ADMIN_TOKEN", "from garage"),
        ("TROUPE_LANES", ""),
    ])
    .unwrap();
    assert_eq!(config.metadata_dir, Path::new("/elsewhere"));
    assert_eq!(config.replication_factor.get(), 2);
    let expected = peers.split(", ").map(|peer| peer.parse().unwrap()).collect::<Vec<_>>();
    assert_eq!(config.rpc.bootstrap_peers, expected);
    assert_eq!(config.store.map_size_bytes, 10 << 30);
    assert_eq!(config.k2v.bind_addr, Some(ListenAddr::Tcp("127.0.0.1:0".to_owned())));
    assert_eq!(config.store.durability, Durability::Relaxed);
    assert!(config.admin.metrics_require_token);
    assert_eq!(config.admin.admin_token, Some(Secret::new("from garage")));
}

#[test]
fn our_variable_wins_over_garages_and_a_bad_one_is_named() {
    let config = minimal(&[("GARAGE_ADMIN_TOKEN", "theirs"), ("TROUPE_ADMIN__ADMIN_TOKEN", "ours")]).unwrap();
    assert_eq!(config.admin.admin_token, Some(Secret::new("ours")));
    assert_eq!(
        minimal(&[("TROUPE_LANES", "many")]).unwrap_err().to_string(),
        "environment variable TROUPE_LANES: `troupe.lanes` must be a whole number from 1 to 1024"
    );
}

#[test]
fn a_variable_that_nobody_knows_is_noted_but_does_not_stop_the_node() {
    let config = minimal(&[("TROUPE_METADATA_DIRR", "/x"), ("TROUPE_PORT", "tcp://10.0.0.1:3904")]).unwrap();
    assert_eq!(
        config.notices,
        [
            "environment variable TROUPE_METADATA_DIRR means nothing to Troupe (did you mean TROUPE_METADATA_DIR?)",
            "environment variable TROUPE_PORT means nothing to Troupe",
        ]
    );
}

#[test]
fn a_secret_may_lie_in_a_file_that_nobody_else_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "open sesame\n").unwrap();
    let text = format!(
        "metadata_dir = \"/m\"\nreplication_factor = 1\n[admin]\nadmin_token_file = \"{}\"",
        file.display()
    );
    let set_mode = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();

    set_mode(0o644);
    let error = parse(&text, &[]).unwrap_err().to_string();
    assert!(error.contains("can be read by others (mode 0644): run chmod 600"), "{error}");
    assert!(!error.contains("sesame"));
    let allowed = parse(&text, &[("GARAGE_ALLOW_WORLD_READABLE_SECRETS", "true")]).unwrap();
    assert_eq!(allowed.admin.admin_token, Some(Secret::new("open sesame")));

    set_mode(0o600);
    assert_eq!(parse(&text, &[]).unwrap().admin.admin_token, Some(Secret::new("open sesame")));
    let from_environment = parse(&text, &[("TROUPE_ADMIN__ADMIN_TOKEN", "stronger")]).unwrap();
    assert_eq!(from_environment.admin.admin_token, Some(Secret::new("stronger")));

    let both = format!("{text}\nadmin_token = \"x\"");
    assert!(matches!(parse(&both, &[]), Err(ConfigError::Twice { .. })));
    let missing = text.replace("/token", "/absent");
    assert!(matches!(parse(&missing, &[]), Err(ConfigError::SecretFile { .. })));
    std::fs::write(&file, "\n").unwrap();
    assert!(matches!(parse(&text, &[]), Err(ConfigError::Invalid { .. })));
}

#[test]
fn no_secret_shows_in_debug_output() {
    let shown = format!("{:?}", parse(GARAGE_V2, &[]).unwrap());
    for secret in ["4425f5c26c5e", "open sesame", "numbers"] {
        assert!(!shown.contains(secret));
    }
}
