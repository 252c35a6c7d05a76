//! The rows about what a region offers: subnets, images, instance types.

use std::net::IpAddr;
use std::rc::Rc;

use planner::Failure;
use planner::ports::{
    Architecture, Burstable, Catalog, Egress, Hypervisor, ImageQuery, OptIn, Regions, Subnet, SubnetsOf,
};

use crate::rows::refused;
use crate::target::Target;

pub(crate) async fn default_subnets_lie_in_zones<R: Regions>(on: Rc<Target<R>>) {
    let subnets = on.subnets().await;
    assert!(subnets.len() >= 2, "{subnets:?}");
    for (index, subnet) in subnets.iter().enumerate() {
        assert!(subnet.zone.starts_with(&on.region), "{subnet:?}");
        assert!(!subnet.zone_id.is_empty() && subnet.zone_id != subnet.zone, "{subnet:?}");
        assert!(subnet.free_addresses > 0, "{subnet:?}");
        assert_eq!(subnet.vpc_id, subnets[0].vpc_id);
        assert!(subnets[..index].iter().all(|other| other.zone != subnet.zone), "{subnets:?}");
        let named = on.cloud.subnets(&SubnetsOf::Named(vec![subnet.id.clone()])).await.unwrap();
        assert_eq!(named.iter().map(|named| &named.id).collect::<Vec<_>>(), [&subnet.id]);
    }
}

pub(crate) async fn named_subnets_must_exist<R: Regions>(on: Rc<Target<R>>) {
    let known = on.subnets().await.remove(0).id;
    for ids in [vec!["subnet-0123456789abcdef0".to_owned()], vec![known, "subnet-0123456789abcdef0".to_owned()]] {
        assert_eq!(refused(on.cloud.subnets(&SubnetsOf::Named(ids)).await).failure, Failure::NotFound);
    }
}

pub(crate) async fn a_vpc_has_its_subnets_and_its_blocks<R: Regions>(on: Rc<Target<R>>) {
    let subnets = on.subnets().await;
    let vpc_id = subnets[0].vpc_id.clone();
    let of_vpc = on.cloud.subnets(&SubnetsOf::Vpc(vpc_id.clone())).await.unwrap();
    assert!(subnets.iter().all(|subnet| of_vpc.contains(subnet)), "{of_vpc:?}");
    assert!(of_vpc.iter().all(|subnet| subnet.vpc_id == vpc_id), "{of_vpc:?}");
    let blocks = on.cloud.blocks(&vpc_id).await.unwrap();
    let is_within = |subnet: &Subnet| blocks.iter().any(|block| block.contains(&subnet.cidr.unwrap()));
    assert!(subnets.iter().all(is_within), "{blocks:?}");
    let nowhere = "vpc-0123456789abcdef0".to_owned();
    assert_eq!(refused(on.cloud.blocks(&nowhere).await).failure, Failure::NotFound);
    assert_eq!(on.cloud.subnets(&SubnetsOf::Vpc(nowhere)).await.unwrap(), []);
}

pub(crate) async fn an_address_tells_the_vpc_of_its_interface<R: Regions>(on: Rc<Target<R>>) {
    let launch = on.launch_of(&on.owner()).await;
    let made = on.launch(&launch).await;
    let address = IpAddr::V4(made[0].private_address.unwrap());
    let vpc_id = on.subnets().await.remove(0).vpc_id;
    // TEST-NET-1 (RFC 5737): no interface has such an address.
    let stranger: IpAddr = "192.0.2.1".parse().unwrap();
    let seen = async || {
        let pairs = on.cloud.vpcs_of(&[stranger, address]).await.unwrap();
        (!pairs.is_empty()).then_some(pairs)
    };
    assert_eq!(on.eventually("the interface is listed", seen).await, [(address, vpc_id)]);
    assert_eq!(on.cloud.vpcs_of(&[stranger]).await.unwrap(), []);
    assert_eq!(on.cloud.vpcs_of(&[]).await.unwrap(), []);
}

