//! Every key that the configuration may hold: what Troupe does with it, and its environment variables. What an obeyed
//! key takes is in `shape.rs`.

/// What Troupe does with a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Use {
    /// It is obeyed.
    Obeyed,
    /// It belongs to what Troupe does not have (objects, blocks, websites, other engines): named once and ignored.
    Ignored,
}

/// A known key.
#[derive(Debug)]
pub(super) struct Key {
    /// `key` or `section.key`.
    pub(super) path: &'static str,
    pub(super) used: Use,
    /// Garage's own environment variable for it, if there is one.
    pub(super) garage_env: Option<&'static str>,
}

/// Sections of which nothing is read: any key in them is ignored.
pub(super) const IGNORED_SECTIONS: [&str; 3] = ["s3_web", "consul_discovery", "kubernetes_discovery"];

/// The section of what only Troupe has. Its keys leave the section out of their environment variables.
pub(super) const OWN_SECTION: &str = "troupe";

/// Every known key.
pub(super) const KEYS: &[Key] = &[
    obeyed("metadata_dir"),
    obeyed("replication_factor"),
    obeyed("replication_mode"),
    obeyed("consistency_mode"),
    obeyed("db_engine"),
    obeyed("lmdb_map_size"),
    from_garage("rpc_secret", "GARAGE_RPC_SECRET"),
    from_garage("rpc_secret_file", "GARAGE_RPC_SECRET_FILE"),
    obeyed("rpc_bind_addr"),
    obeyed("rpc_public_addr"),
    obeyed("bootstrap_peers"),
    Key {
        path: "allow_world_readable_secrets",
        used: Use::Obeyed,
        garage_env: Some("GARAGE_ALLOW_WORLD_READABLE_SECRETS"),
    },
    obeyed("s3_api.s3_region"),
    obeyed("k2v_api.api_bind_addr"),
    obeyed("k2v_api.s3_region"),
    obeyed("admin.api_bind_addr"),
    from_garage("admin.admin_token", "GARAGE_ADMIN_TOKEN"),
    from_garage("admin.admin_token_file", "GARAGE_ADMIN_TOKEN_FILE"),
    from_garage("admin.metrics_token", "GARAGE_METRICS_TOKEN"),
    from_garage("admin.metrics_token_file", "GARAGE_METRICS_TOKEN_FILE"),
    obeyed("admin.metrics_require_token"),
    obeyed("troupe.bootstrap_expect"),
    obeyed("troupe.zone"),
    obeyed("troupe.capacity"),
    obeyed("troupe.durability"),
    obeyed("troupe.lanes"),
    obeyed("troupe.http_workers"),
    obeyed("troupe.connections_max"),
    obeyed("troupe.shard_workers"),
    obeyed("troupe.value_bytes_max"),
    obeyed("troupe.body_bytes_max"),
    obeyed("troupe.concurrent_values_max"),
    obeyed("troupe.item_bytes_max"),
    obeyed("troupe.clock_window_seconds"),
    obeyed("troupe.slow_request_ms"),
    ignored("data_dir"),
    ignored("data_fsync"),
    ignored("metadata_fsync"),
    ignored("metadata_auto_snapshot_interval"),
    ignored("metadata_snapshots_dir"),
    ignored("disable_scrub"),
    ignored("use_local_tz"),
    ignored("block_size"),
    ignored("block_ram_buffer_max"),
    ignored("block_max_concurrent_reads"),
    ignored("block_max_concurrent_writes_per_request"),
    ignored("compression_level"),
    ignored("allow_punycode"),
    ignored("sled_cache_capacity"),
    ignored("sled_flush_every_ms"),
    ignored("fjall_block_cache_size"),
    ignored("rpc_bind_outgoing"),
    ignored("rpc_public_addr_subnet"),
    ignored("rpc_timeout_msec"),
    ignored("rpc_ping_timeout_msec"),
    ignored("s3_api.api_bind_addr"),
    ignored("s3_api.root_domain"),
    ignored("admin.trace_sink"),
];

const fn obeyed(path: &'static str) -> Key {
    Key { path, used: Use::Obeyed, garage_env: None }
}

const fn from_garage(path: &'static str, variable: &'static str) -> Key {
    Key { path, used: Use::Obeyed, garage_env: Some(variable) }
}

const fn ignored(path: &'static str) -> Key {
    Key { path, used: Use::Ignored, garage_env: None }
}

/// The known key at `path`.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// Whether `name` is a section in which some key is known.
pub(super) fn is_section(name: &str) -> bool {
    KEYS.iter().any(|key| key.path.split_once('.').is_some_and(|(section, _)| section == name))
}

/// The key or section name closest to what somebody wrote, if one is close enough to be what they meant.
///
/// Candidates are whole paths, so that a key written in the wrong section is found as well.
pub(super) fn nearest(path: &str) -> Option<&'static str> {
    let closeness = |candidate: &str| {
        let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
        let by_path = strsim::damerau_levenshtein(path, candidate);
        // The right key in the wrong section is one mistake.
        let by_name = strsim::damerau_levenshtein(&last(path), &last(candidate)) + 1;
        by_path.min(by_name)
    };
    let sections = IGNORED_SECTIONS.into_iter().chain(["s3_api", "k2v_api", "admin", OWN_SECTION]);
    let known = KEYS.iter().map(|key| key.path).chain(sections);
    let (distance, candidate) = known.map(|known| (closeness(known), known)).min()?;
    (distance <= 2.max(path.len() / 4)).then_some(candidate)
}

impl Key {
    /// Its environment variables, the strongest first: `TROUPE_` and the path in capitals, sections apart by `__`.
    pub(super) fn variables(&self) -> impl Iterator<Item = String> {
        let own = self.path.strip_prefix("troupe.").unwrap_or(self.path);
        let own = format!("TROUPE_{}", own.replace('.', "__").to_uppercase());
        std::iter::once(own).chain(self.garage_env.map(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_spell_the_path_and_our_own_section_is_left_out() {
        let variables = |path| find(path).unwrap().variables().collect::<Vec<_>>();
        assert_eq!(variables("metadata_dir"), ["TROUPE_METADATA_DIR"]);
        assert_eq!(variables("k2v_api.api_bind_addr"), ["TROUPE_K2V_API__API_BIND_ADDR"]);
        assert_eq!(variables("troupe.durability"), ["TROUPE_DURABILITY"]);
        assert_eq!(variables("rpc_secret"), ["TROUPE_RPC_SECRET", "GARAGE_RPC_SECRET"]);
    }

    #[test]
    fn no_key_is_listed_twice_and_no_two_share_a_variable() {
        let mut paths: Vec<_> = KEYS.iter().map(|key| key.path).collect();
        let mut variables: Vec<_> = KEYS.iter().flat_map(Key::variables).collect();
        let (path_count, variable_count) = (paths.len(), variables.len());
        paths.sort_unstable();
        paths.dedup();
        variables.sort_unstable();
        variables.dedup();
        assert_eq!((paths.len(), variables.len()), (path_count, variable_count));
    }

    #[test]
    fn the_nearest_key_is_the_one_that_was_meant_or_none() {
        assert_eq!(nearest("replication_facto"), Some("replication_factor"));
        assert_eq!(nearest("k2v_api.api_bind_address"), Some("k2v_api.api_bind_addr"));
        assert_eq!(nearest("durability"), Some("troupe.durability"));
        assert_eq!(nearest("k2v"), None);
        assert_eq!(nearest("k2v_apii"), Some("k2v_api"));
        assert_eq!(nearest("completely_unrelated"), None);
    }
}
