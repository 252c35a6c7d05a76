//! Networks other than the usual one: closed by Block Public Access, with IPv6-only subnets, of another account.

use std::collections::BTreeSet;
use std::sync::Arc;

use cloudsim::{PublicAccess, Settings, SharedSim, Sim};
use jiff::Timestamp;
use lab::aws::{ACCESS_KEY, SECRET_KEY};
use planner::ports::{Answer, Catalog, Egress, Regions, Subnet, SubnetsOf};

/// Facts of each subnet: the letter of its zone, whether it has IPv4 addresses, its way out.
type Told = Vec<(char, bool, Egress)>;

struct Landscape {
    name: &'static str,
    settings: Settings,
    /// What is told of the default subnets.
    defaults: Told,
    /// What is told of all three, when they are named.
    named: Told,
}

fn landscapes() -> Vec<Landscape> {
    let usual = Settings::default();
    let all = |egress| ['a', 'b', 'c'].map(|letter| (letter, true, egress)).to_vec();
    let gateway = Egress::InternetGateway;
    let closed = |public_access| Settings { public_access, ..usual.clone() };
    let two = vec![('a', false, gateway), ('b', true, gateway), ('c', false, gateway)];
    vec![
        Landscape { name: "usual", settings: usual.clone(), defaults: all(gateway), named: all(gateway) },
        Landscape {
            name: "Block Public Access, both ways",
            settings: closed(PublicAccess::BlockBidirectional),
            defaults: all(Egress::Blocked),
            named: all(Egress::Blocked),
        },
        Landscape {
            name: "Block Public Access, ways in",
            settings: closed(PublicAccess::BlockIngress),
            defaults: all(Egress::Blocked),
            named: all(Egress::Blocked),
        },
        Landscape {
            name: "two IPv6-only subnets",
            settings: Settings {
                ipv6_only: BTreeSet::from(["eu-west-1a", "eu-west-1c"].map(str::to_owned)),
                ..usual.clone()
            },
            defaults: two.clone(),
            named: two,
        },
        Landscape {
            name: "of another account",
            settings: Settings { shared_by: Some("210987654321".into()), ..usual },
            defaults: Vec::new(),
            named: all(Egress::Unseen),
        },
    ]
}

/// Ids of the subnets that every simulation begins with.
fn ids() -> Vec<String> {
    ["a", "b", "c"].map(|letter| format!("subnet-0de0fa170000000{letter}0")).to_vec()
}

async fn check<R: Regions>(who: &str, landscape: &Landscape, regions: &R) {
    let cloud = regions.region(&landscape.settings.region);
    let told = |answer: Answer<Vec<Subnet>>| -> Told {
        let mut subnets = answer.unwrap_or_else(|error| panic!("{who}, {}: {error}", landscape.name));
        subnets.sort_by(|one, other| one.zone.cmp(&other.zone));
        let letter = |subnet: &Subnet| subnet.zone.chars().last().unwrap();
        subnets.iter().map(|subnet| (letter(subnet), subnet.cidr.is_some(), subnet.egress)).collect()
    };
    assert_eq!(
        told(cloud.subnets(&SubnetsOf::Default).await),
        landscape.defaults,
        "{who}, {}: defaults",
        landscape.name
    );
    assert_eq!(
        told(cloud.subnets(&SubnetsOf::Named(ids())).await),
        landscape.named,
        "{who}, {}: named",
        landscape.name
    );
}

#[tokio::test]
async fn the_network_is_told_as_it_is() {
    for landscape in landscapes() {
        let sim = Sim::new(1, landscape.settings.clone()).unwrap();
        let regions = SharedSim::new(sim, Arc::new(Timestamp::now));
        check("cloudsim", &landscape, &regions).await;
        let region = lab::region::Region::start_for_tests(landscape.settings.clone()).await;
        let regions = cloud::Aws::at(&format!("http://{}", region.endpoint()), ACCESS_KEY, SECRET_KEY);
        check("lab", &landscape, &regions).await;
    }
}
