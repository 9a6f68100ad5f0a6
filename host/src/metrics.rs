//! Metrics: the registry that every component registers its own with, and what they are made of.
//!
//! Names are written in full, as a scrape shows them, with their unit last. Every label has a bounded set of values:
//! a plugin, an outcome, a state, a status; never anything that a sender chose. Counting costs an atomic addition,
//! and a short lock where there are labels.

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::info::Info;
use prometheus_client::metrics::{MetricType, TypedMetric, gauge};
use prometheus_client::registry::{Metric, Unit};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use prometheus_client::metrics::counter::Counter;
pub use prometheus_client::metrics::histogram::Histogram;

/// A number that goes up and down.
pub type Gauge = gauge::Gauge<u64, AtomicU64>;

/// The same for times, in seconds.
pub type SecondsGauge = gauge::Gauge<f64, AtomicU64>;

/// The label whose series go with the plugin that they are about.
pub const PLUGIN: &str = "plugin";

/// What a metric is, as its registration says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Its name, as a scrape shows it.
    pub name: &'static str,
    /// `counter`, `gauge`, `histogram` or `info`.
    pub kind: String,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it tells.
    pub help: &'static str,
}

/// All metrics of a host, or of one scrape.
#[derive(Default)]
pub struct Registry {
    metrics: prometheus_client::registry::Registry,
    described: Vec<Described>,
    by_plugin: Vec<Box<dyn ByPlugin>>,
}

/// The same metric several times, told apart by the values of its labels; cheap to clone.
#[derive(Debug)]
pub struct Series<M> {
    labels: &'static [&'static str],
    make: fn() -> M,
    // Not the library's own: that one cannot forget the series of a plugin, and shows them in no order.
    each: Arc<Mutex<BTreeMap<Vec<String>, M>>>,
}

impl Registry {
    /// A counter; its name ends in `_total`.
    pub fn counter(&mut self, name: &'static str, help: &'static str) -> Counter {
        self.add(name, &[], help, Counter::default())
    }

