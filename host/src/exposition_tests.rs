//! What a scrape shows, of a real ledger: well formed, true, bounded, and there when the ledger is not.

use super::*;
use crate::admin::AdminMetrics;
use crate::alert::AlertMetrics;
use crate::delivery::{Outcome, Settlement};
use crate::intake::IntakeMetrics;
use crate::ledger::conformance::{claim, claim_one, delivery, done, plugin, run, settle};
use crate::ledger::sqlite::{SqliteLedger, SqliteOptions, WriterMetrics};
use crate::loader::LoaderMetrics;
use crate::metrics::Described;
use crate::plugin::EngineConfig;
use crate::server::PublicMetrics;
use crate::worker::WorkerMetrics;
use std::collections::BTreeMap;
use tempfile::TempDir;

struct Scraped {
    folder: TempDir,
    ledger: Arc<SqliteLedger>,
    exposition: Exposition,
}

/// A ledger of its own and all that components register.
fn host() -> Scraped {
    let folder = TempDir::new().unwrap();
    let mut registry = Registry::default();
    let (options, metrics) = (
        SqliteOptions::default(),
        WriterMetrics::register(&mut registry),
    );
    let ledger = Arc::new(SqliteLedger::open(folder.path(), options, metrics).unwrap());
    WorkerMetrics::register(&mut registry);
    IntakeMetrics::register(&mut registry);
    PublicMetrics::register(&mut registry);
    AdminMetrics::register(&mut registry);
    AlertMetrics::register(&mut registry);
    LoaderMetrics::register(&mut registry);
    let engine = Engine::new(EngineConfig {
        concurrency: 1,
        ..EngineConfig::default()
    });
    Scraped {
        folder,
        exposition: Exposition::new(registry, Arc::clone(&ledger) as _, engine.unwrap()),
        ledger,
    }
}

/// Reads OpenMetrics text as strictly as its specification writes it; returns the samples by name and labels.
fn samples(text: &str) -> BTreeMap<&str, f64> {
    let is_name = |name: &str| {
        name.starts_with("hookbox_")
            && name
                .bytes()
                .all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
    };
    let (mut samples, mut seen) = (BTreeMap::new(), BTreeSet::new());
    let (mut family, mut kind, mut helped) = ("", "", false);
    let body = text.strip_suffix("# EOF\n").expect("it ends with # EOF");
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (what, name) = (words.next().unwrap(), words.next().unwrap());
            let rest = words.next().expect(line);
            assert!(is_name(name) && !rest.is_empty(), "{line}");
            match what {
                "HELP" => {
                    assert!(seen.insert(name), "{name} is there twice");
                    (family, kind, helped) = (name, "", true);
                }
                "TYPE" => kind = rest,
                "UNIT" => assert!(name.ends_with(&format!("_{rest}")), "{line}"),
                _ => panic!("{line}"),
            }
            assert_eq!(name, family, "{line}");
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').expect(line);
        let name = sample.split('{').next().unwrap();
        let suffix = name.strip_prefix(family).expect(line);
        let suffixes: &[&str] = match kind {
            "counter" => &["_total"],
            "gauge" => &[""],
            "info" => &["_info"],
            "histogram" => &["_sum", "_count", "_bucket"],
            _ => panic!("{kind}: {line}"),
        };
        assert!(helped && suffixes.contains(&suffix), "{line}");
        let value: f64 = value.parse().expect(line);
        assert!(value.is_finite() && value >= 0.0, "{line}");
        assert!(samples.insert(sample, value).is_none(), "{line}");
    }
    samples
}

