//! What is measured: one table of metrics, recorded in this process, rendered for Prometheus.
//!
//! Parts record with the `metrics` crate's macros under the names of this table; whoever serves
//! HTTP renders. How the text is asked for is not known here.

use std::sync::OnceLock;

use ::metrics::Unit;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::Error;

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It counts observations by size.
    Histogram,
}

impl Kind {
    /// Its name in Prometheus.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric's row.
#[derive(Debug)]
pub struct Metric {
    /// Its name, with the unit as Prometheus wants it.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// What it counts.
    pub unit: Unit,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// One sentence.
    pub doc: &'static str,
}

macro_rules! metrics {
    ($($constant:ident $kind:ident $name:literal {$($label:literal)*} $unit:ident $doc:literal;)*) => {
        $(#[doc = $doc] pub const $constant: &str = $name;)*

        /// Every metric.
        pub static METRICS: &[Metric] = &[$(Metric {
            name: $constant, kind: Kind::$kind, unit: Unit::$unit, labels: &[$($label),*], doc: $doc,
        },)*];
    };
}

metrics! {
    NOTICES Counter "weft_notices_total" {"event"} Count "What operators were told, by kind of event.";
    PACKETS_DROPPED Counter "weft_packets_dropped_total" {} Count "Packets for the controller that were dropped because it had too much to do.";
    CONNECTIONS_REFUSED Counter "weft_connections_refused_total" {"protocol"} Count "Connections of switches and hypervisors that were refused because there were too many.";
    BUILD_INFO Gauge "weft_build_info" {"version"} Count "1, with the version that runs.";
}

/// What was recorded.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

static INSTALLED: OnceLock<Option<Metrics>> = OnceLock::new();

/// Records the metrics of this process from now on; later calls give the same recorder.
///
/// # Errors
///
/// [`Error::Metrics`] when something else records them.
pub fn install() -> Result<Metrics, Error> {
    let install = || {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        ::metrics::set_global_recorder(recorder).ok()?;
        METRICS.iter().for_each(describe);
        ::metrics::gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        Some(Metrics(handle))
    };
    INSTALLED.get_or_init(install).clone().ok_or(Error::Metrics)
}

fn describe(metric: &Metric) {
    match metric.kind {
        Kind::Counter => ::metrics::describe_counter!(metric.name, metric.unit, metric.doc),
        Kind::Gauge => ::metrics::describe_gauge!(metric.name, metric.unit, metric.doc),
        Kind::Histogram => ::metrics::describe_histogram!(metric.name, metric.unit, metric.doc),
    }
}

impl Metrics {
    /// Everything recorded, in Prometheus's text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds observations into their histograms, so that memory is bounded when nobody asks.
    pub fn fold(&self) {
        self.0.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_the_version_and_describes_it() {
        let text = install().unwrap().render();
        let version = env!("CARGO_PKG_VERSION");
        assert!(
            text.contains(&format!("weft_build_info{{version=\"{version}\"}} 1")),
            "{text}"
        );
        assert!(
            text.contains("# HELP weft_build_info 1, with the version"),
            "{text}"
        );
    }

    #[test]
    fn names_are_unique_and_begin_with_weft() {
        let mut names: Vec<_> = METRICS.iter().map(|metric| metric.name).collect();
        assert!(names.iter().all(|name| name.starts_with("weft_")));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len());
    }
}