pub(crate) async fn an_ipv6_address_of_nobody_tells_nothing<R: Regions>(on: Rc<Target<R>>) {
    // For documents (RFC 3849).
    let stranger: IpAddr = "2001:db8::1".parse().unwrap();
    assert_eq!(on.cloud.vpcs_of(&[stranger]).await.unwrap(), []);
}

pub(crate) async fn default_subnets_reach_the_internet<R: Regions>(on: Rc<Target<R>>) {
    let subnets = on.subnets().await;
    assert!(subnets.iter().all(|subnet| subnet.egress == Egress::InternetGateway), "{subnets:?}");
}

pub(crate) async fn an_alias_means_the_newest_image_of_an_architecture<R: Regions>(on: Rc<Target<R>>) {
    for architecture in [Architecture::X86_64, Architecture::Arm64] {
        let query = ImageQuery::Alias { alias: "al2023".into(), architecture };
        let image = on.cloud.image(&query).await.unwrap().unwrap();
        assert_eq!(image.architecture, architecture);
        assert!(image.name.starts_with("al2023-ami-2023.") && image.name.ends_with(architecture.name()), "{image:?}");
        assert!(image.root_device.starts_with("/dev/") && image.root_gib > 0, "{image:?}");
        assert_eq!(on.cloud.image(&ImageQuery::Id(image.id.clone())).await.unwrap(), Some(image));
    }
}

pub(crate) async fn images_are_found_by_id_or_not<R: Regions>(on: Rc<Target<R>>) {
    let image = on.image().await;
    assert_eq!(on.cloud.image(&ImageQuery::Id(image.id.clone())).await.unwrap(), Some(image));
    let unknown = [
        ImageQuery::Id("ami-0123456789abcdef0".into()),
        ImageQuery::Alias { alias: "windows95".into(), architecture: Architecture::X86_64 },
    ];
    for query in unknown {
        assert_eq!(on.cloud.image(&query).await.unwrap(), None);
    }
}

pub(crate) async fn a_region_knows_itself_and_no_zone<R: Regions>(on: Rc<Target<R>>) {
    let known = on.cloud.regions().await.unwrap();
    let standing = |name: &str| known.iter().find(|one| one.name == name).map(|one| one.opt_in);
    assert_eq!(standing(&on.region), Some(OptIn::Done), "{known:?}");
    assert_eq!(standing("ap-east-1"), Some(OptIn::Missing), "{known:?}");
    assert_eq!(standing(&format!("{}a", on.region)), None);
}

pub(crate) async fn types_tell_their_facts<R: Regions>(on: Rc<Target<R>>) {
    let names = ["t2.micro", "c7g.large", "m5.xlarge", "t2.gigantic"].map(str::to_owned);
    let mut types = on.cloud.instance_types(&names).await.unwrap();
    types.sort_by(|one, other| one.name.cmp(&other.name));
    let facts: Vec<_> = types
        .iter()
        .map(|kind| {
            (kind.name.as_str(), kind.vcpus, kind.memory_mib, kind.architecture, kind.burstable, kind.hypervisor)
        })
        .collect();
    assert_eq!(
        facts,
        [
            ("c7g.large", 2, 4096, Architecture::Arm64, Burstable::No, Hypervisor::Nitro),
            ("m5.xlarge", 4, 16384, Architecture::X86_64, Burstable::No, Hypervisor::Nitro),
            ("t2.micro", 1, 1024, Architecture::X86_64, Burstable::Yes, Hypervisor::Xen),
        ]
    );
}

pub(crate) async fn types_are_offered_in_zones<R: Regions>(on: Rc<Target<R>>) {
    let names = ["m5.xlarge", "t2.gigantic"].map(str::to_owned);
    let mut pairs = on.cloud.offerings(&names).await.unwrap();
    pairs.sort();
    let zones: Vec<_> = pairs.iter().map(|(_, zone)| zone.clone()).collect();
    assert!(pairs.iter().all(|(name, _)| name == "m5.xlarge"), "{pairs:?}");
    let of_subnets: Vec<_> = on.subnets().await.into_iter().map(|subnet| subnet.zone).collect();
    assert_eq!(zones, of_subnets);
}
