//! `profile add`, `ls` and `use`.

use crate::harness::{Home, shared_node, unique};
use crate::program::Program;
use std::fs;

#[test]
fn a_profile_keeps_what_dev_prints_and_is_used_without_a_variable() {
    let (node, home) = (shared_node(), Home::new());
    let here = Program::at(&node, &unique("profile")).with("XDG_CONFIG_HOME", home.path().to_str().unwrap());
    here.ok("put pk sk value");
    let added = here.ok("profile add home");
    assert!(added.err.contains("home is in ") && added.err.contains("it is the default one"), "{added:?}");
    let file = home.path().join("k2v/config.toml");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    let nowhere = Program::nowhere().with("XDG_CONFIG_HOME", home.path().to_str().unwrap());
    assert_eq!(nowhere.ok("get pk sk").text(), "value");

    let again = here.run("profile add home");
    assert!(again.code == 2 && again.err.contains("--replace"), "{again:?}");
    here.ok("profile add home --replace --bucket elsewhere");
    assert_eq!(nowhere.run("get pk sk").code, 3, "the options win when it is added, too");
    let secret = &node.credentials.secret;
    let arguments = ["profile", "add", "work", "--secret-file", "-", "--bucket", here.bucket()];
    assert_eq!(here.with("AWS_SECRET_ACCESS_KEY", "").run_with_input(&arguments, secret.as_bytes()).code, 0);
    assert_eq!(nowhere.ok("--profile work get pk sk").text(), "value");

    let listed = nowhere.ok("profile ls -o json");
    assert!(
        !listed.text().contains(secret.as_str())
            && !nowhere.ok("profile ls").text().contains(secret.as_str())
    );
    let names: Vec<_> = listed.json().as_array().unwrap().iter().map(|row| row["name"].clone()).collect();
    assert_eq!(names, ["home", "work"]);
    assert_eq!((&listed.json()[0]["default"], &listed.json()[1]["default"]), (&true.into(), &false.into()));
    nowhere.ok("profile use work");
    assert_eq!(nowhere.ok("get pk sk").text(), "value");
    assert_eq!(nowhere.ok("profile ls -o raw").text(), "home\nwork\n");

    let unknown = nowhere.run("profile use nobody");
    assert!(unknown.code == 2 && unknown.err.contains("it has home, work"), "{unknown:?}");
    let incomplete = nowhere.run("profile add other");
    assert!(incomplete.code == 2 && incomplete.err.contains("--secret-file FILE"), "{incomplete:?}");
    assert!(fs::read_to_string(&file).unwrap().starts_with("default = \"work\"\n"));
    let help = nowhere.ok("profile ls --help").text();
    assert!(!help.contains("--endpoint") && nowhere.ok("profile add --help").text().contains("--endpoint"));
}
