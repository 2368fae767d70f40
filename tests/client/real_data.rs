//! The README's "Try it on real data", as it is printed there.

use crate::harness::{shared_node, unique};
use crate::program::{Program, binary};
use std::path::Path;

#[test]
fn the_debian_package_list_comes_back_byte_for_byte() {
    if !Path::new("/var/lib/dpkg/status").exists() {
        println!("skipped: this is no Debian machine");
        return;
    }
    let node = shared_node();
    let second = unique("packages-again");
    Program::at(&node, &second);
    // The lists of everything that could be installed are a hundred times as long: a person may wait for them.
    let program = Program::at(&node, &unique("packages")).with("DEBIAN_INSTALLED_ONLY", "1");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("client/examples/debian-packages.sh");
    let ran = program
        .with("K2V_CLI", binary().to_str().unwrap())
        .shell(&format!("sh '{}' {second}", script.display()));
    assert_eq!(ran.code, 0, "{ran:?}");
    for line in
        ["every value came back, byte for byte", "du agrees", "the second bucket has the same content"]
    {
        assert!(ran.text().contains(line), "{ran:?}");
    }
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    assert!(readme.contains("client/examples/debian-packages.sh"));
}
