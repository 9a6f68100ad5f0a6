//! A guest that never says what it is.
#![cfg(target_family = "wasm")]
#![expect(missing_docs, unsafe_code, reason = "the bindings are generated")]

use std::hint::black_box;

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

struct Component;

export!(Component);

impl Guest for Component {
    fn describe() -> Manifest {
        loop {
            black_box(());
        }
    }

    fn handle(_delivery: Delivery) -> Result<Outcome, Failure> {
        Ok(Outcome::Done(None))
    }
}
