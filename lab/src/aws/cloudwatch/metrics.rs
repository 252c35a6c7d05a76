//! ListMetrics.

use cloudsim::cloudwatch::{ListMetrics, Metric};
use cloudsim::{Outcome, Page, PageRequest};

use super::dimensions;
use crate::aws::exchange::{Exchange, Sent};
use crate::aws::protocol::rpc::{Fields, Value};

pub(super) fn list(exchange: Exchange<'_>, mut fields: Fields) -> Outcome<Sent> {
    let mut asked = Vec::new();
    for mut dimension in fields.items("Dimensions")? {
        asked.push((dimension.need_text("Name")?, dimension.text("Value")?));
        dimension.finish()?;
    }
    let request = ListMetrics {
        namespace: fields.text("Namespace")?,
        name: fields.text("MetricName")?,
        dimensions: asked,
        page: PageRequest { max_results: None, next_token: fields.text("NextToken")? },
    };
    fields.finish()?;
    exchange.look(move |sim, now| sim.cloudwatch(now).list_metrics(&request), shape)
}

fn shape(page: Page<Metric>) -> Value {
    let metric = |of: Metric| {
        Value::map([
            ("Namespace", Value::Text(of.namespace)),
            ("MetricName", Value::Text(of.name)),
            ("Dimensions", dimensions(&of.dimensions)),
        ])
    };
    let mut fields = vec![("Metrics", Value::list(page.items.into_iter().map(metric)))];
    fields.extend(page.next_token.map(|token| ("NextToken", Value::Text(token))));
    Value::map(fields)
}
