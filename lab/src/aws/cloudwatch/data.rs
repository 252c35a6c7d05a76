//! GetMetricData.

use std::collections::BTreeMap;

use cloudsim::cloudwatch::{GetMetricData, Metric, MetricData, MetricDataQuery, MetricDataResult, ScanBy};
use cloudsim::{Outcome, SimError};

use crate::aws::exchange::{Exchange, Sent, not_simulated};
use crate::aws::protocol::rpc::{Fields, Value};

pub(super) fn get(exchange: Exchange<'_>, mut fields: Fields) -> Outcome<Sent> {
    let queries = fields.items("MetricDataQueries")?.into_iter().map(query).collect::<Outcome<_>>()?;
    let scan_by = match fields.text("ScanBy")?.as_deref() {
        None => ScanBy::default(),
        Some("TimestampDescending") => ScanBy::TimestampDescending,
        Some("TimestampAscending") => ScanBy::TimestampAscending,
        Some(other) => {
            let message = format!("ScanBy must be TimestampDescending or TimestampAscending, not {other}");
            return Err(SimError::new("InvalidParameterValue", message));
        }
    };
    let request = GetMetricData {
        queries,
        start: fields.need_time("StartTime")?,
        end: fields.need_time("EndTime")?,
        scan_by,
        max_datapoints: fields.count("MaxDatapoints")?.map(|count| count as usize),
        next_token: fields.text("NextToken")?.filter(|token| !token.is_empty()),
    };
    fields.finish()?;
    exchange.look(move |sim, now| sim.cloudwatch(now).get_metric_data(&request), shape)
}

fn query(mut fields: Fields) -> Outcome<MetricDataQuery> {
    let id = fields.need_text("Id")?;
    let label = fields.text("Label")?;
    if let Some(expression) = fields.text("Expression")? {
        return Err(not_simulated("Expression", &expression));
    }
    if fields.flag("ReturnData")? == Some(false) {
        return Err(not_simulated("ReturnData", "false"));
    }
    let mut of = fields.need_fields("MetricStat")?;
    fields.finish()?;
    let mut named = of.need_fields("Metric")?;
    let mut dimensions = BTreeMap::new();
    for mut dimension in named.items("Dimensions")? {
        dimensions.insert(dimension.need_text("Name")?, dimension.need_text("Value")?);
        dimension.finish()?;
    }
    let metric = Metric { namespace: named.need_text("Namespace")?, name: named.need_text("MetricName")?, dimensions };
    named.finish()?;
    let period = of.count("Period")?.ok_or_else(|| {
        SimError::new("MissingParameter", format!("The parameter Period of the query {id} is required."))
    })?;
    let query = MetricDataQuery { id, metric, period, statistic: of.need_text("Stat")?, label };
    of.finish()?;
    Ok(query)
}

fn shape(data: MetricData) -> Value {
    let mut fields = vec![("MetricDataResults", Value::list(data.results.into_iter().map(result)))];
    fields.extend(data.next_token.map(|token| ("NextToken", Value::Text(token))));
    fields.push(("Messages", Value::list([])));
    Value::map(fields)
}

fn result(of: MetricDataResult) -> Value {
    Value::map([
        ("Id", Value::Text(of.id)),
        ("Label", Value::Text(of.label)),
        ("Timestamps", Value::list(of.points.iter().map(|point| Value::Time(point.at)))),
        ("Values", Value::list(of.points.iter().map(|point| Value::Number(point.value)))),
        ("StatusCode", Value::text(of.status.name())),
    ])
}
