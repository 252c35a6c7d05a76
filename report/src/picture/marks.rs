//! Marks behind the lines: where rounds begin, and where nothing was sent because the load says so.

use std::collections::BTreeMap;

use wire::{Report, Span, SpanKind};

use super::scale::Scale;
use super::xml::{px, text};

/// More rounds than this are not told apart any more.
const MOST_ROUNDS: usize = 100;
/// Room that the number of a round needs.
const LABEL_PIXELS: f64 = 14.0;
const PIXELS_PER_LETTER: f64 = 5.5;

/// Times are in seconds from the start of the series.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    pub(super) pauses: Vec<(f64, f64)>,
    /// Begin and name.
    pub(super) rounds: Vec<(f64, String)>,
}

impl Marks {
    pub(super) fn of(report: &Report) -> Self {
        let spans = || report.series.iter().flat_map(|series| &series.spans);
        let seconds = |millis: u64| millis as f64 / 1000.0;
        let pauses = spans().filter(|span| span.kind == SpanKind::Pause);
        let mut begins: BTreeMap<(u32, Option<u32>), &Span> = BTreeMap::new();
        for span in spans().filter(|span| span.kind != SpanKind::Pause) {
            let first = begins.entry((span.round, span.attempt)).or_insert(span);
            if span.from_millis < first.from_millis {
                *first = span;
            }
        }
        let mut rounds: Vec<_> = begins.into_values().map(|span| (seconds(span.from_millis), name(span))).collect();
        rounds.sort_by(|one, other| one.0.total_cmp(&other.0));
        if rounds.len() > MOST_ROUNDS {
            rounds.clear();
        }
        Self { pauses: pauses.map(|span| (seconds(span.from_millis), seconds(span.to_millis))).collect(), rounds }
    }

    pub(super) fn svg(&self, x: &Scale, (top, bottom): (f64, f64)) -> String {
        let mut svg = String::new();
        let within = |at: f64| x.px(at.clamp(x.from, x.to));
        for (from, to) in &self.pauses {
            let (from, to) = (within(*from), within(*to));
            svg += &format!(
                "<rect class=\"pause\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"#000\" fill-opacity=\"0.08\"><title>pause</title></rect>\n",
                px(from),
                px(top),
                px((to - from).max(0.0)),
                px(bottom - top)
            );
        }
        let mut free = f64::MIN;
        for (at, name) in &self.rounds {
            let at = within(*at);
            let line = format!("M{0} {1} L{0} {2}", px(at), px(top), px(bottom));
            svg += &format!("<path class=\"round\" d=\"{line}\" stroke=\"#c4c4c4\" stroke-dasharray=\"2 3\"/>\n");
            if at >= free {
                svg += &text(at + 2.0, top + 10.0, "font-size=\"10\" fill=\"#5c5c5c\"", name);
                free = at + LABEL_PIXELS + PIXELS_PER_LETTER * name.chars().count() as f64;
            }
        }
        svg
    }
}

fn name(span: &Span) -> String {
    match span.kind {
        SpanKind::WarmUp => "warm-up".to_owned(),
        SpanKind::Voided => format!("{} voided", span.round),
        SpanKind::Unfinished => format!("{} unfinished", span.round),
        SpanKind::Counted | SpanKind::Pause => span.round.to_string(),
    }
}
