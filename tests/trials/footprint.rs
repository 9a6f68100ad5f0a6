//! What a host takes of memory at rest: with one plugin, and for each further one. Figures, not bounds.

use hookbox_tests::{Host, version_of};
use std::time::Duration;

const FURTHER: u8 = 20;

/// The longest that all of them may take to be compiled.
const PATIENCE: Duration = Duration::from_secs(120);

/// `VmRSS` and `RssAnon`, in KB, once all plugins run.
fn at_rest(host: &Host, plugins: usize) -> (u64, u64) {
    hookbox_tests::eventually(PATIENCE, || {
        let listed = host.cli(&["plugins", "--json"]).ok().json();
        let all = listed.as_array()?.iter().map(|plugin| &plugin["state"]);
        (all.filter(|state| *state == "loaded").count() == plugins).then_some(())
    });
    let kb = |name| host.process().bytes(name).unwrap() / 1000;
    (kb("VmRSS"), kb("RssAnon"))
}

fn host(plugins: u8) -> Host {
    let versions = 0..plugins;
    let named = versions.map(|version| {
        (
            format!("hello-{version}.wasm"),
            version_of("hello", version),
        )
    });
    let builder = named.fold(Host::with(&[]), |builder, (name, bytes)| {
        builder.file(&name, bytes)
    });
    builder.start()
}

/// The bytes of what one of them is compiled to.
fn code_bytes(host: &Host) -> u64 {
    let compiled = std::fs::read_dir(host.data().join("compiled")).unwrap();
    compiled
        .map(|file| file.unwrap().metadata().unwrap().len())
        .max()
        .unwrap()
}

#[test]
fn memory_at_rest() {
    for (when, again) in [("compiled just now", false), ("compiled before", true)] {
        let (mut one, mut many) = (host(1), host(1 + FURTHER));
        if again {
            at_rest(&one, 1);
            at_rest(&many, usize::from(1 + FURTHER));
            one.restart();
            many.restart();
        }
        let (rss, anonymous) = at_rest(&one, 1);
        let (rss_many, anonymous_many) = at_rest(&many, usize::from(1 + FURTHER));
        let each = |one: u64, many: u64| many.saturating_sub(one) / u64::from(FURTHER);
        println!(
            "{when}: one plugin {rss} KB (of these {anonymous} KB anonymous), each further one {} KB ({} KB anonymous), \
             of which {} KB are its code",
            each(rss, rss_many),
            each(anonymous, anonymous_many),
            code_bytes(&many) / 1000,
        );
    }
}
