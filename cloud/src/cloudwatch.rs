//! CloudWatch: series of metrics, whole or not at all.
//!
//! Its answers are CBOR (Smithy RPC v2), and no cut one decodes: there is no text whose end would have to be looked for.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy, StatusCode};
use jiff::Timestamp;
use planner::{CloudError, Failure};

use planner::ports::{Answer, Datapoint, MetricQuery, Metrics, Minutes};

use crate::region::Region;
use crate::sdk::failure::{incomplete, need};
use crate::sdk::{pages, sent};

const NAMESPACE: &str = "AWS/ApplicationELB";
const PERIOD: i32 = 60;

/// "A single GetMetricData call can include up to 500 MetricDataQuery structures" (API reference, GetMetricData).
const QUERIES: usize = 500;

impl Metrics for Region {
    /// *Guarantees*: every page was read to its end, and CloudWatch called each series complete.
    /// *Assumptions*: a series without points is told as one without points.
    /// *Errors*: `Unreachable` whenever a series could be shorter than what CloudWatch has.
    /// *Cancellation*: safe, a read.
    async fn metrics(&self, queries: &[MetricQuery], minutes: &Minutes) -> Answer<Vec<Vec<Datapoint>>> {
        if minutes.from >= minutes.to {
            return Ok(vec![Vec::new(); queries.len()]);
        }
        let mut all = Vec::with_capacity(queries.len());
        for chunk in queries.chunks(QUERIES) {
            all.extend(series(chunk.len(), minutes, self.results(chunk, minutes).await?)?);
        }
        Ok(all)
    }
}

impl Region {
    async fn results(&self, queries: &[MetricQuery], minutes: &Minutes) -> Answer<Vec<MetricDataResult>> {
        let asked: Vec<_> = queries.iter().enumerate().map(|(number, query)| asked(number, query)).collect();
        let (from, to) = (time(minutes.from), time(minutes.to));
        pages::all(|token| {
            let call = self.cloudwatch.get_metric_data().set_metric_data_queries(Some(asked.clone()));
            let call = call.start_time(from).end_time(to).scan_by(ScanBy::TimestampAscending).set_next_token(token);
            async move {
                let page = sent(call.send()).await?;
                // "If there is a message, as much of the operation as possible is still executed" (API reference).
                if let Some(message) = page.messages.unwrap_or_default().into_iter().next() {
                    let code = message.code.unwrap_or_default();
                    return Err(incomplete(format_args!("the message {code} about the whole of it")));
                }
                Ok((page.metric_data_results.unwrap_or_default(), page.next_token))
            }
        })
        .await
    }
}

fn asked(number: usize, query: &MetricQuery) -> MetricDataQuery {
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    let of_group = query.target_group.as_ref().map(|group| dimension("TargetGroup", group));
    let dimensions = std::iter::once(dimension("LoadBalancer", &query.load_balancer)).chain(of_group).collect();
    let metric = Metric::builder().namespace(NAMESPACE).metric_name(&query.metric).set_dimensions(Some(dimensions));
    let statistic = MetricStat::builder().metric(metric.build()).period(PERIOD).stat(&query.statistic).build();
    MetricDataQuery::builder().id(id(number)).metric_stat(statistic).return_data(true).build()
}

/// Ids begin with a small letter (API reference, MetricDataQuery).
fn id(number: usize) -> String {
    format!("q{number}")
}

fn time(at: Timestamp) -> DateTime {
    DateTime::from_secs(at.as_second())
}

/// What is known of one series after some pages.
#[derive(Default)]
struct Series {
    points: BTreeMap<Timestamp, f64>,
    status: Option<StatusCode>,
}

