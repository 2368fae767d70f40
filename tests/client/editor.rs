//! `resolve` in an editor: a script that stands for one.

use crate::harness::Home;
use crate::program::Program;
use std::fs;

fn plant(program: &Program, sk: &str) {
    program.ok_args(&["put", "pk", sk, "pear"]);
    program.ok_args(&["put", "pk", sk, "# apple", "--blind"]);
}

#[test]
fn a_conflict_is_resolved_in_the_editor_with_every_sibling_in_sight() {
    let (program, home) = (Program::shared("editor"), Home::new());
    let seen = home.path().join("seen");
    let editor = |script: &str| {
        let script = format!("cp \"$1\" '{}'; {script}", seen.display());
        let path = home.write("editor.sh", &script);
        program.with("EDITOR", &format!("sh {}", path.display()))
    };
    plant(&program, "sk");
    let resolve = ["resolve", "pk", "sk", "--edit"];
    for (script, why) in [
        ("true", "the file was not changed"),
        (": > \"$1\"", "the file was empty"),
        ("exit 3", "the editor failed"),
    ] {
        let ran = editor(script).run_args(&resolve);
        assert!(ran.code == 1 && ran.err.contains("nothing was done") && ran.err.contains(why), "{ran:?}");
    }
    let buffer = fs::read_to_string(&seen).unwrap();
    for text in [
        "; Item pk / sk holds 2 concurrent values",
        "; --- value 1 of 2\n# apple\n",
        "; --- value 2 of 2\npear\n",
    ] {
        assert!(buffer.contains(text), "{buffer}");
    }
    assert_eq!(program.run("get pk sk").code, 4, "nothing was written so far");

    // VISUAL wins over EDITOR, and may have arguments.
    let both = editor("exit 3").with("VISUAL", "sed -i s/pear/plum/");
    both.ok_args(&resolve);
    assert_eq!(program.ok("get pk sk").text(), "# apple\nplum");
    assert!(both.ok_args(&resolve).err.contains("nothing to resolve"));

    plant(&program, "dry");
    let dry = editor("sed -i /pear/d \"$1\"").ok("resolve pk dry --edit --dry-run");
    assert!(dry.text().contains("would write dry: # apple"), "{dry:?}");
    assert_eq!(editor("true").run("resolve pk dry").code, 2, "without a terminal it is not opened unasked");
    program.ok_args(&["put", "pk", "bytes", "text"]);
    program.ok("insert pk bytes -b /w==");
    let refused = editor("true").run("resolve pk bytes --edit");
    assert!(refused.code == 2 && refused.err.contains("is not text"), "{refused:?}");
}
