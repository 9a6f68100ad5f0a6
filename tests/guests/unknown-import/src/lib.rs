//! A guest that imports an interface which nobody provides.
#![cfg(target_family = "wasm")]
#![expect(missing_docs, unsafe_code, reason = "the bindings are generated")]

wit_bindgen::generate!({
    path: "../../../wit",
    inline: "
        package acme:thing;

        interface iface {
            ping: func() -> string;
        }

        world guest {
            import iface;
            export hookbox:plugin/handler@0.1.0;
        }
    ",
    world: "acme:thing/guest",
    generate_all,
});

use exports::hookbox::plugin::handler::{Delivery, Failure, Guest, Manifest, Outcome};
use hookbox::plugin::types::Subscription;

struct Component;

export!(Component);

impl Guest for Component {
    fn describe() -> Manifest {
        Manifest {
            version: "1.0.0".into(),
            description: "Imports what nobody provides".into(),
            subscriptions: vec![Subscription {
                scope: "*".into(),
                actions: Vec::new(),
            }],
            wants: Vec::new(),
        }
    }

    fn handle(_delivery: Delivery) -> Result<Outcome, Failure> {
        Ok(Outcome::Done(Some(acme::thing::iface::ping())))
    }
}