/// The series of `count` queries from the results of all pages. A series may come in parts: all but the last are
/// `PartialData` then ("use the NextToken value that was returned and repeat your request to get more data points", API
/// reference, MetricDataResult).
fn series(count: usize, minutes: &Minutes, results: Vec<MetricDataResult>) -> Answer<Vec<Vec<Datapoint>>> {
    let mut all: BTreeMap<String, Series> = (0..count).map(|number| (id(number), Series::default())).collect();
    for result in results {
        let id = need(result.id, "id", "a series")?;
        let one = need(all.get_mut(&id), "a query that was asked", &id)?;
        let status = need(result.status_code, "status", &id)?;
        if !matches!(status, StatusCode::Complete | StatusCode::PartialData) {
            return Err(not_complete(&id, &status));
        }
        one.status = Some(status);
        let (times, values) = (result.timestamps.unwrap_or_default(), result.values.unwrap_or_default());
        if times.len() != values.len() {
            return Err(incomplete(format_args!("{} times and {} values in {id}", times.len(), values.len())));
        }
        for (time, value) in times.into_iter().zip(values) {
            let at = Timestamp::from_nanosecond(time.as_nanos())
                .map_err(|_| incomplete(format_args!("{id} with a point at {time}")))?;
            // A point of a minute that was not asked for answers nothing.
            let is_asked = (minutes.from..minutes.to).contains(&at);
            if is_asked && one.points.insert(at, value).is_some_and(|earlier| earlier != value) {
                return Err(incomplete(format_args!("{id} with two values at {at}")));
            }
        }
    }
    let series = (0..count).map(|number| {
        let id = id(number);
        let one = all.remove(&id).unwrap_or_default();
        match need(one.status, "an answer", &id)? {
            StatusCode::Complete => Ok(one.points.into_iter().map(|(at, value)| Datapoint { at, value }).collect()),
            status => Err(not_complete(&id, &status)),
        }
    });
    series.collect()
}

fn not_complete(id: &str, status: &StatusCode) -> CloudError {
    // The account is not allowed to see it (API reference, MetricDataResult): waiting does not help.
    let failure = if *status == StatusCode::Forbidden { Failure::Unauthorized } else { Failure::Unreachable };
    CloudError::new(failure, status.as_str(), format!("CloudWatch calls the series {id} {}", status.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: i64 = 1_800_000_000;

    fn minutes() -> Minutes {
        let at = |second| Timestamp::from_second(second).unwrap();
        Minutes { from: at(FROM), to: at(FROM + 300) }
    }

    fn result(id: &str, status: &str, points: &[(i64, f64)]) -> MetricDataResult {
        MetricDataResult::builder()
            .id(id)
            .status_code(StatusCode::from(status))
            .set_timestamps(Some(points.iter().map(|(minute, _)| DateTime::from_secs(FROM + 60 * minute)).collect()))
            .set_values(Some(points.iter().map(|(_, value)| *value).collect()))
            .build()
    }

    fn read(count: usize, results: Vec<MetricDataResult>) -> Answer<Vec<Vec<(i64, f64)>>> {
        let all = series(count, &minutes(), results)?;
        let minute = |point: &Datapoint| ((point.at.as_second() - FROM) / 60, point.value);
        Ok(all.iter().map(|one| one.iter().map(minute).collect()).collect())
    }

    #[test]
    fn series_are_in_the_order_of_the_queries_and_of_the_minutes() {
        let results = vec![
            result("q1", "PartialData", &[(3, 1.0)]),
            result("q0", "Complete", &[]),
            result("q1", "Complete", &[(4, 2.5), (0, 3.0)]),
        ];
        assert_eq!(read(2, results), Ok(vec![vec![], vec![(0, 3.0), (3, 1.0), (4, 2.5)]]));
        assert_eq!(read(0, vec![]), Ok(vec![]));
    }

    #[test]
    fn a_point_outside_is_no_point() {
        let results = vec![result("q0", "Complete", &[(-1, 1.0), (0, 2.0), (5, 3.0)])];
        assert_eq!(read(1, results), Ok(vec![vec![(0, 2.0)]]));
    }

    #[test]
    fn what_is_not_called_complete_is_not_believed() {
        let mut torn = result("q0", "Complete", &[(0, 1.0), (1, 2.0)]);
        torn.values = Some(vec![1.0]);
        let mut silent = result("q0", "Complete", &[]);
        silent.status_code = None;
        let rows = [
            (vec![], "Incomplete", Failure::Unreachable),
            (vec![result("q0", "PartialData", &[(0, 1.0)])], "PartialData", Failure::Unreachable),
            (vec![result("q0", "InternalError", &[])], "InternalError", Failure::Unreachable),
            (vec![result("q0", "BrandNew", &[])], "BrandNew", Failure::Unreachable),
            (vec![result("q0", "Forbidden", &[])], "Forbidden", Failure::Unauthorized),
            (vec![torn], "Incomplete", Failure::Unreachable),
            (vec![silent], "Incomplete", Failure::Unreachable),
            (vec![result("q0", "Complete", &[(0, 1.0), (0, 2.0)])], "Incomplete", Failure::Unreachable),
            (vec![result("q0", "Complete", &[]), result("q7", "Complete", &[])], "Incomplete", Failure::Unreachable),
        ];
        for (results, code, failure) in rows {
            let error = read(1, results.clone()).expect_err(&format!("{results:?}"));
            assert_eq!((error.code.as_str(), error.failure), (code, failure), "{results:?}");
        }
    }
}
