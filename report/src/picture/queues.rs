//! Queues of a run as the lines of charts: what waits in each, and how many instances work on it.

use wire::{QueueColumns, Report, Series};

use super::chart::Chart;
use super::courses::{Courses, ends};
use super::line::{Line, Point, Stroke};
use super::marks::Marks;

/// Longer without a look and a line is broken: nobody knows what was in between.
const SILENCE_SECONDS: f64 = 30.0;

/// One column of a queue.
type Column = fn(&QueueColumns) -> &Vec<u64>;

impl<'a> Courses<'a> {
    /// `None`: nobody looked at a queue.
    pub(super) fn of_queues(report: &'a Report) -> Option<Self> {
        let first = report.series.first()?;
        let mut courses =
            Self { report, cloud_watch: None, marks: Marks::of(report), first, step: 1.0, times: (0.0, 1.0) };
        let looks = report.series.iter().flat_map(|series| {
            let later = courses.later(series.start);
            series.queue.iter().flat_map(|queue| &queue.at_millis).map(move |millis| later + *millis as f64 / 1000.0)
        });
        let looks: Vec<f64> = looks.collect();
        if looks.is_empty() {
            return None;
        }
        courses.times = ends(looks.into_iter());
        Some(courses)
    }

    pub(super) fn queue(&self) -> Chart<'_> {
        let lines = self.looked_at(&[
            ("in the queue", Stroke::Solid, |queue| &queue.waiting),
            ("taken by a worker", Stroke::Dashed, |queue| &queue.taken),
        ]);
        self.queue_chart("queue", "Requests without an answer", "requests", lines)
    }

    pub(super) fn instances(&self) -> Chart<'_> {
        let lines = self.looked_at(&[
            ("at work", Stroke::Solid, |queue| &queue.running),
            ("starting", Stroke::Dashed, |queue| &queue.starting),
        ]);
        self.queue_chart("instances", "Instances", "instances", lines)
    }

    fn looked_at(&self, columns: &[(&str, Stroke, Column)]) -> Vec<Line> {
        let mut lines = Vec::new();
        for (place, series) in self.report.series.iter().enumerate() {
            let Some(queue) = &series.queue else { continue };
            for (name, stroke, column) in columns {
                let values = column(queue);
                if !values.is_empty() {
                    let name = format!("{}, {name}", series.cluster);
                    lines.push(Line { name, place, stroke: *stroke, pieces: self.pieces(series, queue, values) });
                }
            }
        }
        lines
    }

    fn pieces(&self, series: &Series, queue: &QueueColumns, values: &[u64]) -> Vec<Vec<Point>> {
        let later = self.later(series.start);
        let mut pieces: Vec<Vec<Point>> = Vec::new();
        for (millis, value) in queue.at_millis.iter().zip(values) {
            let point = Point { at: later + *millis as f64 / 1000.0, value: *value as f64 };
            let follows = |before: &Point| point.at - before.at <= SILENCE_SECONDS;
            match pieces.last_mut() {
                Some(piece) if piece.last().is_some_and(follows) => piece.push(point),
                _ => pieces.push(vec![point]),
            }
        }
        pieces
    }

    /// Clusters that have no line, because nobody looked at their queue.
    fn unseen(&self) -> String {
        let is_unseen = |series: &&Series| series.queue.as_ref().is_none_or(|queue| queue.at_millis.is_empty());
        let names = self.report.series.iter().filter(is_unseen).map(|series| series.cluster.as_str());
        match &names.collect::<Vec<_>>()[..] {
            [] => String::new(),
            names => format!("nobody looked at the queue of {}", names.join(", ")),
        }
    }

    fn queue_chart(&self, id: &'static str, title: &str, unit: &'static str, lines: Vec<Line>) -> Chart<'_> {
        let unseen = self.unseen();
        let gap = format!("nobody looked at the queue for longer than {SILENCE_SECONDS} s");
        let description = self.description((title, unit), &gap, &unseen, &lines);
        let source = "what the front said; how the requests divide is SQS's own estimate".to_owned();
        let said = [self.caution(), Some(source), Some(unseen).filter(|unseen| !unseen.is_empty())];
        let subtitle = said.into_iter().flatten().collect::<Vec<_>>().join("; ");
        let (marks, series, times) = (&self.marks, self.first, self.times);
        Chart { id, title: title.to_owned(), subtitle, description, unit, lines, marks, series, times }
    }
}
