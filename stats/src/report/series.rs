//! Series of the parts of a run as those of the whole: counts are added step by step, quantiles never.

use std::collections::BTreeMap;

use jiff::Timestamp;
use wire::{
    Columns, Environment, MemberColumn, QueueColumns, Report, RoundOutcome, RoundReport, Row, RunSpec, Series, Span,
    SpanKind,
};

use super::shared::is_shared;
use super::twins;

/// What is said where several generators' answers are in one step.
const NO_QUANTILES: &str = "p50 and p99 by second and by minute are there only where one generator alone had answers: \
                            quantiles of several cannot be added up";
/// What is said where a part cannot tell what the whole would be.
const NO_SERIES: &str = "the whole run has no series, because a part of it has none: it was measured by an earlier \
                         version, or its generator's process ended";
const NO_SECONDS: &str = "the whole run has no series by second, because a part of it lacks them";
const NO_MINUTES: &str = "the whole run has no series by minute, because a part of it lacks them";

/// Notes how many members each cluster has at the same time: as the run was told, or else as many as answered.
pub(super) fn note_members(series: &mut [Series], spec: &RunSpec, environment: &Environment) {
    let (_, twins) = twins(spec);
    for one in series {
        let twin = twins.iter().find(|(_, twin)| *twin == one.cluster);
        let serves = twin.map_or(one.cluster.as_str(), |(original, _)| *original);
        let is_of_all = is_shared(spec, serves);
        let told = spec.members.iter().filter(|member| is_of_all || member.cluster == serves).count();
        let facts = || {
            let clusters = environment.clusters.iter().filter(|facts| is_of_all || facts.cluster == serves);
            clusters.map(|facts| facts.members.len()).sum()
        };
        let named = || {
            let members = one.minutes.iter().flat_map(|minutes| &minutes.members);
            members.filter(|member| !member.id.is_empty()).count()
        };
        let known = [told, facts(), named()].into_iter().find(|count| *count > 0).unwrap_or(0);
        one.members = u32::try_from(known).unwrap_or(u32::MAX);
    }
}

/// Series of generators that sent at the same time. `attempt` says where a round of a part is in the whole.
pub(super) fn together(
    reports: &[Report],
    rounds: &[RoundReport],
    attempt: impl Fn(usize, usize) -> Option<usize>,
) -> Vec<Series> {
    joined(reports, rounds, attempt, true)
}

/// Series of launches that were measured one after the other.
pub(super) fn one_after_the_other(
    reports: &[Report],
    rounds: &[RoundReport],
    attempt: impl Fn(usize, usize) -> Option<usize>,
) -> Vec<Series> {
    joined(reports, rounds, attempt, false)
}

/// What is not in the series of the whole, although it was asked for.
pub(super) fn notes(reports: &[Report], joined: &[Series]) -> Vec<String> {
    let parts = || reports.iter().flat_map(|report| &report.series);
    if joined.is_empty() {
        return parts().next().map(|_| NO_SERIES.to_owned()).into_iter().collect();
    }
    let lost = |of: fn(&Series) -> bool| parts().any(of) && !joined.iter().any(of);
    let columns = joined.iter().flat_map(|series| [&series.seconds, &series.minutes]).flatten();
    let mixed = columns.flat_map(Columns::rows).any(|row| row.answered > 0 && row.p50_micros.is_none());
    let said = [
        (lost(|series| series.seconds.is_some()), NO_SECONDS),
        (lost(|series| series.minutes.is_some()), NO_MINUTES),
        (mixed, NO_QUANTILES),
    ];
    said.into_iter().filter(|(is_so, _)| *is_so).map(|(_, note)| note.to_owned()).collect()
}

