//! Figures, what they may be, and how they are printed.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use crate::show::markdown_table;

/// What a figure is held against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Budget {
    /// It should be less.
    Below(f64),
    /// It should be more.
    Above(f64),
}

impl Budget {
    fn met(self, value: f64) -> bool {
        match self {
            Self::Below(limit) => value < limit,
            Self::Above(limit) => value > limit,
        }
    }

    fn words(self, unit: &str) -> String {
        match self {
            Self::Below(limit) => format!("< {}", quantity(limit, unit)),
            Self::Above(limit) => format!("> {}", quantity(limit, unit)),
        }
    }
}

/// One measured number.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    what: String,
    value: f64,
    unit: &'static str,
    budget: Option<Budget>,
}

impl Figure {
    /// A number without a budget.
    pub(super) fn new(what: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            what: what.into(),
            value,
            unit,
            budget: None,
        }
    }

    /// What it is held against.
    pub(super) fn within(self, budget: Budget) -> Self {
        Self {
            budget: Some(budget),
            ..self
        }
    }

    fn cells(&self) -> [String; 4] {
        let budget = self.budget.map(|budget| budget.words(self.unit));
        let met = self.budget.map(|budget| match budget.met(self.value) {
            true => "met",
            false => "**missed**",
        });
        [
            self.what.clone(),
            quantity(self.value, self.unit),
            budget.unwrap_or_default(),
            met.unwrap_or_default().to_owned(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "what": self.what,
            "value": self.value,
            "unit": self.unit,
            "budget": self.budget.map(|budget| budget.words(self.unit)),
            "met": self.budget.map(|budget| budget.met(self.value)),
        })
    }
}

/// A number with three significant digits and its unit.
fn quantity(value: f64, unit: &str) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || size == size.round() => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped}{rest} {unit}").trim_end().to_owned()
}

/// The figures of one part.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// What was measured.
    pub(super) title: &'static str,
    /// What is to be known about how.
    pub(super) how: String,
    /// The command that measures again.
    pub(super) command: String,
    /// The figures.
    pub(super) figures: Vec<Figure>,
}

const COLUMNS: [&str; 4] = ["what", "measured", "budget", ""];

impl Section {
    pub(super) fn markdown(&self) -> String {
        let table = markdown_table(COLUMNS, self.figures.iter().map(Figure::cells));
        let Self {
            title,
            how,
            command,
            ..
        } = self;
        format!("### {title}\n\n{how} Again: `{command}`.\n\n{table}")
    }

    pub(super) fn text(&self) -> String {
        let mut table = Table::new();
        let rows = self.figures.iter().map(|figure| {
            let mut cells = figure.cells();
            cells[3] = cells[3].replace('*', "");
            cells
        });
        table
            .load_style(presets::ASCII_HORIZONTAL_ONLY)
            .set_header(COLUMNS)
            .add_rows(rows);
        if let Some(column) = table.column_mut(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let Self { title, how, .. } = self;
        format!("{title}\n{how}\n{}\n", table.trim_fmt())
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "title": self.title,
            "how": self.how,
            "command": self.command,
            "figures": self.figures.iter().map(Figure::json).collect::<Vec<_>>(),
        })
    }
}

/// Durations, to be asked for quantiles.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample(Vec<Duration>);

impl Sample {
    pub(super) fn push(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    /// The duration that this share of all does not exceed, in seconds; 0 of none.
    pub(super) fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort();
        let last = sorted.len().saturating_sub(1);
        let at = (last as f64 * share).round() as usize;
        sorted.get(at).map_or(0.0, Duration::as_secs_f64)
    }

    /// The one in the middle, in seconds.
    pub(super) fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_three_digits_and_groups() {
        assert_eq!(quantity(1_234_567.8, "B"), "1,234,568 B");
        assert_eq!(quantity(0.123, "ms"), "0.12 ms");
        assert_eq!(quantity(12.34, "ms"), "12.3 ms");
        assert_eq!(quantity(7.0, ""), "7");
    }

    #[test]
    fn a_figure_beyond_its_budget_is_said_to_miss_it() {
        let figure = |value| Figure::new("it", value, "ms").within(Budget::Below(1.0));
        assert_eq!(figure(0.5).cells()[2..], ["< 1 ms", "met"]);
        assert_eq!(figure(1.5).cells()[2..], ["< 1 ms", "**missed**"]);
        let rate = Figure::new("rate", 5.0, "/s").within(Budget::Above(4.0));
        assert_eq!(rate.cells()[2..], ["> 4 /s", "met"]);
    }

    #[test]
    fn quantiles_are_taken_from_what_was_measured() {
        let mut sample = Sample::default();
        assert_eq!(sample.median(), 0.0);
        for ms in [5, 1, 4, 2, 3] {
            sample.push(Duration::from_millis(ms));
        }
        assert_eq!(sample.median(), 0.003);
        assert_eq!(sample.quantile(0.99), 0.005);
    }
}
