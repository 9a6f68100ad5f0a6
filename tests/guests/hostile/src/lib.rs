//! A guest that does what the last part of the repo's name says: most of it no guest should get away with.
//!
//! `some-user/loop` makes it loop for ever. A name that is not in the table in [`handle`] makes it do nothing.
#![cfg(target_family = "wasm")]

mod answer;
mod call;
mod harm;
mod look;
mod memory;
mod theft;

use hookbox_sdk::prelude::*;

plugin! {
    description: "Does whatever harm the repo's name asks for",
    handlers: [handle],
}

#[on("*")]
fn handle(event: &Event) -> Result {
    let name = event.repo_name().unwrap_or_default();
    match name.rsplit('/').next().unwrap_or_default() {
        "loop" => harm::spin(),
        "hog" => harm::hog(),
        "panic" => harm::panics(),
        "recurse" => harm::recurse_for_ever(),
        "grow" => harm::grow(),
        "grows" => harm::grows(),
        "sleep" => harm::sleep(),
        "slow" => harm::slow(),
        "flood" => harm::flood(),
        "flood-stdout" => harm::flood_stdout(),
        "flood-line" => harm::flood_line(),
        "exit0" => std::process::exit(0),
        "exit1" => std::process::exit(1),
        "hostcalls" => harm::hostcalls(),
        "handles" => harm::handles(),
        "strings" => harm::strings(),
        "calls" => harm::calls(),
        "no-paths" => harm::no_paths(),
        "call" => call::all(event),
        "steal" => theft::steal(event),
        "retry" => Err(Failure::retry("asked to fail")),
        "retry-after" => answer::retry_after(),
        "reject" => Err(Failure::reject("asked to reject")),
        "ignore" => ignored("asked to ignore"),
        "fail-then-ok" => answer::fail_then_ok(event),
        "big-output" => answer::big_output(),
        "echo" => answer::echo(event),
        "headers" => look::headers(event),
        "env" => look::env(),
        "random" => look::random(),
        "random-big" => look::random_big(),
        "ok" => done("ok"),
        _ => Ok(Outcome::Done(None)),
    }
}
