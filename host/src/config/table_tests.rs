//! The table keeps to what it tells.

use super::*;
use crate::config::setting::Value;

/// The default that the help tells.
fn told(key: &Key) -> &str {
    let told = key.help.split("[default: ").nth(1).unwrap();
    told.split([']', ',']).next().unwrap()
}

fn check<T: Value>(setting: &Setting<T>) {
    let read = (setting.read)(&Written::Text(OsStr::new(told(setting.key))));
    assert_eq!(read.unwrap().shown(), (setting.default)().shown());
}

#[test]
fn the_help_tells_the_default_that_counts() {
    check(&PLUGINS);
    check(&DATA);
    check(&LISTEN_ON);
    check(&ADMIN);
    check(&SECRETS);
    check(&CONCURRENCY);
    check(&CONNECTIONS_MAX);
    check(&INTAKE_QUEUE_MAX);
    check(&ON_DUPLICATE);
    check(&ON_UNPARSABLE);
    check(&BACKLOG_RUNS_PER_PLUGIN);
    check(&PARK_RUNS);
    for setting in [
        &BODY_MAX,
        &MEMORY_MAX,
        &COMPONENT_MAX,
        &BACKLOG_MAX,
        &FREE_SPACE_MIN,
        &RETAIN_BYTES,
    ] {
        check(setting);
    }
    for setting in [
        &DEDUP_WINDOW,
        &MISSING_GRACE,
        &PARK_FOR,
        &RETAIN,
        &DRAIN,
        &HEAD_TIME_MAX,
        &BODY_TIME_MAX,
        &WRITE_TIME_MAX,
        &CONNECTION_AGE_MAX,
        &HINT_AFTER,
    ] {
        check(setting);
    }
}
