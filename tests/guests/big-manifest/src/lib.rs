//! A guest whose manifest is as large as it can make it: 20,000 subscriptions and 50 MB of text.
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
use hookbox::plugin::types::Subscription;

/// With two actions of 1,250 bytes each, about 50 MB.
const SUBSCRIPTIONS: u32 = 20_000;

struct Component;

export!(Component);

impl Guest for Component {
    fn describe() -> Manifest {
        let subscription = |n| Subscription {
            scope: format!("repo.s{n}"),
            actions: vec!["x".repeat(1_250); 2],
        };
        Manifest {
            version: "1.0.0".into(),
            description: "d".repeat(1 << 20),
            subscriptions: (0..SUBSCRIPTIONS).map(subscription).collect(),
            wants: Vec::new(),
        }
    }

    fn handle(_delivery: Delivery) -> Result<Outcome, Failure> {
        Ok(Outcome::Done(None))
    }
}
