//! Courses of the clusters of a report, as the lines of its charts.

use jiff::Timestamp;
use wire::{CloudWatch, CloudWatchState, Columns, MetricPoints, Report, Row, Series, Validity};

use super::axis::shown;
use super::chart::Chart;
use super::line::{Line, Point, Stroke};
use super::marks::Marks;
use super::scale::grouped;
use crate::costs::costs;

/// Shorter runs are drawn by second.
const BY_SECOND_BELOW_SECONDS: f64 = 600.0;
/// CloudWatch's only period here, and our longer step.
const MINUTE: f64 = 60.0;

/// What the charts of one report have in common.
pub(super) struct Courses<'a> {
    pub(super) report: &'a Report,
    pub(super) cloud_watch: Option<&'a CloudWatch>,
    pub(super) marks: Marks,
    /// Any of them: all count from the same start, or are moved to this one's.
    pub(super) first: &'a Series,
    pub(super) step: f64,
    pub(super) times: (f64, f64),
}

impl<'a> Courses<'a> {
    /// `None`: there is nothing to draw.
    pub(super) fn of(report: &'a Report, cloud_watch: Option<&'a CloudWatch>) -> Option<Self> {
        let first = report.series.first()?;
        let has = |of: fn(&Series) -> Option<&Columns>| {
            report.series.iter().all(|series| of(series).is_some())
                && report.series.iter().any(|series| of(series).is_some_and(|columns| !columns.at.is_empty()))
        };
        let (seconds, minutes) = (has(|series| series.seconds.as_ref()), has(|series| series.minutes.as_ref()));
        let mut courses = Self { report, cloud_watch, marks: Marks::of(report), first, step: 1.0, times: (0.0, 0.0) };
        let (from, to) = courses.own_extent();
        courses.step = match (seconds, minutes) {
            (true, _) if to - from < BY_SECOND_BELOW_SECONDS || !minutes => 1.0,
            (_, true) => MINUTE,
            _ => return None,
        };
        courses.times = courses.extent();
        Some(courses)
    }

    /// Columns that are drawn.
    fn columns(&self, series: &'a Series) -> impl Iterator<Item = Row> {
        let columns = if self.step < MINUTE { &series.seconds } else { &series.minutes };
        columns.iter().flat_map(Columns::rows)
    }

