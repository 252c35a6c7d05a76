//! Money: the budget of a spec, frozen prices, and what a benchmark cost.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most money that a benchmark may cost.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Budget {
    /// US dollars, such as "2.50", in quotes: instances, their volumes and addresses. They end before it is spent, by timers
    /// of their own. What has no timer, a load balancer, is counted, and ended by the operator alone.
    #[schemars(length(min = 1, max = 9))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9]{1,6}([.][0-9]{1,2})?$') && !self.matches('^[0.]+$')").message("budget.maxUsd: US dollars with at most two decimals and more than 0, in quotes, such as \"2.50\""))]
    pub max_usd: String,
}

/// Price of an instance type where a benchmark lives, as it was when it was first known. It is kept.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PlacedPrice {
    /// EC2 instance type.
    pub instance_type: String,
    /// One running instance, in millionths of a US dollar an hour. Absent: it is not known, which is not nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hourly_usd_micros: Option<i64>,
    /// Where the price comes from and of when it is, or why there is none.
    pub basis: String,
}

/// What a benchmark cost and may cost: instances with their volumes and addresses, and the load balancer. A status that
/// somebody wiped begins with nothing: what was there before is then in AWS's bill alone.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Cost {
    /// Cost so far, for the column: `0.21 USD`, `at most 0.21 USD` where it is an upper bound, `at least 0.21 USD` where a
    /// price is not known.
    pub summary: String,
    /// US dollars so far, such as 0.21.
    pub so_far_usd: String,
    /// US dollars an hour of what is there now.
    pub hourly_usd: String,
    /// US dollars that it can cost until everything ends by itself. Empty: a price is not known.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub at_most_usd: String,
    /// Where the prices come from and of when they are.
    pub basis: String,
}

/// Time of instances whose type had no price.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct UnpricedTime {
    /// EC2 instance type.
    pub instance_type: String,
    /// Seconds that are paid, of all of them together.
    pub instance_seconds: i64,
}