#[tokio::test]
async fn a_scrape_shows_what_became_of_every_run() {
    let Scraped {
        ledger,
        exposition,
        folder: _folder,
    } = host();
    for (name, state) in [("a", PluginState::Loaded), ("b", PluginState::Held)] {
        ledger.put_plugin(plugin(name, state, None)).await.unwrap();
    }
    // Given three deliveries, one of which came twice
    let first = delivery();
    for new in [first.clone(), first, delivery(), delivery()] {
        let new = crate::delivery::NewDelivery {
            id: crate::delivery::DeliveryId::new(),
            ..new
        };
        ledger.record(new, vec![run("a"), run("b")]).await.unwrap();
    }
    // And a run that ended well, one that was given up, one that waits
    let mut claims = claim(&*ledger, &["a"], 2).await;
    done(&*ledger, claims.remove(0)).await;
    let reason = "rejected".to_owned();
    settle(
        &*ledger,
        claims.remove(0),
        Outcome::Rejected,
        Settlement::Dead { reason },
    )
    .await;
    // When it is scraped
    let text = exposition.render().await;
    let found = samples(&text);
    // Then all of it is there
    for (sample, value) in [
        ("hookbox_deliveries_total", 3.0),
        ("hookbox_duplicates_total", 1.0),
        (r#"hookbox_attempts_total{plugin="a",outcome="done"}"#, 1.0),
        (
            r#"hookbox_attempts_total{plugin="a",outcome="rejected"}"#,
            1.0,
        ),
        (
            r#"hookbox_runs_settled_total{plugin="a",state="done"}"#,
            1.0,
        ),
        (
            r#"hookbox_runs_settled_total{plugin="a",state="dead"}"#,
            1.0,
        ),
        (r#"hookbox_runs{state="pending"}"#, 4.0),
        (r#"hookbox_runs{state="dead"}"#, 1.0),
        (r#"hookbox_backlog_runs{plugin="a"}"#, 1.0),
        (r#"hookbox_backlog_runs{plugin="b"}"#, 0.0),
        (r#"hookbox_parked_runs{plugin="a"}"#, 0.0),
        (r#"hookbox_parked_runs{plugin="b"}"#, 3.0),
        (r#"hookbox_plugins{state="loaded"}"#, 1.0),
        (r#"hookbox_plugins{state="held"}"#, 1.0),
        (r#"hookbox_plugins{state="missing"}"#, 0.0),
        ("hookbox_ledger_up", 1.0),
        ("hookbox_sandboxes", 5.0),
        ("hookbox_sandboxes_in_use", 0.0),
        (r#"hookbox_build_info{version="0.1.0"}"#, 1.0),
    ] {
        assert_eq!(found.get(sample), Some(&value), "{sample} in\n{text}");
    }
    // Every commit that wrote something was timed, with what it held
    let commits = found["hookbox_commit_seconds_count"];
    assert!(
        commits >= 6.0 && found["hookbox_commit_items_sum"] >= commits,
        "{text}"
    );
    assert!(found["hookbox_ledger_bytes"] > 0.0);
}

#[tokio::test]
async fn the_age_is_that_of_the_run_that_waits_longest_and_was_due() {
    let now = 1_000_000;
    let mut totals = Totals {
        now_ms: now,
        ..Totals::default()
    };
    for (name, first_due_ms) in [
        ("late", Some(now - 5_000)),
        ("early", Some(now + 5_000)),
        ("idle", None),
    ] {
        let plugin = PluginTotals {
            state: Some(PluginState::Loaded),
            first_due_ms,
            ..PluginTotals::default()
        };
        totals.plugins.insert(name.to_owned(), plugin);
    }
    let mut registry = Registry::default();
    count_plugins(&mut registry, &totals);
    let mut text = String::new();
    registry.write(&mut text).unwrap();
    text.push_str("# EOF\n");
    let found = samples(&text);
    let age = |plugin| {
        found[format!("hookbox_oldest_pending_age_seconds{{plugin=\"{plugin}\"}}").as_str()]
    };
    assert_eq!((age("late"), age("early"), age("idle")), (5.0, 0.0, 0.0));
}

#[tokio::test]
async fn names_that_are_no_plugins_are_counted_and_never_shown() {
    let Scraped {
        ledger,
        exposition,
        folder: _folder,
    } = host();
    let odd = "my \"plugin\"\n{x=\"y\"} 1\nhookbox_evil 1.wasm";
    let refused = plugin(odd, PluginState::Refused, Some("no plugin has such a name"));
    ledger.put_plugin(refused).await.unwrap();
    let text = exposition.render().await;
    assert_eq!(samples(&text)[r#"hookbox_plugins{state="refused"}"#], 1.0);
    assert!(!text.contains("evil"), "{text}");
}

#[tokio::test]
async fn a_forgotten_plugin_takes_its_series_with_it() {
    let Scraped {
        ledger,
        exposition,
        folder: _folder,
    } = host();
    for name in ["a", "b"] {
        let loaded = plugin(name, PluginState::Loaded, None);
        ledger.put_plugin(loaded).await.unwrap();
        ledger.record(delivery(), vec![run(name)]).await.unwrap();
        done(&*ledger, claim_one(&*ledger, name).await).await;
    }
    assert!(exposition.render().await.contains("plugin=\"a\""));
    ledger.forget_plugin("a".to_owned()).await.unwrap();
    let text = exposition.render().await;
    assert!(
        !text.contains("plugin=\"a\"") && text.contains("plugin=\"b\""),
        "{text}"
    );
    // What is counted over all plugins stays
    assert_eq!(samples(&text)[r#"hookbox_runs{state="done"}"#], 2.0);
}

#[tokio::test]
async fn a_ledger_that_failed_takes_only_its_own_part_away() {
    let Scraped {
        ledger,
        exposition,
        folder,
    } = host();
    let loaded = plugin("a", PluginState::Loaded, None);
    ledger.put_plugin(loaded).await.unwrap();
    ledger.record(delivery(), vec![run("a")]).await.unwrap();
    done(&*ledger, claim_one(&*ledger, "a").await).await;
    // When its file is damaged, and it knows
    let file = folder.path().join("ledger.db");
    let wal = folder.path().join("ledger.db-wal");
    for path in [&file, &wal] {
        let length = path.metadata().unwrap().len();
        std::fs::write(path, vec![0xff; usize::try_from(length).unwrap()]).unwrap();
    }
    ledger.check_integrity().await.unwrap_err();
    // Then what was counted before is still shown
    let text = exposition.render().await;
    let found = samples(&text);
    assert_eq!(found["hookbox_ledger_up"], 0.0);
    assert_eq!(
        found[r#"hookbox_attempts_total{plugin="a",outcome="done"}"#],
        1.0
    );
    assert!(!found.contains_key("hookbox_deliveries_total"), "{text}");
}

#[tokio::test]
async fn many_scrapes_at_once_are_answered_and_share_what_they_read() {
    let Scraped {
        ledger,
        exposition,
        folder: _folder,
    } = host();
    ledger.record(delivery(), vec![run("a")]).await.unwrap();
    let exposition = Arc::new(exposition);
    let scrapes: Vec<_> = (0..50)
        .map(|_| {
            let exposition = Arc::clone(&exposition);
            tokio::spawn(async move { exposition.render().await })
        })
        .collect();
    for scrape in scrapes {
        let text = scrape.await.unwrap();
        assert_eq!(samples(&text)["hookbox_deliveries_total"], 1.0);
    }
}

/// The table of `docs/metrics.md` is what is registered, in its words.
#[tokio::test]
async fn the_documented_table_is_what_is_registered() {
    let Scraped {
        exposition,
        folder: _folder,
        ..
    } = host();
    let totals = Totals {
        free_bytes: Some(1),
        ..Totals::default()
    };
    let reading = Reading {
        totals: Some(Arc::new(totals)),
        ..Reading::none(Instant::now())
    };
    let standing = exposition.standing(&reading);
    let row = |metric: &Described| {
        let labels: Vec<String> = metric
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        let Described {
            name, kind, help, ..
        } = metric;
        format!("| `{name}` | {kind} | {} | {help} |", labels.join(", "))
    };
    let registered = exposition
        .registry
        .described()
        .iter()
        .chain(standing.described());
    let mut registered: Vec<String> = registered.map(row).collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `hookbox_"));
    let mut documented: Vec<String> = rows.map(str::to_owned).collect();
    registered.sort();
    documented.sort();
    assert_eq!(documented, registered, "\n{}\n", registered.join("\n"));
}
