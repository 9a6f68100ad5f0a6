//! Plugins that leave something out: one line of description, or what they handle.

use hookbox_sdk::prelude::*;

plugin! {
    handlers: [],
}

fn main() {}
