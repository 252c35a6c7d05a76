//! Prices of all that is paid besides the clusters while a run is on, as a run is told them. Pure.

use api::{BalancerKind, ClusterBenchmarkSpec, Placement};
use wire::Paid;

use crate::cost::{front, hourly};
use crate::desired::role::{Role, addressing};
use crate::desired::{self, generators};

/// The instance in front or the load balancer, and the generators.
pub(super) fn paid(spec: &ClusterBenchmarkSpec, placement: &Placement) -> Vec<Paid> {
    let of_instances = |what: &str, instance_type: &str, count: u32| {
        // Whatever is beside the clusters has what generators have: the operator dials it.
        let each = hourly::of_type(placement, instance_type, addressing(placement, Role::Generator));
        Paid {
            what: what.to_owned(),
            instance_type: instance_type.to_owned(),
            hourly_usd_micros: each.map(|hourly| hourly.at_most().saturating_mul(u64::from(count))),
            is_at_most: each.is_some_and(|hourly| hourly.surplus > 0),
        }
    };
    let in_front = match desired::agent_in_front(spec) {
        Some(agent) => Some(of_instances(agent, &spec.balancer.instance_type, 1)),
        None => (spec.balancer.kind == BalancerKind::Application).then(|| Paid {
            what: "load balancer without LCUs".to_owned(),
            hourly_usd_micros: Some(front::hourly(placement)),
            ..Paid::default()
        }),
    };
    let count = generators(spec);
    let what = if count > 1 { "generators" } else { "generator" };
    in_front.into_iter().chain([of_instances(what, &spec.load.generator.instance_type, count)]).collect()
}

#[cfg(test)]
mod tests {
    use api::PlacedPrice;

    use super::*;

    fn said(balancer: serde_json::Value, generator: &str) -> Vec<(String, Option<u64>, bool)> {
        let spec = serde_json::json!({
            "clusters": [{ "name": "a", "instanceType": "c7i.large", "count": 1 }],
            "balancer": balancer,
            "load": { "phases": [], "generator": { "instanceType": generator, "count": 2 } },
        });
        let spec: ClusterBenchmarkSpec = serde_json::from_value(spec).unwrap();
        let price = |name: &str, hourly_usd_micros| PlacedPrice {
            instance_type: name.into(),
            hourly_usd_micros: Some(hourly_usd_micros),
            ..PlacedPrice::default()
        };
        let placement = Placement {
            addressing: "Private".into(),
            prices: vec![price("c6i.large", 85_000), price("t3.large", 83_200)],
            ..Placement::default()
        };
        paid(&spec, &placement).into_iter().map(|one| (one.what, one.hourly_usd_micros, one.is_at_most)).collect()
    }

    #[test]
    fn balancer_and_generators_are_told_with_their_cost() {
        let custom = said(serde_json::json!({}), "c6i.large");
        assert_eq!(custom, [("balancer".into(), Some(85_000), false), ("generators".into(), Some(170_000), false)]);
        let busy = said(serde_json::json!({}), "t3.large");
        assert_eq!(busy[1], ("generators".into(), Some(2 * (83_200 + 70_000)), true), "always busy");
        assert_eq!(said(serde_json::json!({}), "x9.huge")[1].1, None, "not nothing");
        let application = said(serde_json::json!({ "kind": "Application" }), "c6i.large");
        assert_eq!(application[0], ("load balancer without LCUs".into(), Some(22_500), false));
    }
}
