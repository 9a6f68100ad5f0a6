//! A guest that is useless without the network: the host must hold it until that is granted.
#![cfg(target_family = "wasm")]

use hookbox_sdk::prelude::*;

plugin! {
    description: "Wants to answer comments",
    handlers: [answer],
    wants: [
        Want::http("huggingface.co")
            .methods(["GET", "POST"])
            .paths(["/api/**"])
            .credential("a token that may write comments")
            .required()
            .because("it answers comments on the Hub"),
        Want::config("greeting").because("another greeting than hello"),
    ],
}

#[on("discussion.comment")]
fn answer(_event: &Event) -> Result {
    done("answered")
}
