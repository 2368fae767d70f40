//! The public guide's client, word for word.

use crate::harness::Node;
use crate::program::Program;

/// As the guide has it.
const COMMANDS: &str = r#"
# Insert a value
./k2v-cli insert --bucket my-bucket --partition part1 --sort-key key1 --value "data"

# Read a value
./k2v-cli read --bucket my-bucket --partition part1 --sort-key key1

# List items in a partition
./k2v-cli list --bucket my-bucket --partition part1

# Delete a value
./k2v-cli delete --bucket my-bucket --partition part1 --sort-key key1
"#;

#[test]
fn the_commands_of_the_guide_do_what_it_says() {
    let node = Node::dev();
    let program = Program::at(&node, "my-bucket").with("K2V_BUCKET", "");
    let ran = program.shell(COMMANDS);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
    let text = ran.text();
    assert!(text.contains("  utf-8: data"), "{text}");
    assert!(text.contains("key1       4 B  data"), "{text}");
    let listed = program.ok("list --bucket my-bucket --partition part1 -o jsonl");
    assert_eq!(listed.text(), "", "it is deleted");
}

/// The guide's program, with nothing changed. It names a server, a key and a secret that stand for one's own:
/// the client that it finds here is made with those.
#[expect(clippy::uninlined_format_args, reason = "the guide's words are its own")]
mod program_of_the_guide {
    mod k2v_client {
        use ::k2v_client::Error;
        use std::sync::OnceLock;

        /// Endpoint, key and secret of the node of this story.
        pub(in crate::guide) static PLACE: OnceLock<[String; 3]> = OnceLock::new();

        pub(super) struct K2vClient;

        impl K2vClient {
            #[expect(clippy::new_ret_no_self, reason = "what it returns is the client itself")]
            pub(super) fn new(
                region: &str,
                endpoint: &str,
                key: &str,
                secret: &str,
            ) -> Result<::k2v_client::K2vClient, Error> {
                let named = [endpoint, key, secret];
                assert_eq!(named, ["http://localhost:3902", "access_key", "secret_key"]);
                let [endpoint, key, secret] = PLACE.get().expect("the story has a node");
                ::k2v_client::K2vClient::new(region, endpoint, key, secret)
            }
        }
    }

    pub(super) use k2v_client::PLACE;

    include!("guide_example.rs");

    pub(super) fn run() {
        main();
    }
}

#[test]
fn the_program_of_the_guide_inserts_and_reads() {
    let node = Node::dev();
    let program = Program::at(&node, "my-bucket");
    let place =
        [format!("http://{}", node.addr), node.credentials.key_id.clone(), node.credentials.secret.clone()];
    program_of_the_guide::PLACE.set(place).expect("nobody else sets it");
    program_of_the_guide::run();
    assert_eq!(program.ok("get partition1 sort-key1").text(), "value data");
}
