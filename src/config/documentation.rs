//! `docs/configuration.md` and `deploy/troupe.toml` against the list of keys and the defaults.

use super::keys::{IGNORED_SECTIONS, KEYS, Key, Use};
use super::{Bytes, Config, OTHER_VARIABLES};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn repository(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The cells of the table row of every key, without their backquotes.
fn documented_keys() -> BTreeMap<String, Vec<String>> {
    let page = repository("docs/configuration.md");
    let rows = page.lines().filter(|line| line.starts_with("| `") && line.matches('|').count() == 6);
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(|cell| cell.trim().replace('`', "")).collect();
        (cells[1].clone(), cells[2..6].to_vec())
    })
    .collect()
}

/// What the file takes for `key`, as the page says it: values that it must take, and values that it must not.
fn samples(kind: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        "text" => (&[], &["3", "true"]),
        "integer" => (&["3"], &["true", "0.5", "\"x\""]),
        "boolean" => (&["true", "false"], &["3", "\"x\""]),
        "list" => (&["[\"x:1\"]"], &["3", "[3]"]),
        "size" => (&["1048576", "\"1MiB\""], &["true", "\"x\""]),
        "anything" => (&["3", "\"3\""], &[]),
        other => panic!("nothing takes {other}"),
    }
}

/// A file with this key and what no file can do without.
fn with_key(key: &str, value: &str) -> String {
    let needed = [("metadata_dir", "\"/m\""), ("replication_factor", "1")];
    let needed = needed
        .into_iter()
        .filter(|(name, _)| *name != key && !(*name == "replication_factor" && key == "replication_mode"));
    let needed: String = needed.map(|(name, value)| format!("{name} = {value}\n")).collect();
    match key.split_once('.') {
        None => format!("{needed}{key} = {value}\n"),
        Some((section, key)) => format!("{needed}[{section}]\n{key} = {value}\n"),
    }
}

#[test]
fn every_obeyed_key_is_documented_with_its_variables_and_no_other_is() {
    let mut documented = documented_keys();
    for key in KEYS.iter().filter(|key| key.used == Use::Obeyed) {
        let cells = documented.remove(key.path).unwrap_or_else(|| panic!("{} has no row", key.path));
        let variables = key.variables().collect::<Vec<_>>().join(", ");
        assert_eq!(cells[2], variables, "{}", key.path);
    }
    assert!(documented.is_empty(), "rows without a key: {documented:?}");
}

#[test]
fn every_documented_key_takes_what_the_page_says() {
    for (key, cells) in documented_keys() {
        let parse = |value: &str| {
            Config::parse(Path::new("f.toml"), &with_key(&key, value), &BTreeMap::new()).map(|_| ())
        };
        let (taken, refused) = samples(&cells[0]);
        for value in taken {
            parse(value).unwrap_or_else(|error| panic!("{key} = {value}: {error}"));
        }
        for value in refused {
            let error = parse(value).expect_err(&format!("{key} = {value}")).to_string();
            assert!(error.contains(&format!("`{key}` must be ")), "{key} = {value}: {error}");
        }
    }
}

#[test]
fn every_ignored_key_and_every_other_variable_is_named() {
    let page = repository("docs/configuration.md");
    let ignored = KEYS.iter().filter(|key| key.used == Use::Ignored).map(|key| key.path.to_owned());
    let sections = IGNORED_SECTIONS.iter().map(|section| format!("[{section}]"));
    let variables = OTHER_VARIABLES.iter().map(|variable| (*variable).to_owned());
    for name in ignored.chain(sections).chain(variables) {
        assert!(page.contains(&format!("`{name}`")), "`{name}` is not in docs/configuration.md");
    }
}

#[test]
fn documented_defaults_are_the_defaults() {
    let documented = documented_keys();
    let config = Config::single_node(PathBuf::from("m"));
    let text = |key: &str| documented[key][1].trim_matches('"').to_owned();
    let number = |key: &str| text(key).parse::<u128>().unwrap();
    let bytes = |key: &str| text(key).parse::<Bytes>().unwrap().0;
    assert_eq!(bytes("lmdb_map_size"), config.store.map_size_bytes);
    assert_eq!(bytes("troupe.value_bytes_max"), config.requests.value_bytes_max as u64);
    assert_eq!(bytes("troupe.body_bytes_max"), config.requests.body_bytes_max as u64);
    assert_eq!(number("troupe.concurrent_values_max"), config.requests.concurrent_values_max as u128);
    assert_eq!(bytes("troupe.item_bytes_max"), config.requests.item_bytes_max as u64);
    assert_eq!(number("troupe.clock_window_seconds"), u128::from(config.requests.clock_window.as_secs()));
    assert_eq!(number("troupe.slow_request_ms"), config.requests.slow_request.as_millis());
    assert_eq!(text("rpc_bind_addr"), config.rpc.bind_addr.to_string());
    assert_eq!(text("k2v_api.s3_region"), config.k2v.region);
    assert_eq!(text("troupe.durability"), format!("{:?}", config.store.durability).to_lowercase());
    assert_eq!(text("consistency_mode"), format!("{:?}", config.consistency_mode).to_lowercase());
    assert_eq!(text("admin.metrics_require_token"), config.admin.metrics_require_token.to_string());
}

#[test]
fn the_sample_file_is_valid_and_shows_every_own_key_at_its_default() {
    let sample = repository("deploy/troupe.toml");
    let path = Path::new("deploy/troupe.toml");
    let config = Config::parse(path, &sample, &BTreeMap::new()).unwrap();
    assert_eq!(config.notices, Vec::<String>::new());

    // What is commented out must be valid as well, and change nothing.
    let is_commented_setting = |line: &str| {
        line.strip_prefix('#')
            .is_some_and(|rest| rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()))
    };
    let shown: Vec<_> =
        sample.lines().map(|line| if is_commented_setting(line) { &line[1..] } else { line }).collect();
    let spelled_out = Config::parse(path, &shown.join("\n"), &BTreeMap::new()).unwrap();
    assert_eq!(format!("{:?}", spelled_out.requests), format!("{:?}", config.requests));
    assert_eq!(format!("{:?}", spelled_out.store.durability), format!("{:?}", config.store.durability));
    for own in KEYS.iter().filter_map(|key: &Key| key.path.strip_prefix("troupe.")) {
        assert!(shown.iter().any(|line| line.starts_with(&format!("{own} ="))), "{own} is not shown");
    }
}