    /// Counters by labels.
    pub fn counters(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Series<Counter> {
        self.add_series(name, labels, help, Counter::default)
    }

    /// A gauge.
    pub fn gauge(&mut self, name: &'static str, help: &'static str) -> Gauge {
        self.add(name, &[], help, Gauge::default())
    }

    /// Gauges by labels.
    pub fn gauges(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Series<Gauge> {
        self.add_series(name, labels, help, Gauge::default)
    }

    /// A gauge of a time; its name ends in `_seconds`.
    pub fn seconds(&mut self, name: &'static str, help: &'static str) -> SecondsGauge {
        self.add(name, &[], help, SecondsGauge::default())
    }

    /// Gauges of times by labels.
    pub fn seconds_by(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Series<SecondsGauge> {
        self.add_series(name, labels, help, SecondsGauge::default)
    }

    /// A histogram with these upper bounds of its buckets.
    pub fn histogram(
        &mut self,
        name: &'static str,
        help: &'static str,
        buckets: &'static [f64],
    ) -> Histogram {
        let histogram = Histogram::new(buckets.iter().copied());
        self.add(name, &[], help, histogram)
    }

    /// Histograms by labels.
    pub fn histograms(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        make: fn() -> Histogram,
    ) -> Series<Histogram> {
        self.add_series(name, labels, help, make)
    }

    /// Facts that do not change, told by labels; its name ends in `_info`.
    pub fn info(
        &mut self,
        name: &'static str,
        label: &'static [&'static str; 1],
        help: &'static str,
        value: &'static str,
    ) {
        let [label_name] = *label;
        let info = Info::new(vec![(label_name, value)]);
        self.register(name, label, help, info);
    }

    /// What was registered, in that order.
    #[must_use]
    pub fn described(&self) -> &[Described] {
        &self.described
    }

    /// Drops the series of these plugins.
    pub fn forget_plugins(&self, names: &BTreeSet<&str>) {
        self.by_plugin
            .iter()
            .for_each(|series| series.forget(names));
    }

    /// Writes everything as OpenMetrics text, without the line that ends it.
    ///
    /// # Errors
    /// Those of `text`, which a `String` has none of.
    pub fn write(&self, text: &mut String) -> fmt::Result {
        encode_registry(text, &self.metrics)
    }

    fn add<M: Metric + Clone>(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        metric: M,
    ) -> M {
        self.register(name, labels, help, metric.clone());
        metric
    }

    fn add_series<M: Metric + TypedMetric + Clone>(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        make: fn() -> M,
    ) -> Series<M> {
        let series = Series {
            labels,
            make,
            each: Arc::default(),
        };
        if labels.first() == Some(&PLUGIN) {
            self.by_plugin.push(Box::new(series.clone()));
        }
        self.add(name, labels, help, series)
    }

    /// The library adds by itself what the text format wants after a name.
    fn register(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        metric: impl Metric,
    ) {
        let kind = metric.metric_type().as_str().to_owned();
        let bare = name
            .strip_suffix("_total")
            .or_else(|| name.strip_suffix("_info"))
            .unwrap_or(name);
        let unit = [Unit::Seconds, Unit::Bytes]
            .into_iter()
            .find_map(|unit| Some((bare.strip_suffix(&format!("_{}", unit.as_str()))?, unit)));
        match unit {
            Some((bare, unit)) => self.metrics.register_with_unit(bare, help, unit, metric),
            None => self.metrics.register(bare, help, metric),
        }
        self.described.push(Described {
            name,
            kind,
            labels,
            help,
        });
    }
}

impl<M> Clone for Series<M> {
    fn clone(&self) -> Self {
        Self {
            labels: self.labels,
            make: self.make,
            each: Arc::clone(&self.each),
        }
    }
}

impl<M> Series<M> {
    fn each(&self) -> MutexGuard<'_, BTreeMap<Vec<String>, M>> {
        self.each.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Clone> Series<M> {
    /// The one with these values of the labels, in the order of their names.
    #[must_use]
    pub fn at(&self, values: &[&str]) -> M {
        debug_assert_eq!(values.len(), self.labels.len());
        let key = values.iter().map(|value| (*value).to_owned()).collect();
        self.each().entry(key).or_insert_with(self.make).clone()
    }
}

impl<M: EncodeMetric + TypedMetric> EncodeMetric for Series<M> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (values, metric) in &*self.each() {
            let values = values.iter().map(String::as_str);
            let labels: Vec<(&str, &str)> = self.labels.iter().copied().zip(values).collect();
            metric.encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }

    fn is_empty(&self) -> bool {
        self.each().is_empty()
    }
}

/// Series that go with their plugin.
trait ByPlugin: Send + Sync {
    fn forget(&self, names: &BTreeSet<&str>);
}

impl<M: Send> ByPlugin for Series<M> {
    fn forget(&self, names: &BTreeSet<&str>) {
        let is_forgotten = |values: &Vec<String>| {
            let plugin = values.first();
            plugin.is_some_and(|plugin| names.contains(plugin.as_str()))
        };
        self.each().retain(|values, _| !is_forgotten(values));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(registry: &Registry) -> String {
        let mut text = String::new();
        registry.write(&mut text).unwrap();
        text
    }

    #[test]
    fn names_are_shown_as_they_were_registered() {
        let mut registry = Registry::default();
        registry.counter("x_seen_total", "Seen").inc();
        registry.gauge("x_file_bytes", "Size").set(7);
        registry.seconds("x_age_seconds", "Age").set(0.5);
        registry.info("x_build_info", &["version"], "Which it is", "1.2.3");
        let sizes = registry.histogram("x_sizes", "Sizes", &[1.0, 10.0]);
        sizes.observe(3.0);
        let expected = [
            "# HELP x_seen Seen.",
            "# TYPE x_seen counter",
            "x_seen_total 1",
            "# HELP x_file_bytes Size.",
            "# TYPE x_file_bytes gauge",
            "# UNIT x_file_bytes bytes",
            "x_file_bytes 7",
            "# HELP x_age_seconds Age.",
            "# TYPE x_age_seconds gauge",
            "# UNIT x_age_seconds seconds",
            "x_age_seconds 0.5",
            "# HELP x_build Which it is.",
            "# TYPE x_build info",
            r#"x_build_info{version="1.2.3"} 1"#,
            "# HELP x_sizes Sizes.",
            "# TYPE x_sizes histogram",
            "x_sizes_sum 3.0",
            "x_sizes_count 1",
            r#"x_sizes_bucket{le="1.0"} 0"#,
            r#"x_sizes_bucket{le="10.0"} 1"#,
            r#"x_sizes_bucket{le="+Inf"} 1"#,
        ];
        assert_eq!(text(&registry).lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn series_of_a_plugin_go_with_it_and_others_stay() {
        let mut registry = Registry::default();
        let ends = registry.counters("x_ends_total", &[PLUGIN, "outcome"], "Ends");
        ends.at(&["a", "done"]).inc();
        ends.at(&["b", "done"]).inc();
        ends.at(&["b", "done"]).inc();
        let answers = registry.counters("x_answers_total", &["status"], "Answers");
        answers.at(&["202"]).inc();
        registry.forget_plugins(&["a"].into());
        let expected = [
            "# HELP x_ends Ends.",
            "# TYPE x_ends counter",
            r#"x_ends_total{plugin="b",outcome="done"} 2"#,
            "# HELP x_answers Answers.",
            "# TYPE x_answers counter",
            r#"x_answers_total{status="202"} 1"#,
        ];
        assert_eq!(text(&registry).lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_has_no_series_yet_is_not_shown() {
        let mut registry = Registry::default();
        let _ends = registry.counters("x_ends_total", &["outcome"], "Ends");
        assert_eq!(text(&registry), "");
    }
}
