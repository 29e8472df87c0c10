//! Pieces of SVG: escaped text, scales with round ticks, a frame with axes.
//!
//! Colours are names of the page's style, so that one picture serves light and dark.

use std::fmt::Write;

use super::unit;

/// Text that is safe within elements and attributes.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // XML has no other control characters.
            '\t' | '\n' => safe.push(character),
            control if control.is_control() => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

/// What the numbers of an axis are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Microseconds.
    Time,
    /// Things.
    Count,
    /// Hundredths.
    Percent,
    /// Bytes.
    Bytes,
}

impl Unit {
    /// What a step of an axis that goes up to `most` is, and its name.
    fn step(self, most: f64) -> (f64, &'static str) {
        match self {
            Self::Time if most >= 300e6 => (60e6, "min"),
            Self::Time if most >= 2e6 => (1e6, "s"),
            Self::Time if most >= 2e3 => (1e3, "ms"),
            Self::Time => (1.0, "µs"),
            Self::Count if most >= 2e7 => (1e6, "millions"),
            Self::Count if most >= 2e4 => (1e3, "thousands"),
            Self::Count => (1.0, ""),
            Self::Percent => (1.0, "%"),
            Self::Bytes if most >= 2e9 => (1e9, "GB"),
            Self::Bytes if most >= 2e6 => (1e6, "MB"),
            Self::Bytes if most >= 2e3 => (1e3, "kB"),
            Self::Bytes => (1.0, "B"),
        }
    }
}

/// From numbers to places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub(super) least: f64,
    pub(super) most: f64,
    from: f64,
    to: f64,
    log: bool,
}

impl Scale {
    /// From 0 to at least `most`, up to a round number.
    pub(super) fn linear(most: f64, from: f64, to: f64) -> Self {
        let step = round_step(most.max(1e-9) / 5.0);
        let most = (most / step).ceil().max(1.0) * step;
        Self {
            least: 0.0,
            most,
            from,
            to,
            log: false,
        }
    }

    /// From 0 to exactly `most`.
    pub(super) fn exact(most: f64, from: f64, to: f64) -> Self {
        Self {
            least: 0.0,
            most: most.max(1e-9),
            from,
            to,
            log: false,
        }
    }

    /// From the power of ten below `least` to the one above `most`.
    pub(super) fn logarithmic(least: f64, most: f64, from: f64, to: f64) -> Self {
        let least = 10f64.powf(least.max(1.0).log10().floor());
        let most = 10f64.powf(most.max(1.0).log10().ceil()).max(least * 10.0);
        Self {
            least,
            most,
            from,
            to,
            log: true,
        }
    }

    pub(super) fn at(&self, value: f64) -> f64 {
        let share = if self.log {
            (value.max(self.least) / self.least).log10() / (self.most / self.least).log10()
        } else {
            (value - self.least) / (self.most - self.least)
        };
        self.from + share.clamp(0.0, 1.0) * (self.to - self.from)
    }

    /// Round numbers with their places.
    fn ticks(&self, unit: f64) -> Vec<(f64, String)> {
        if self.log {
            let decades = (self.most / self.least).log10().round();
            let powers = (0..=decades as i32).map(|power| self.least * 10f64.powi(power));
            return powers.map(|value| (value, String::new())).collect();
        }
        let step = round_step(self.most / unit / 5.0);
        let count = (self.most / unit / step + 1e-6).floor() as usize;
        (0..=count)
            .map(|number| number as f64 * step)
            .map(|value| (value * unit, unit::short(value)))
            .collect()
    }
}

/// 1, 2 or 5 times a power of ten: the next one above.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|factor| step <= factor * power * (1.0 + 1e-9));
    factor.unwrap_or(10.0) * power
}

/// A picture under construction.
pub(super) struct Drawing {
    width: f64,
    height: f64,
    body: String,
}

/// Where a plot's numbers are drawn.
pub(super) const LEFT: f64 = 62.0;
pub(super) const TOP: f64 = 14.0;
pub(super) const BOTTOM: f64 = 46.0;
pub(super) const RIGHT: f64 = 18.0;

impl Drawing {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            body: String::new(),
        }
    }

    pub(super) fn right(&self) -> f64 {
        self.width - RIGHT
    }

    pub(super) fn floor(&self) -> f64 {
        self.height - BOTTOM
    }

    /// Adds elements as they are.
    pub(super) fn add(&mut self, elements: std::fmt::Arguments<'_>) {
        // Writing to a text cannot fail.
        let _ = self.body.write_fmt(elements);
    }

    /// Adds a text; `anchor` is `start`, `middle` or `end`.
    pub(super) fn label(&mut self, x: f64, y: f64, anchor: &str, class: &str, text: &str) {
        let text = escape(text);
        self.add(format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}" class="{class}">{text}</text>"#
        ));
    }

    /// A horizontal axis along the floor.
    pub(super) fn x_axis(&mut self, scale: Scale, unit: Unit, title: &str) {
        let floor = self.floor();
        let (step, name) = unit.step(scale.most);
        for (value, text) in scale.ticks(step) {
            let x = scale.at(value);
            let text = if scale.log {
                unit::time(value as u64)
            } else {
                text
            };
            let (top, end) = (TOP, floor + 4.0);
            self.add(format_args!(
                r#"<path d="M{x:.1} {floor:.1}V{end:.1}" class="axis"/>"#
            ));
            if scale.log {
                self.add(format_args!(
                    r#"<path d="M{x:.1} {floor:.1}V{top:.1}" class="grid"/>"#
                ));
            }
            self.label(x, floor + 18.0, "middle", "tick", &text);
        }
        let right = self.right();
        self.add(format_args!(
            r#"<path d="M{LEFT} {floor:.1}H{right:.1}" class="axis"/>"#
        ));
        let name = if scale.log { "" } else { name };
        let middle = f64::midpoint(LEFT, right);
        self.label(
            middle,
            floor + 37.0,
            "middle",
            "title",
            &with_unit(title, name),
        );
    }

    /// A vertical axis on the left, with lines through the picture.
    pub(super) fn y_axis(&mut self, scale: Scale, unit: Unit, title: &str) {
        let (step, name) = unit.step(scale.most);
        let right = self.right();
        for (value, text) in scale.ticks(step) {
            let y = scale.at(value);
            self.add(format_args!(
                r#"<path d="M{LEFT} {y:.1}H{right:.1}" class="grid"/>"#
            ));
            self.label(LEFT - 8.0, y + 4.0, "end", "tick", &text);
        }
        let middle = f64::midpoint(TOP, self.floor());
        let title = escape(&with_unit(title, name));
        self.add(format_args!(
            r#"<text transform="translate(15 {middle:.1}) rotate(-90)" text-anchor="middle" class="title">{title}</text>"#
        ));
    }

    /// The whole picture; `name` and `about` are for those who do not see it.
    pub(super) fn finish(self, name: &str, about: &str) -> String {
        let Self {
            width,
            height,
            body,
        } = self;
        let (name, about) = (escape(name), escape(about));
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0} {height:.0}" role="img" aria-label="{name}: {about}">{body}</svg>"#
        )
    }
}

fn with_unit(title: &str, unit: &str) -> String {
    match unit {
        "" => title.to_owned(),
        unit => format!("{title}, {unit}"),
    }
}
