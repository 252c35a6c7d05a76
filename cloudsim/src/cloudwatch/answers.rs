//! GetMetricData and ListMetrics.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::CloudWatch;
use super::metric::{
    GetMetricData, ListMetrics, Metric, MetricData, MetricDataQuery, MetricDataResult, Point, ScanBy, StatusCode,
};
use super::statistic::Statistic;
use super::store::MINUTE;
use crate::engine::error::{Outcome, SimError};
use crate::engine::query::{Page, PageRequest, Query};

/// Queries of one call, and points of one page (API reference, GetMetricData).
const QUERIES: usize = 500;
const POINTS: usize = 100_800;
/// Metrics of one page (API reference, ListMetrics).
const METRICS: usize = 500;

/// One point of an answer that may go over several pages.
#[derive(Clone, Debug)]
struct Found {
    /// Number of its query.
    query: usize,
    point: Point,
    /// No other point of its query follows.
    is_last: bool,
}

impl CloudWatch<'_> {
    /// GetMetricData. A period without samples has no point; the newest fill up while one looks.
    pub fn get_metric_data(&mut self, request: &GetMetricData) -> Outcome<MetricData> {
        check(request)?;
        let page = PageRequest { max_results: request.max_datapoints, next_token: request.next_token.clone() };
        let query = Query { page, ..Query::default() };
        let continued = self.engine.continued::<Found>(&query, 1..=POINTS);
        let is_first = query.page.token().is_none();
        let found = match continued.map_err(of_cloudwatch)? {
            Some(rest) => rest,
            None => self.points(request)?,
        };
        let empty: BTreeSet<usize> =
            (0..request.queries.len()).filter(|at| !found.iter().any(|one| one.query == *at)).collect();
        let page = self.engine.page(&query, found, self.settings.page_rules());
        let mut results = Vec::new();
        for (number, asked) in request.queries.iter().enumerate() {
            let here: Vec<&Found> = page.items.iter().filter(|one| one.query == number).collect();
            let is_whole = here.last().is_some_and(|last| last.is_last) || is_first && empty.contains(&number);
            if here.is_empty() && !is_whole {
                continue;
            }
            results.push(MetricDataResult {
                id: asked.id.clone(),
                label: asked.label.clone().unwrap_or_else(|| asked.metric.name.clone()),
                points: here.iter().map(|one| one.point).collect(),
                status: if is_whole { StatusCode::Complete } else { StatusCode::PartialData },
            });
        }
        Ok(MetricData { results, next_token: page.next_token })
    }

    fn points(&self, request: &GetMetricData) -> Outcome<Vec<Found>> {
        let mut found = Vec::new();
        for (number, query) in request.queries.iter().enumerate() {
            let mut points = self.series(query, request.start, request.end)?;
            if request.scan_by == ScanBy::TimestampDescending {
                points.reverse();
            }
            let last = points.len().saturating_sub(1);
            let numbered = points.into_iter().enumerate();
            found.extend(numbered.map(|(at, point)| Found { query: number, point, is_last: at == last }));
        }
        Ok(found)
    }

    /// The start is rounded down to a whole period, so that times off the minute give a point more than one thinks
    /// (nerdswords/yet-another-cloudwatch-exporter#97); the end is not part of the span.
    fn series(&self, query: &MetricDataQuery, start: Timestamp, end: Timestamp) -> Outcome<Vec<Point>> {
        let statistic = Statistic::of(query)?;
        let Some(minutes) = self.state.series.get(&query.metric).filter(|_| !self.is_elsewhere()) else {
            return Ok(Vec::new());
        };
        let period = i64::from(query.period);
        let begin = start.as_second().div_euclid(period) * period;
        let mut periods: BTreeMap<i64, Vec<(f64, u64)>> = BTreeMap::new();
        // A period that began before the end is whole.
        let last = (end.as_second() - 1).div_euclid(period) * period + period;
        for (at, minute) in minutes.range(begin..last.max(begin)) {
            let samples = periods.entry(at.div_euclid(period) * period).or_default();
            samples.extend(minute.shown(self.engine.now()));
        }
        let point = |(from, mut samples): (i64, Vec<(f64, u64)>)| {
            Some(Point { at: Timestamp::from_second(from).ok()?, value: statistic.value(&mut samples)? })
        };
        Ok(periods.into_iter().filter_map(point).collect())
    }

    /// ListMetrics.
    pub fn list_metrics(&mut self, request: &ListMetrics) -> Outcome<Page<Metric>> {
        let page = PageRequest { max_results: Some(METRICS), ..request.page.clone() };
        let query = Query { page, ..Query::default() };
        let fits = |metric: &&Metric| {
            let has = |(name, value): &(String, Option<String>)| {
                metric.dimensions.get(name).is_some_and(|is| value.as_ref().is_none_or(|wanted| is == wanted))
            };
            request.namespace.as_ref().is_none_or(|namespace| metric.namespace == *namespace)
                && request.name.as_ref().is_none_or(|name| metric.name == *name)
                && request.dimensions.iter().all(has)
        };
        let found = match self.engine.continued(&query, 1..=METRICS).map_err(of_cloudwatch)? {
            Some(rest) => rest,
            None => {
                let here = self.state.series.keys().filter(|_| !self.is_elsewhere());
                let found = here.filter(fits).cloned().collect();
                self.engine.shuffled(found)
            }
        };
        Ok(self.engine.page(&query, found, self.settings.page_rules()))
    }

    fn is_elsewhere(&self) -> bool {
        self.engine.is_elsewhere(&self.settings.account)
    }
}

fn check(request: &GetMetricData) -> Outcome<()> {
    let wrong = |message: String| Err(SimError::new("ValidationError", message));
    let queries = &request.queries;
    if queries.is_empty() || queries.len() > QUERIES {
        return wrong(format!("MetricDataQueries must have 1 to {QUERIES} members, and has {}", queries.len()));
    }
    if request.start >= request.end {
        return wrong("The parameter StartTime must be less than the parameter EndTime".to_owned());
    }
    let ids: BTreeSet<&str> = queries.iter().map(|query| query.id.as_str()).collect();
    if ids.len() < queries.len() {
        return wrong("The values for parameter id in MetricDataQueries are not unique".to_owned());
    }
    for query in queries {
        let is_id = query.id.starts_with(|c: char| c.is_ascii_lowercase())
            && query.id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_id {
            return wrong(format!("The value {} for parameter Id must begin with a lower-case letter", query.id));
        }
        // Shorter periods are for metrics of high resolution only.
        if query.period == 0 || i64::from(query.period) % MINUTE != 0 {
            return wrong(format!("The period {} of {} must be a multiple of {MINUTE}", query.period, query.id));
        }
    }
    Ok(())
}

/// What is wrong with a page, in CloudWatch's words.
fn of_cloudwatch(error: SimError) -> SimError {
    match error.code.as_str() {
        "InvalidNextToken" => error,
        _ => SimError::new("ValidationError", error.message),
    }
}
