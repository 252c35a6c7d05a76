//! Series of one cluster: counts by UTC second, a histogram for the second and one for the minute that are on, and spans.
//! Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use stats::Latencies;
use wire::{Columns, MemberColumn, QueueStatus, RoundOutcome, Row, Series, Span, SpanKind};

use super::queue::QueueSeries;
use crate::engine::segment::Second;
use crate::engine::wall_clock::NANOS_PER_SECOND;

const SECONDS_PER_MINUTE: u64 = 60;
const NANOS_PER_MILLI: u64 = 1_000_000;
/// Members are told apart up to this number, over the whole run; answers of any more count as unnamed. A backend that
/// invents a new name for every answer must not fill the generator's memory.
const MOST_MEMBERS: usize = 1024;

#[derive(Debug, Default)]
pub(super) struct ClusterSeries {
    sent: u64,
    /// Counts by UTC second since 1970. One that is not here is a gap.
    seconds: BTreeMap<u64, Row>,
    /// Times of the answers by UTC minute since 1970, of those that are over.
    minutes: BTreeMap<u64, Times>,
    /// Answers of the seconds that may not be over.
    open_seconds: BTreeMap<u64, Latencies>,
    /// Answers of the minute that may not be over.
    open_minute: Option<(u64, Latencies)>,
    /// Whole answers by member and UTC minute.
    members: BTreeMap<Arc<[u8]>, BTreeMap<u64, u64>>,
    /// Milliseconds in them are since 1970.
    spans: Vec<Span>,
    queue: QueueSeries,
    current: Option<Current>,
}

/// Times of answers, in microseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    mean: Option<u64>,
    p50: Option<u64>,
    p99: Option<u64>,
}

impl Times {
    fn of(latencies: &Latencies) -> Self {
        let all = latencies.quantiles(0);
        Self { mean: all.mean_micros, p50: all.p50_micros, p99: all.p99_micros }
    }
}

/// The span that is on.
#[derive(Debug, Default)]
struct Current {
    span: Span,
    /// Since 1970, of its first load. `None`: nothing was driven yet.
    from_nanos: Option<u64>,
    /// Begin of the first second in which something was seen: all that is known of a load that was cut.
    seen_nanos: Option<u64>,
    to_nanos: u64,
    /// Time that load was on. Microseconds are cut from the sum, as in the report of the round: each second has its part.
    load_nanos: u64,
}

impl ClusterSeries {
    /// A span begins: of this round, or the warm-up (0).
    pub(super) fn begin(&mut self, round: u32) {
        self.end();
        let kind = if round == 0 { SpanKind::WarmUp } else { SpanKind::Unfinished };
        self.current = Some(Current { span: Span { kind, round, ..Span::default() }, ..Current::default() });
    }

    /// Ends the span that is on, if there is one.
    pub(super) fn end(&mut self) {
        let Some(Current { span, from_nanos, seen_nanos, to_nanos, .. }) = self.current.take() else { return };
        let Some(from) = from_nanos.or(seen_nanos) else { return };
        let (from_millis, to_millis) = (from / NANOS_PER_MILLI, to_nanos.max(from) / NANOS_PER_MILLI);
        self.spans.push(Span { from_millis, to_millis, ..span });
    }

    /// A pause of the round that is on, in nanoseconds since 1970.
    pub(super) fn paused(&mut self, from: u64, to: u64) {
        let Some(current) = &mut self.current else { return };
        let (from_millis, to_millis) = (from / NANOS_PER_MILLI, to / NANOS_PER_MILLI);
        let (kind, round) = (SpanKind::Pause, current.span.round);
        current.from_nanos.get_or_insert(from);
        current.to_nanos = current.to_nanos.max(to);
        self.spans.push(Span { kind, round, from_millis, to_millis, ..Span::default() });
    }

    /// Its queue at this moment, in milliseconds since 1970.
    pub(super) fn look(&mut self, millis: u64, queue: &QueueStatus) {
        self.queue.look(millis, queue);
    }

    /// The spans of the round that has just ended have this place among all rounds, and this outcome.
    pub(super) fn settle(&mut self, attempt: usize, outcome: RoundOutcome) {
        let kind = match outcome {
            RoundOutcome::Counted => SpanKind::Counted,
            RoundOutcome::Voided => SpanKind::Voided,
        };
        for span in self.spans.iter_mut().filter(|span| span.round > 0 && span.attempt.is_none()) {
            span.attempt = u32::try_from(attempt).ok();
            if span.kind == SpanKind::Unfinished {
                span.kind = kind;
            }
        }
    }

    /// Adds what one thread did in one second, or in a part of it.
    pub(super) fn add(&mut self, second: &Second) {
        let tally = &second.tally;
        let (answered, failed, open) = (tally.response.count(), tally.failures.total(), tally.open.count());
        if tally.sent + answered + failed + open > 0 {
            let row = self.seconds.entry(second.utc_second).or_default();
            row.sent += tally.sent;
            row.answered += answered;
            row.failed += failed;
            row.open_at_end += open;
            self.sent += tally.sent;
            if let Some(Current { span, seen_nanos, to_nanos, .. }) = &mut self.current {
                span.sent += tally.sent;
                span.answered += answered;
                span.failed += failed;
                span.open_at_end += open;
                let seen = second.utc_second * NANOS_PER_SECOND;
                seen_nanos.get_or_insert(seen);
                *to_nanos = (*to_nanos).max(seen);
            }
        }
        if answered > 0 {
            self.open_seconds.entry(second.utc_second).or_default().merge(&tally.response);
        }
        let minute = second.utc_second / SECONDS_PER_MINUTE;
        for (name, answers) in &second.members {
            *self.member(name).entry(minute).or_default() += answers;
        }
    }

