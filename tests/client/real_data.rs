//! The README's "Try it on real data", as it is printed there.

use crate::harness::Node;
use crate::program::{Program, binary};
use std::path::Path;

#[test]
fn the_debian_package_list_comes_back_byte_for_byte() {
    if !Path::new("/var/lib/dpkg/status").exists() {
        println!("skipped: this is no Debian machine");
        return;
    }
    let node = Node::dev();
    // The lists of everything that could be installed are a hundred times as long: a person may wait for them.
    let program = Program::at(&node, "another").with("DEBIAN_INSTALLED_ONLY", "1");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("client/examples/debian-packages.sh");
    let program = program
        .with("K2V_CLI", binary().to_str().unwrap())
        .with("TROUPE", env!("CARGO_BIN_EXE_troupe"))
        .with("TROUPE_CONFIG_FILE", &node.exports["TROUPE_CONFIG_FILE"]);
    let ran = program.shell(&format!("sh '{}'", script.display()));
    assert_eq!(ran.code, 0, "{ran:?}");
    for line in
        ["every value came back, byte for byte", "du agrees", "the second bucket has the same content"]
    {
        assert!(ran.text().contains(line), "{ran:?}");
    }
    let again = program.shell(&format!("sh '{}'", script.display()));
    assert!(again.code == 1 && again.err.contains("is not empty: `"), "{again:?}");
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    assert!(readme.contains("client/examples/debian-packages.sh"));
}
