//! A store that is not there any more, or only in part: the node refuses to start, and says what to do.

use crate::harness::Home;
use crate::harness::node::Node;
use std::fs::{self, File};

/// The last line that a start left in the log, which must have failed.
fn refusal(home: &Home) -> String {
    let mut process = Node::dev_process(home);
    assert_eq!(process.wait().code(), Some(1), "{}", process.log());
    process.log().lines().last().unwrap().to_owned()
}

#[test]
fn a_store_that_is_gone_is_neither_made_anew_nor_mapped() {
    let mut node = Node::dev();
    node.client().put("pk", "sk", None, "value").expect(204);
    node.process().terminate();
    assert!(node.process().wait().success(), "{}", node.log());
    let home = node.kill();
    let (store, aside) = (home.path().join("node/store"), home.path().join("aside"));
    let data = store.join("lane-0-of-1/data.mdb");
    let image = fs::read(&data).unwrap();

    for bytes in [8192, 0] {
        File::options().write(true).open(&data).unwrap().set_len(bytes).unwrap();
        let said = refusal(&home);
        assert!(said.contains("lane-0-of-1: `data.mdb`") && said.contains("Restore it"), "{said}");
        assert_eq!(fs::metadata(&data).unwrap().len(), bytes);
    }
    fs::remove_file(&data).unwrap();
    assert!(refusal(&home).contains("`data.mdb` is missing"));
    assert!(!data.exists());
    fs::write(&data, &image).unwrap();

    fs::rename(&store, &aside).unwrap();
    let said = refusal(&home);
    assert!(said.contains("the folder is missing"), "{said}");
    assert!(said.ends_with(&format!("remove {}", home.path().join("node").display())), "{said}");
    fs::remove_dir_all(&store).unwrap();
    fs::rename(&aside, &store).unwrap();

    let node = Node::dev_in(home, &[]);
    assert!(node.client().read("pk", "sk").holds(&[Some("value")]));
}
