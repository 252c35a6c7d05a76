//! Price of the workers of a cluster, as a run is told it: from the prices that the placement has frozen. Pure.

use api::{BalancerKind, Cluster, ClusterBenchmarkSpec, Placement, Scaling, ScalingPool};
use wire::Price;

use crate::cost::{credits, hourly};
use crate::desired::role::{Role, addressing};
use crate::ports::{Credits, InstanceType};
use crate::prices::calls::calls;
use crate::prices::price::placed;
use crate::prices::small_change::{surplus_vcpu_hour, volume_hour};

/// `None`: the type has no price, or what it runs on is not known. It is then unknown to the run, and never 0.
pub(super) fn price(
    placement: &Placement,
    kind: BalancerKind,
    cluster: &Cluster,
    fact: Option<&InstanceType>,
) -> Option<Price> {
    let fact = fact?;
    let placed = placed(placement, &cluster.instance_type)?;
    let price = hourly::price(placement, &cluster.instance_type)?;
    let image = placement.images.iter().find(|image| image.architecture == fact.architecture.name())?;
    let surplus = match credits::credits(fact) {
        Some(Credits::Unlimited) => Some(surplus_vcpu_hour(&fact.name)?),
        Some(Credits::Standard) | None => None,
    };
    let (volumes, scaling) = (volume_hour(hourly::gib(image)), cluster.scaling.as_ref());
    let stops = |scaling: &&Scaling| scaling.pool == Some(ScalingPool::StartStop);
    Some(Price {
        instances: u32::try_from(cluster.count).ok()?,
        instance_usd_micros: u64::try_from(price).ok()?,
        extras_usd_micros: volumes + hourly::address(addressing(placement, Role::Worker)?),
        surplus_usd_micros: surplus,
        least: scaling.map(|scaling| scaling.min.and_then(|min| u32::try_from(min).ok()).unwrap_or(0)),
        stopped_usd_micros: scaling.filter(stops).map(|_| volumes),
        calls: (kind == BalancerKind::Queue).then(|| calls(&placement.region)).flatten(),
        basis: placed.basis.clone(),
    })
}

/// Types of clusters whose price is not known, in words for the report.
pub(super) fn unknown(spec: &ClusterBenchmarkSpec, placement: &Placement) -> Vec<String> {
    let mut types: Vec<&str> = spec.clusters.iter().map(|cluster| cluster.instance_type.as_str()).collect();
    types.sort_unstable();
    types.dedup();
    let said = |name: &str| {
        let unpriced = placed(placement, name).filter(|_| hourly::price(placement, name).is_none())?;
        // The placement says of what is not known why that is, and what to do.
        let is_said = unpriced.basis.contains(name);
        Some(if is_said { unpriced.basis.clone() } else { format!("no price for {name} in {}", placement.region) })
    };
    types.into_iter().filter_map(said).collect()
}

#[cfg(test)]
mod tests {
    use api::{PlacedImage, PlacedPrice};

    use super::*;
    use crate::ports::{Architecture, Burstable, Hypervisor};

    fn placement(price: Option<i64>, addressing: &str) -> Placement {
        Placement {
            region: "eu-west-1".into(),
            addressing: addressing.into(),
            images: vec![PlacedImage { architecture: "x86_64".into(), root_gib: 8, ..PlacedImage::default() }],
            prices: ["t3.large", "t2.micro", "c7i.large"]
                .map(|name| PlacedPrice {
                    instance_type: name.into(),
                    hourly_usd_micros: price,
                    basis: "of a test".into(),
                })
                .to_vec(),
            ..Placement::default()
        }
    }

    fn of(placement: &Placement, name: &str, burstable: Burstable) -> Option<Price> {
        let more = serde_json::json!({});
        behind(BalancerKind::Custom, placement, name, burstable, &more)
    }