    fn member(&mut self, name: &Arc<[u8]>) -> &mut BTreeMap<u64, u64> {
        let is_full = self.members.len() >= MOST_MEMBERS && !self.members.contains_key(name);
        self.members.entry(if is_full { Arc::default() } else { name.clone() }).or_default()
    }

    /// Closes the seconds before this one, but for the last: the next load may begin in it.
    pub(super) fn close_before(&mut self, second: u64) {
        let latest = self.open_seconds.keys().next_back().copied().unwrap_or(0);
        let still_open = self.open_seconds.split_off(&second.min(latest));
        self.close(still_open);
    }

    fn close(&mut self, still_open: BTreeMap<u64, Latencies>) {
        for (second, latencies) in std::mem::replace(&mut self.open_seconds, still_open) {
            let times = Times::of(&latencies);
            let row = self.seconds.entry(second).or_default();
            (row.mean_micros, row.p50_micros, row.p99_micros) = (times.mean, times.p50, times.p99);
            let minute = second / SECONDS_PER_MINUTE;
            if self.open_minute.as_ref().is_some_and(|(open, _)| *open != minute) {
                self.close_minute();
            }
            self.open_minute.get_or_insert_with(|| (minute, Latencies::new())).1.merge(&latencies);
        }
    }

    fn close_minute(&mut self) {
        if let Some((minute, latencies)) = self.open_minute.take() {
            self.minutes.insert(minute, Times::of(&latencies));
        }
    }

    /// Load of the span that is on began at this moment, in nanoseconds since 1970, and took so long.
    pub(super) fn loaded(&mut self, from: u64, took: u64) {
        let Some(current) = &mut self.current else { return };
        let (mut at, end) = (from, from + took);
        current.from_nanos.get_or_insert(from);
        current.to_nanos = current.to_nanos.max(end);
        while at < end {
            let second = at / NANOS_PER_SECOND;
            let next = ((second + 1) * NANOS_PER_SECOND).min(end);
            let before = current.load_nanos / 1000;
            current.load_nanos += next - at;
            self.seconds.entry(second).or_default().load_micros += current.load_nanos / 1000 - before;
            at = next;
        }
    }

    /// The first second of anything, since 1970.
    pub(super) fn first_second(&self) -> Option<u64> {
        let spans = self.spans.iter().map(|span| span.from_millis / 1000);
        let current = self.current.iter().filter_map(|current| current.from_nanos).map(|from| from / NANOS_PER_SECOND);
        self.seconds.keys().next().copied().into_iter().chain(spans).chain(current).min()
    }

    /// All of it, counted from `start`, the begin of a minute in seconds since 1970.
    pub(super) fn into_series(mut self, cluster: &str, start: u64) -> Series {
        self.end();
        self.close(BTreeMap::new());
        self.close_minute();
        let at = |second: u64, step: u64| u32::try_from(second.saturating_sub(start) / step).unwrap_or(u32::MAX);
        let seconds = self.seconds.iter().map(|(second, row)| Row { at: at(*second, 1), ..*row });
        let moved = |span: Span| Span {
            from_millis: span.from_millis.saturating_sub(start * 1000),
            to_millis: span.to_millis.saturating_sub(start * 1000),
            ..span
        };
        Series {
            cluster: cluster.to_owned(),
            members: 0,
            sent: self.sent,
            start: Timestamp::from_second(i64::try_from(start).unwrap_or(0)).unwrap_or_default(),
            seconds: Some(Columns::of(1, seconds)),
            minutes: Some(self.minutes(|minute| at(minute * SECONDS_PER_MINUTE, SECONDS_PER_MINUTE))),
            queue: std::mem::take(&mut self.queue).into_columns(start * 1000),
            spans: std::mem::take(&mut self.spans).into_iter().map(moved).collect(),
        }
    }

    /// Counts of the minutes are those of their seconds.
    fn minutes(&self, at: impl Fn(u64) -> u32) -> Columns {
        let mut rows: BTreeMap<u64, Row> = BTreeMap::new();
        for (second, one) in &self.seconds {
            let minute = second / SECONDS_PER_MINUTE;
            let row = rows.entry(minute).or_insert_with(|| {
                let Times { mean, p50, p99 } = self.minutes.get(&minute).copied().unwrap_or_default();
                Row { at: at(minute), mean_micros: mean, p50_micros: p50, p99_micros: p99, ..Row::default() }
            });
            row.sent += one.sent;
            row.answered += one.answered;
            row.failed += one.failed;
            row.open_at_end += one.open_at_end;
            row.load_micros += one.load_micros;
        }
        let member = |(name, answers): (&Arc<[u8]>, &BTreeMap<u64, u64>)| MemberColumn {
            id: String::from_utf8_lossy(name).into_owned(),
            answers: rows.keys().map(|minute| answers.get(minute).copied().unwrap_or(0)).collect(),
        };
        let members = self.members.iter().map(member).collect();
        Columns { members, ..Columns::of(60, rows.into_values()) }
    }
}

#[cfg(test)]
mod tests;