/// A sum in which a part is missing would be a wrong number, and its steps would look like gaps: then there is none.
fn joined(
    reports: &[Report],
    rounds: &[RoundReport],
    attempt: impl Fn(usize, usize) -> Option<usize>,
    at_the_same_time: bool,
) -> Vec<Series> {
    let names = reports.first().into_iter().flat_map(|first| &first.series).map(|series| &series.cluster);
    let of_all = |name: &String| -> Option<Vec<&Series>> {
        reports.iter().map(|report| report.series.iter().find(|series| series.cluster == *name)).collect()
    };
    let Some(clusters) = names.map(of_all).collect::<Option<Vec<_>>>() else { return Vec::new() };
    clusters.iter().filter_map(|parts| one(parts, rounds, &attempt, at_the_same_time)).collect()
}

/// The series of one cluster.
fn one(
    parts: &[&Series],
    rounds: &[RoundReport],
    attempt: &impl Fn(usize, usize) -> Option<usize>,
    at_the_same_time: bool,
) -> Option<Series> {
    let first = parts.first()?;
    let start = parts.iter().map(|part| part.start).min()?;
    let columns = |of: fn(&Series) -> Option<&Columns>| {
        let parts: Option<Vec<_>> = parts.iter().map(|part| Some((part.start, of(part)?))).collect();
        parts.map(|parts| added(&parts, start, at_the_same_time))
    };
    Some(Series {
        cluster: first.cluster.clone(),
        members: parts.iter().map(|part| part.members).max().unwrap_or(0),
        sent: parts.iter().map(|part| part.sent).sum(),
        start,
        seconds: columns(|part| part.seconds.as_ref()),
        minutes: columns(|part| part.minutes.as_ref()),
        queue: queue(parts, start, at_the_same_time),
        spans: spans(parts, start, rounds, attempt),
    })
}

/// What the front said of the queue. Generators looked at the same one at the same time: the first says it all.
fn queue(parts: &[&Series], start: Timestamp, at_the_same_time: bool) -> Option<QueueColumns> {
    let looks = parts.iter().take(if at_the_same_time { 1 } else { parts.len() });
    let looks: Option<Vec<_>> = looks.map(|part| Some((part.start, part.queue.as_ref()?))).collect();
    let looks = looks?;
    let has_starting = looks.iter().all(|(_, queue)| !queue.starting.is_empty());
    let mut whole = QueueColumns::default();
    for (began, queue) in looks {
        let later = u64::try_from(began.duration_since(start).as_millis()).unwrap_or(0);
        whole.at_millis.extend(queue.at_millis.iter().map(|millis| millis + later));
        whole.waiting.extend(&queue.waiting);
        whole.taken.extend(&queue.taken);
        whole.running.extend(&queue.running);
        whole.starting.extend(queue.starting.iter().filter(|_| has_starting));
    }
    Some(whole)
}

fn added(parts: &[(Timestamp, &Columns)], start: Timestamp, at_the_same_time: bool) -> Columns {
    let step_seconds = parts.first().map_or(1, |(_, columns)| columns.step_seconds).max(1);
    let mut rows: BTreeMap<u32, Row> = BTreeMap::new();
    let mut members: BTreeMap<&str, BTreeMap<u32, u64>> = BTreeMap::new();
    for (began, columns) in parts {
        // Both are whole minutes.
        let later = u32::try_from(began.duration_since(start).as_secs()).unwrap_or(0) / step_seconds;
        for row in columns.rows() {
            let row = Row { at: later.saturating_add(row.at), ..row };
            let known = rows.entry(row.at).or_insert(Row { at: row.at, ..Row::default() });
            *known = sum(known, &row, at_the_same_time);
        }
        for member in &columns.members {
            let known = members.entry(&member.id).or_default();
            for (at, answers) in columns.at.iter().zip(&member.answers) {
                *known.entry(later.saturating_add(*at)).or_default() += answers;
            }
        }
    }
    let mut whole = Columns::of(step_seconds, rows.into_values());
    let column = |(id, answers): (&str, BTreeMap<u32, u64>)| MemberColumn {
        id: id.to_owned(),
        answers: whole.at.iter().map(|at| answers.get(at).copied().unwrap_or(0)).collect(),
    };
    whole.members = members.into_iter().map(column).collect();
    whole
}