    /// First and last moment of our own steps.
    fn own_extent(&self) -> (f64, f64) {
        let steps = |series: &'a Series| {
            let later = self.later(series.start);
            let begins = self.columns(series).map(move |row| later + f64::from(row.at) * self.step);
            begins.flat_map(|at| [at, at + self.step]).collect::<Vec<_>>()
        };
        ends(self.report.series.iter().flat_map(steps))
    }

    /// The same with CloudWatch's minutes.
    fn extent(&self) -> (f64, f64) {
        let (from, to) = self.own_extent();
        let cloud = self.cloud_watch.iter().flat_map(|all| &all.clusters).flat_map(|cluster| &cluster.metrics);
        let later = self.cloud_watch.map_or(0.0, |all| self.later(all.start));
        // Targets are healthy also when nobody asks them for anything.
        let traffic = cloud.filter(|points| points.metric != "HealthyHostCount").flat_map(|points| &points.at);
        let minutes = traffic.map(|at| later + f64::from(*at) * MINUTE).flat_map(|at| [at, at + MINUTE]);
        ends(minutes.chain([from, to]))
    }

    /// Another start in seconds from that of the series.
    pub(super) fn later(&self, start: Timestamp) -> f64 {
        start.duration_since(self.first.start).as_secs() as f64
    }

    pub(super) fn requests(&self) -> Chart<'_> {
        let mut lines = Vec::new();
        for (index, series) in self.report.series.iter().enumerate() {
            lines.push(self.ours(index, Stroke::Solid, "", |row| Some(row.sent as f64)));
            let points = self.points(series, "RequestCount", "Sum");
            lines.extend(
                points.map(|points| self.theirs(index, Stroke::Dotted, "RequestCount", points, self.per_step())),
            );
        }
        let (title, unit) = if self.step < MINUTE {
            ("Requests sent per second", "requests/s")
        } else {
            ("Requests sent per minute", "requests/min")
        };
        self.chart("requests", title, unit, "", lines)
    }

    pub(super) fn per_target(&self) -> Chart<'_> {
        let mut lines = Vec::new();
        let mut unknown = Vec::new();
        for (index, series) in self.report.series.iter().enumerate() {
            if series.members == 0 {
                unknown.push(series.cluster.as_str());
            } else {
                let members = f64::from(series.members);
                let name = format!(", of {} targets", series.members);
                lines.push(self.ours(index, Stroke::Solid, &name, move |row| Some(row.sent as f64 / members)));
            }
            let statistics = [
                ("Sum", Stroke::Dotted, self.per_step() / 1000.0, "RequestCountPerTarget Sum: the mean per target"),
                (
                    "Average",
                    Stroke::DottedWider,
                    1.0 / 1000.0,
                    "RequestCountPerTarget Average: of single samples, shows only when there was traffic",
                ),
            ];
            for (statistic, stroke, scale, name) in statistics {
                let points = self.points(series, "RequestCountPerTarget", statistic);
                lines.extend(points.map(|points| self.theirs(index, stroke, name, points, scale)));
            }
        }
        let (title, unit) = if self.step < MINUTE {
            ("Requests per target and second", "requests/s")
        } else {
            ("Requests per target and minute", "requests/min")
        };
        let missing = match &unknown[..] {
            [] => String::new(),
            names => format!("how many targets {} has is not known", names.join(", ")),
        };
        self.chart("per-target", title, unit, &missing, lines)
    }

    pub(super) fn response_time(&self) -> Chart<'_> {
        type Time = fn(&Row) -> Option<u64>;
        let times: [(&str, &str, Stroke, Stroke, Time); 3] = [
            ("mean", "Average", Stroke::Solid, Stroke::Dotted, |row| row.mean_micros),
            ("p50", "p50", Stroke::Dashed, Stroke::DottedWide, |row| row.p50_micros),
            ("p99", "p99", Stroke::DashDotted, Stroke::DottedWider, |row| row.p99_micros),
        ];
        let rows = self.report.series.iter().flat_map(|series| self.columns(series));
        let slowest = rows.flat_map(|row| times.map(|(.., time)| time(&row))).flatten().max().unwrap_or(0);
        let (unit, micros) = match slowest {
            0..1000 => ("us", 1.0),
            1000..1_000_000 => ("ms", 1e3),
            _ => ("s", 1e6),
        };
        let mut lines = Vec::new();
        for (index, series) in self.report.series.iter().enumerate() {
            for (name, statistic, ours, theirs, time) in times {
                let value = move |row: &Row| time(row).map(|time| time as f64 / micros);
                lines.push(self.ours(index, ours, &format!(", {name}"), value));
                let points = self.points(series, "TargetResponseTime", statistic);
                let name = format!("TargetResponseTime {statistic}");
                lines.extend(points.map(|points| self.theirs(index, theirs, &name, points, 1.0 / micros)));
            }
        }
        let lines = lines.into_iter().filter(|line| line.points().next().is_some()).collect();
        self.chart("response-time", "Response time of answered requests", unit, "", lines)
    }

    /// Counts of a minute as what is drawn: of a step.
    fn per_step(&self) -> f64 {
        self.step / MINUTE
    }

    fn ours(&self, index: usize, stroke: Stroke, name: &str, value: impl Fn(&Row) -> Option<f64>) -> Line {
        let series = &self.report.series[index];
        let later = self.later(series.start);
        let mut pieces: Vec<Vec<Point>> = Vec::new();
        let mut before: Option<u32> = None;
        for row in self.columns(series) {
            let Some(value) = value(&row) else { continue };
            if before.is_none_or(|before| row.at != before.saturating_add(1)) {
                pieces.push(Vec::new());
            }
            before = Some(row.at);
            let at = later + (f64::from(row.at) + 0.5) * self.step;
            pieces.last_mut().into_iter().for_each(|piece| piece.push(Point { at, value }));
        }
        Line { name: format!("{}{name}", series.cluster), place: index, stroke, pieces }
    }

    /// CloudWatch's minutes: points beside our minutes, and steps as long as a minute over our seconds.
    fn theirs(&self, index: usize, stroke: Stroke, name: &str, points: &MetricPoints, scale: f64) -> Line {
        let later = self.cloud_watch.map_or(0.0, |all| self.later(all.start));
        let mut pieces: Vec<Vec<Point>> = Vec::new();
        let mut before: Option<u32> = None;
        for (minute, value) in points.points() {
            if before.is_none_or(|before| minute != before.saturating_add(1)) {
                pieces.push(Vec::new());
            }
            before = Some(minute);
            let (begins, value) = (later + f64::from(minute) * MINUTE, value as f64 * scale);
            let places = if self.step < MINUTE { vec![begins, begins + MINUTE] } else { vec![begins + MINUTE / 2.0] };
            let new = places.into_iter().map(|at| Point { at, value });
            pieces.last_mut().into_iter().for_each(|piece| piece.extend(new.clone()));
        }
        let cluster = &self.report.series[index].cluster;
        Line { name: format!("{cluster}, CloudWatch {name}"), place: index, stroke, pieces }
    }

    fn points(&self, series: &Series, metric: &str, statistic: &str) -> Option<&'a MetricPoints> {
        let all = self.cloud_watch?;
        let cluster = all.clusters.iter().find(|cluster| cluster.cluster == series.cluster)?;
        cluster.points(metric, statistic)
    }

    fn chart(&self, id: &'static str, title: &str, unit: &'static str, missing: &str, lines: Vec<Line>) -> Chart<'_> {
        let description = self.description((title, unit), "nothing was sent", missing, &lines);
        let (marks, series, times) = (&self.marks, self.first, self.times);
        let (title, subtitle) = (title.to_owned(), self.subtitle(missing));
        Chart { id, title, subtitle, description, unit, lines, marks, series, times }
    }

    fn subtitle(&self, missing: &str) -> String {
        let mut said: Vec<String> = self.caution().into_iter().collect();
        said.push("the generator's own counts, warm-up and voided rounds included".to_owned());
        if let Some(all) = self.cloud_watch {
            let means = if self.step < MINUTE { ", the mean of each minute" } else { "" };
            said.push(match all.state {
                CloudWatchState::Complete => format!("dotted: CloudWatch{means}"),
                CloudWatchState::Partial => format!("dotted: CloudWatch{means}, not complete"),
                CloudWatchState::None => "CloudWatch told nothing".to_owned(),
            });
        }
        said.extend((!missing.is_empty()).then(|| missing.to_owned()));
        said.join("; ")
    }

    /// Stands before everything else in a picture of a run that is not valid.
    pub(super) fn caution(&self) -> Option<String> {
        (self.report.validity == Validity::Invalid).then(|| "NOT VALID, must not be quoted".to_owned())
    }

    /// The picture for those who do not see it; `gap` is what a line is broken at.
    pub(super) fn description(&self, (title, unit): (&str, &str), gap: &str, missing: &str, lines: &[Line]) -> String {
        let moment = |seconds: f64| shown(self.first, seconds.max(0.0) as u64, "%Y-%m-%d %H:%M:%S");
        let mut said = vec![format!("{title}, from {} to {} UTC.", moment(self.times.0), moment(self.times.1))];
        for line in lines {
            let values = || line.points().map(|point| point.value);
            let (least, most) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
            said.push(match line.points().count() {
                0 => format!("{}: no values.", line.name),
                _ => format!("{}: {} to {} {unit}.", line.name, short(least), short(most)),
            });
        }
        said.push(format!("A line is broken where {gap}."));
        if !self.marks.pauses.is_empty() {
            said.push(format!("Pauses are shaded: {}.", self.marks.pauses.len()));
        }
        said.extend((!missing.is_empty()).then(|| format!("{missing}.")));
        said.extend(costs(self.report).iter().map(|cost| format!("{cost}.")));
        said.extend(self.cloud_watch.iter().flat_map(|all| &all.checks).map(|check| format!("{}.", check.sentence)));
        said.join(" ")
    }
}

/// First and last of these moments.
pub(super) fn ends(moments: impl Iterator<Item = f64>) -> (f64, f64) {
    let (from, to) = moments.fold((f64::INFINITY, f64::NEG_INFINITY), |(from, to), at| (at.min(from), at.max(to)));
    if from < to { (from, to) } else { (0.0, 1.0) }
}

/// A number with about three digits.
fn short(value: f64) -> String {
    let decimals = if value >= 100.0 || value == value.trunc() {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    grouped(value, decimals)
}