    /// A cluster with more fields.
    fn behind(
        kind: BalancerKind,
        placement: &Placement,
        name: &str,
        burstable: Burstable,
        more: &serde_json::Value,
    ) -> Option<Price> {
        let fact = InstanceType {
            name: name.into(),
            vcpus: 2,
            memory_mib: 8_192,
            architecture: Architecture::X86_64,
            burstable,
            hypervisor: Hypervisor::Nitro,
            free_tier: false,
        };
        let mut cluster = serde_json::json!({ "name": "a", "instanceType": name, "count": 3 });
        for (key, value) in more.as_object().unwrap() {
            cluster[key] = value.clone();
        }
        price(placement, kind, &serde_json::from_value(cluster).unwrap(), Some(&fact))
    }

    #[test]
    fn behind_queues_calls_cost_and_a_scaled_cluster_has_its_fewest() {
        let placement = placement(Some(91_200), "Public");
        let queued = |more| behind(BalancerKind::Queue, &placement, "c7i.large", Burstable::No, &more).unwrap();
        let fixed = queued(serde_json::json!({}));
        assert_eq!((fixed.least, fixed.stopped_usd_micros), (None, None));
        assert_eq!(fixed.calls.map(|calls| calls.s3_put_usd_micros), Some(5_000_000));
        let scaling = |pool: &str, min: i32| {
            let scaling =
                serde_json::json!({ "policy": "QueueDepth", "messagesPerInstance": 5, "pool": pool, "min": min });
            queued(serde_json::json!({ "scaling": scaling }))
        };
        let (launched, stopped) = (scaling("Launch", 0), scaling("StartStop", 2));
        assert_eq!((launched.instances, launched.least, launched.stopped_usd_micros), (3, Some(0), None));
        assert_eq!((stopped.least, stopped.stopped_usd_micros), (Some(2), Some(877)), "without the address");
        assert_eq!(of(&placement, "c7i.large", Burstable::No).unwrap().calls, None);
    }

    #[test]
    fn a_worker_costs_its_type_its_volumes_its_address_and_its_surplus() {
        let public = placement(Some(91_200), "Public");
        let t3 = of(&public, "t3.large", Burstable::Yes).unwrap();
        assert_eq!((t3.instances, t3.instance_usd_micros, t3.basis.as_str()), (3, 91_200, "of a test"));
        assert_eq!((t3.extras_usd_micros, t3.surplus_usd_micros), (877 + 5_000, Some(50_000)));
        assert_eq!(of(&public, "c7i.large", Burstable::No).unwrap().surplus_usd_micros, None);
        assert_eq!(of(&public, "t2.micro", Burstable::Yes).unwrap().surplus_usd_micros, None, "standard credits");
        let private = of(&placement(Some(91_200), "Private"), "t3.large", Burstable::Yes).unwrap();
        assert_eq!(private.extras_usd_micros, 877);
    }

    #[test]
    fn a_price_that_is_not_known_is_none_and_is_said() {
        for price in [None, Some(0), Some(-1)] {
            let unknown_price = placement(price, "Public");
            assert_eq!(of(&unknown_price, "c7i.large", Burstable::No), None);
        }
        assert_eq!(of(&placement(Some(1), "Public"), "m9.large", Burstable::No), None, "nobody was asked");
        let spec: ClusterBenchmarkSpec = serde_json::from_value(serde_json::json!({
            "clusters": [{ "name": "a", "instanceType": "c7i.large", "count": 1 }, { "name": "b", "instanceType": "m9.large", "count": 1 }],
            "load": { "phases": [] },
        }))
        .unwrap();
        let mut unpriced = placement(None, "Public");
        assert_eq!(unknown(&spec, &unpriced), ["no price for c7i.large in eu-west-1"]);
        unpriced.prices[2].basis = "no price for c7i.large in eu-west-1: why, and the way out".into();
        assert_eq!(unknown(&spec, &unpriced), ["no price for c7i.large in eu-west-1: why, and the way out"]);
        assert_eq!(unknown(&spec, &placement(Some(1), "Public")), [""; 0]);
    }
}
