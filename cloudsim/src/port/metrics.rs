//! Metrics.

use std::collections::BTreeMap;

use planner::ports::{Answer, Datapoint, MetricQuery, Metrics, Minutes};
use planner::{CloudError, Failure};

use super::SharedSim;
use crate::cloudwatch::{Action, GetMetricData, Metric, MetricDataQuery, NAMESPACE, ScanBy};
use crate::sim::Call;

/// Queries of one call.
const QUERIES: usize = 500;

impl Metrics for SharedSim {
    async fn metrics(&self, queries: &[MetricQuery], minutes: &Minutes) -> Answer<Vec<Vec<Datapoint>>> {
        let mut series = Vec::new();
        for some in queries.chunks(QUERIES) {
            series.extend(self.some_metrics(some, minutes)?);
        }
        Ok(series)
    }
}

impl SharedSim {
    fn some_metrics(&self, queries: &[MetricQuery], minutes: &Minutes) -> Answer<Vec<Vec<Datapoint>>> {
        let mut request = GetMetricData {
            queries: queries.iter().enumerate().map(|(number, query)| asked(number, query)).collect(),
            start: minutes.from,
            end: minutes.to,
            scan_by: ScanBy::TimestampAscending,
            max_datapoints: None,
            next_token: None,
        };
        let mut series = vec![Vec::new(); queries.len()];
        loop {
            let sent = request.clone();
            let call = Call::new(Action::GetMetricData);
            let page = self.call(call, move |sim, now| sim.cloudwatch(now).get_metric_data(&sent))?;
            for result in page.results {
                let place = result.id.strip_prefix('q').and_then(|number| number.parse::<usize>().ok());
                let Some(points) = place.and_then(|place| series.get_mut(place)) else {
                    let message = format!("an answer to {}, which nobody asked", result.id);
                    return Err(CloudError::new(Failure::Unreachable, "UnknownQuery", message));
                };
                points.extend(result.points.iter().map(|point| Datapoint { at: point.at, value: point.value }));
            }
            let Some(token) = page.next_token else { return Ok(series) };
            if request.next_token.as_ref() == Some(&token) {
                return Err(CloudError::new(Failure::Unreachable, "RepeatedPage", "the same page token came twice"));
            }
            request.next_token = Some(token);
        }
    }
}

fn asked(number: usize, query: &MetricQuery) -> MetricDataQuery {
    let mut dimensions = BTreeMap::from([("LoadBalancer".to_owned(), query.load_balancer.clone())]);
    dimensions.extend(query.target_group.iter().map(|group| ("TargetGroup".to_owned(), group.clone())));
    MetricDataQuery {
        id: format!("q{number}"),
        metric: Metric { namespace: NAMESPACE.to_owned(), name: query.metric.clone(), dimensions },
        period: 60,
        statistic: query.statistic.clone(),
        label: None,
    }
}
