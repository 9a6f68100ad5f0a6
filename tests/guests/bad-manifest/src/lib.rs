//! A guest whose manifest is wrong in every way that the interface allows.
#![cfg(target_family = "wasm")]
#![expect(missing_docs, unsafe_code, reason = "the bindings are generated")]

wit_bindgen::generate!({
    path: "../../../wit",
    inline: "
        package hookbox:guest;

        world guest {
            export hookbox:plugin/handler@0.1.0;
        }
    ",
    world: "hookbox:guest/guest",
    generate_all,
});

use exports::hookbox::plugin::handler::{Delivery, Failure, Guest, Manifest, Outcome};
use hookbox::plugin::types::{Subscription, Want};

struct Component;

export!(Component);

impl Guest for Component {
    fn describe() -> Manifest {
        let subscription = |scope: &str, actions: &[&str]| Subscription {
            scope: scope.into(),
            actions: actions.iter().map(|a| (*a).into()).collect(),
        };
        Manifest {
            version: String::new(),
            description: "two\nlines, and a \u{1b}[31mcolour".into(),
            subscriptions: vec![
                subscription("Repo Content!!", &["create"]),
                subscription("", &["", "not an action"]),
            ],
            wants: vec![Want {
                kind: "root".into(),
                name: String::new(),
                detail: "{not json".into(),
                required: true,
                reason: String::new(),
            }],
        }
    }

    fn handle(_delivery: Delivery) -> Result<Outcome, Failure> {
        Ok(Outcome::Done(None))
    }
}
