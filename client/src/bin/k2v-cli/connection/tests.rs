use super::*;

/// Settles with an environment of these variables, and this text as the file of profiles.
fn settle_with(
    place: &Place,
    variables: &[(&str, &str)],
    profiles: &str,
) -> Result<(Connection, Vec<String>), Failure> {
    let home = std::env::temp_dir().join(format!("k2v-cli-test-{:032x}", rand::random::<u128>()));
    fs::create_dir_all(home.join("k2v")).unwrap();
    fs::write(home.join("k2v/config.toml"), profiles).unwrap();
    let env = |name: &str| {
        let set = variables.iter().find(|(variable, _)| *variable == name);
        let set = set.map(|(_, value)| (*value).to_owned());
        set.or_else(|| (name == "XDG_CONFIG_HOME").then(|| home.display().to_string()))
    };
    let mut remarks = Vec::new();
    let settled = settle(place, NAMES, &env, &mut |remark| remarks.push(remark));
    fs::remove_dir_all(&home).unwrap();
    settled.map(|connection| (connection, remarks))
}

const VARIABLES: [(&str, &str); 4] = [
    ("K2V_ENDPOINT", "http://env"),
    ("AWS_ACCESS_KEY_ID", "GKenv"),
    ("AWS_SECRET_ACCESS_KEY", "hush-env"),
    ("K2V_BUCKET", "env-bucket"),
];

const PROFILES: &str = "default = \"home\"\n\
    [profile.home]\nendpoint = \"http://home\"\nkey_id = \"GKhome\"\nsecret = \"hush-home\"\nregion = \"moon\"\n\
    [profile.work]\nendpoint = \"http://work\"\nkey_id = \"GKwork\"\nsecret = \"hush-work\"\n";

#[test]
fn the_environment_is_enough() {
    let (connection, _) = settle_with(&Place::default(), &VARIABLES, "").unwrap();
    assert_eq!(connection.endpoint, Setting { value: "http://env".into(), origin: Origin::Environment });
    assert_eq!(connection.region, Setting { value: "garage".into(), origin: Origin::BuiltIn });
    assert_eq!(connection.bucket_name().unwrap(), "env-bucket");
}

#[test]
fn options_win_and_a_named_profile_wins_over_the_environment() {
    let place = Place {
        profile: Some("work".into()),
        bucket: Some("mine".into()),
        endpoint: Some("http://option".into()),
        ..Place::default()
    };
    let (connection, _) = settle_with(&place, &VARIABLES, PROFILES).unwrap();
    assert_eq!(connection.endpoint, Setting { value: "http://option".into(), origin: Origin::Option });
    assert_eq!(connection.key_id, Setting { value: "GKwork".into(), origin: Origin::NamedProfile });
    assert_eq!(connection.secret.value.reveal(), "hush-work");
    assert_eq!(connection.bucket_name().unwrap(), "mine");
}

#[test]
fn the_default_profile_is_weaker_than_the_environment() {
    let (connection, _) = settle_with(&Place::default(), &VARIABLES[..1], PROFILES).unwrap();
    assert_eq!(connection.endpoint.origin, Origin::Environment);
    assert_eq!(connection.key_id, Setting { value: "GKhome".into(), origin: Origin::DefaultProfile });
    assert_eq!(connection.region.value, "moon");
}

#[test]
fn a_profile_may_be_named_by_the_environment() {
    let variables = [("K2V_PROFILE", "work"), ("AWS_ACCESS_KEY_ID", "GKenv")];
    let (connection, _) = settle_with(&Place::default(), &variables, PROFILES).unwrap();
    assert_eq!(connection.key_id.value, "GKwork");
}

#[test]
fn what_is_missing_is_a_usage_error_that_says_how_to_give_it() {
    let failure = settle_with(&Place::default(), &VARIABLES[1..], "").unwrap_err();
    assert_eq!(failure.exit(), crate::failure::Exit::Usage);
    assert!(failure.to_string().contains("K2V_ENDPOINT"), "{failure}");
    let place = Place { profile: Some("nobody".into()), ..Place::default() };
    let failure = settle_with(&place, &VARIABLES, PROFILES).unwrap_err();
    assert!(failure.to_string().contains("it has home, work"), "{failure}");
}

#[test]
fn nothing_that_can_be_printed_holds_a_secret() {
    let (connection, _) = settle_with(&Place::default(), &VARIABLES, PROFILES).unwrap();
    assert!(!format!("{connection:?}").contains("hush"));
    let place = Place { secret: Some("hush".to_owned().into()), ..Place::default() };
    assert!(!format!("{place:?}").contains("hush"));
}

#[cfg(unix)]
#[test]
fn secrets_that_others_can_read_are_remarked_on() {
    let (_, remarks) = settle_with(&Place::default(), &VARIABLES, PROFILES).unwrap();
    assert!(remarks[0].contains("chmod 600"), "{remarks:?}");
}