/// Both steps as one. A mean of means weighted by their counts is the mean; a quantile of quantiles is none.
fn sum(one: &Row, other: &Row, at_the_same_time: bool) -> Row {
    let load = if at_the_same_time { u64::max } else { |one: u64, other| one + other };
    let weighed = |row: &Row| Some(u128::from(row.mean_micros?) * u128::from(row.answered));
    let answered = one.answered + other.answered;
    let all = weighed(one).unwrap_or(0) + weighed(other).unwrap_or(0);
    let mean = (all + u128::from(answered) / 2).checked_div(u128::from(answered));
    let of_one = |value: fn(&Row) -> Option<u64>| match (one.answered, other.answered) {
        (_, 0) => value(one),
        (0, _) => value(other),
        _ => None,
    };
    Row {
        at: one.at,
        sent: one.sent + other.sent,
        answered,
        failed: one.failed + other.failed,
        open_at_end: one.open_at_end + other.open_at_end,
        load_micros: load(one.load_micros, other.load_micros),
        mean_micros: mean.map(|mean| mean as u64),
        p50_micros: of_one(|row| row.p50_micros),
        p99_micros: of_one(|row| row.p99_micros),
    }
}

/// Spans that belong together: of the same load in all parts, and of one part where each is a launch.
type Key = (Option<usize>, bool, usize, usize);

fn spans(
    parts: &[&Series],
    start: Timestamp,
    rounds: &[RoundReport],
    attempt: &impl Fn(usize, usize) -> Option<usize>,
) -> Vec<Span> {
    let mut all: BTreeMap<Key, Span> = BTreeMap::new();
    for (part, series) in parts.iter().enumerate() {
        let later = u64::try_from(series.start.duration_since(start).as_millis()).unwrap_or(0);
        let mut seen: BTreeMap<(Option<usize>, bool), usize> = BTreeMap::new();
        for span in &series.spans {
            let place = span.attempt.and_then(|place| attempt(part, place as usize));
            let is_pause = span.kind == SpanKind::Pause;
            let number = seen.entry((place, is_pause)).or_default();
            // Warm-ups of launches and of generators are told apart: nothing says which of them were one load.
            let of_part = if place.is_some() { 0 } else { part };
            let key = (place, is_pause, of_part, *number);
            *number += 1;
            let moved = moved(span, later, place, rounds);
            all.entry(key).and_modify(|known| add(known, &moved)).or_insert(moved);
        }
    }
    let mut spans: Vec<Span> = all.into_values().collect();
    spans.sort_by_key(|span| (span.from_millis, span.to_millis));
    spans
}

/// A span of a part, in the time and with the rounds of the whole.
fn moved(span: &Span, later: u64, place: Option<usize>, rounds: &[RoundReport]) -> Span {
    let round = place.and_then(|place| rounds.get(place));
    let kind = match (span.kind, round.map(|round| round.outcome)) {
        (SpanKind::Counted | SpanKind::Voided, Some(RoundOutcome::Counted)) => SpanKind::Counted,
        (SpanKind::Counted | SpanKind::Voided, Some(RoundOutcome::Voided)) => SpanKind::Voided,
        (kind, _) => kind,
    };
    Span {
        kind,
        round: round.map_or(span.round, |round| round.round),
        attempt: place.and_then(|place| u32::try_from(place).ok()),
        from_millis: span.from_millis + later,
        to_millis: span.to_millis + later,
        ..span.clone()
    }
}

fn add(known: &mut Span, other: &Span) {
    known.from_millis = known.from_millis.min(other.from_millis);
    known.to_millis = known.to_millis.max(other.to_millis);
    known.sent += other.sent;
    known.answered += other.answered;
    known.failed += other.failed;
    known.open_at_end += other.open_at_end;
}
