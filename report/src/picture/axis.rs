//! Axes of a chart: ticks with their labels, lines across, units.

use std::time::Duration;

use super::frame::Frame;
use super::scale::{Scale, clock_step, value_ticks};
use super::xml::{px, text};
use wire::Series;

/// Half of the room that a time needs.
const HALF_LABEL: f64 = 26.0;

/// The axis of values on the left, from 0.
pub(super) struct Values {
    ticks: Vec<(f64, String)>,
    pub(super) scale: Scale,
}

impl Values {
    pub(super) fn up_to(most: f64, frame: &Frame) -> Self {
        let ticks = value_ticks(most);
        let to = ticks.last().map_or(1.0, |(value, _)| *value);
        Self { ticks, scale: Scale { from: 0.0, to, pixels: (frame.bottom, frame.top) } }
    }

    pub(super) fn svg(&self, unit: &str, frame: &Frame) -> String {
        let mut svg = String::new();
        for (value, label) in &self.ticks {
            let y = self.scale.px(*value);
            let line = format!("M{} {1} L{2} {1}", px(frame.left), px(y), px(frame.right));
            let (class, colour) = if *value == 0.0 { ("axis", "#444") } else { ("grid", "#e4e4e4") };
            svg += &format!("<path class=\"{class}\" d=\"{line}\" stroke=\"{colour}\"/>\n");
            svg += &text(frame.left - 6.0, y + 4.0, "text-anchor=\"end\"", label);
        }
        svg + &text(8.0, frame.top - 10.0, "fill=\"#444\"", unit)
    }
}

/// The axis of time below, in UTC.
pub(super) struct Times<'a> {
    series: &'a Series,
    pub(super) scale: Scale,
}

impl<'a> Times<'a> {
    /// Seconds from the start of the series.
    pub(super) fn between(series: &'a Series, (from, to): (f64, f64), frame: &Frame) -> Self {
        Self { series, scale: Scale { from, to, pixels: (frame.left, frame.right) } }
    }

    pub(super) fn svg(&self, frame: &Frame) -> String {
        let length = Duration::try_from_secs_f64(self.scale.to - self.scale.from).unwrap_or_default();
        let step = clock_step(length);
        let format = match step {
            0..60 => "%H:%M:%S",
            60..86_400 if length.as_secs() < 86_400 => "%H:%M",
            _ => "%m-%d %H:%M",
        };
        let begins = self.series.start.as_second().max(0) as u64;
        let first = (begins + self.scale.from.max(0.0).ceil() as u64).div_ceil(step) * step;
        let last = begins + self.scale.to.max(0.0).floor() as u64;
        let mut svg = String::new();
        for second in (first..=last).step_by(step as usize) {
            let x = self.scale.px((second - begins) as f64);
            let line = format!("M{0} {1} L{0} {2}", px(x), px(frame.bottom), px(frame.bottom + 5.0));
            svg += &format!("<path class=\"axis\" d=\"{line}\" stroke=\"#444\"/>\n");
            // At the edge there is no room for the second half of it.
            let is_at_edge = x + HALF_LABEL > frame.right;
            let (x, anchor) = if is_at_edge { (frame.right, "end") } else { (x, "middle") };
            let anchor = format!("text-anchor=\"{anchor}\"");
            svg += &text(x, frame.bottom + 18.0, &anchor, &self.shown(second - begins, format));
        }
        let day = self.shown(self.scale.from.max(0.0) as u64, "%Y-%m-%d");
        let middle = (frame.left + frame.right) / 2.0;
        svg + &text(middle, frame.bottom + 36.0, "text-anchor=\"middle\" fill=\"#444\"", &format!("{day}, UTC"))
    }

    fn shown(&self, seconds: u64, format: &str) -> String {
        shown(self.series, seconds, format)
    }
}

/// A moment in seconds from the start of the series, in UTC.
pub(super) fn shown(series: &Series, seconds: u64, format: &str) -> String {
    let moment = series.start.checked_add(Duration::from_secs(seconds)).unwrap_or(series.start);
    moment.strftime(format).to_string()
}
