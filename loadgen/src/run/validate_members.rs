//! Refuses members that a run could not ask. Pure.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use wire::RunSpec;

use crate::{InvalidSpec, Target};

/// Checks the members of `spec`, whose targets are these.
pub(crate) fn validate_members(spec: &RunSpec, targets: &[Target]) -> Result<(), InvalidSpec> {
    let invalid = |field: String, problem: String| Err(InvalidSpec { field, problem });
    if spec.members.is_empty() {
        return Ok(());
    }
    if spec.balancer_control.is_some() {
        return invalid("members".into(), "are given besides balancerControl: leave one of the two out".into());
    }
    // A target with the URL of an earlier one is measured on the members of that one.
    let clusters: BTreeSet<&str> =
        targets.iter().filter(|target| !target.is_shared).map(|target| target.serves.as_str()).collect();
    let mut known = BTreeSet::new();
    for (index, member) in spec.members.iter().enumerate() {
        let field = |name: &str| format!("members[{index}].{name}");
        let (cluster, id, address) = (&member.cluster, &member.id, &member.address);
        if !clusters.contains(cluster.as_str()) {
            let all: Vec<&str> = clusters.iter().copied().collect();
            return invalid(field("cluster"), format!("is {cluster:?}: it must be a target's, {}", all.join(" or ")));
        }
        if id.is_empty() {
            return invalid(field("id"), "is empty: give the id of the instance".into());
        }
        if !known.insert((cluster, id)) {
            return invalid(field("id"), format!("is {id:?}, which is there twice in {cluster}: ids must differ"));
        }
        if address.parse::<SocketAddr>().is_err() {
            let problem = format!("is {address:?}: write an IP address and a port, such as 10.0.0.7:8080");
            return invalid(field("address"), problem);
        }
    }
    let has_members = |target: &Target| spec.members.iter().any(|member| member.cluster == target.serves);
    match targets.iter().position(|target| !target.is_shared && !has_members(target)) {
        None => Ok(()),
        Some(index) => {
            let problem = format!("{:?} has no members: give those of every target", targets[index].cluster);
            invalid(format!("targets[{index}].cluster"), problem)
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::RunMember;

    use super::*;

    fn member(cluster: &str, id: &str, address: &str) -> RunMember {
        RunMember { cluster: cluster.into(), id: id.into(), address: address.into() }
    }

    fn problem(change: impl FnOnce(&mut RunSpec)) -> String {
        let mut targets = ["a", "b", "a again"].map(|name| Target::parse(name, "http://lb.test/x").unwrap());
        targets[2].serves = "a".into();
        let members = vec![member("a", "i-1", "10.0.0.7:80"), member("b", "i-1", "[2001:db8::7]:80")];
        let mut spec = RunSpec { members, ..RunSpec::default() };
        change(&mut spec);
        validate_members(&spec, &targets).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn names_the_field_and_the_way_out() {
        assert_eq!(problem(|_| ()), "");
        assert_eq!(problem(|spec| spec.members.clear()), "");
        assert_eq!(
            problem(|spec| spec.balancer_control = Some("http://10.0.0.1:8081".into())),
            "members: are given besides balancerControl: leave one of the two out"
        );
        let cases: [(RunMember, &str); 5] = [
            (member("c", "i-2", "10.0.0.8:80"), "members[1].cluster: is \"c\": it must be a target's, a or b"),
            (
                member("a again", "i-2", "10.0.0.8:80"),
                "members[1].cluster: is \"a again\": it must be a target's, a or b",
            ),
            (member("b", "", "10.0.0.8:80"), "members[1].id: is empty: give the id of the instance"),
            (
                member("a", "i-1", "10.0.0.8:80"),
                "members[1].id: is \"i-1\", which is there twice in a: ids must differ",
            ),
            (
                member("b", "i-2", "host:80"),
                "members[1].address: is \"host:80\": write an IP address and a port, such as 10.0.0.7:8080",
            ),
        ];
        for (wrong, text) in cases {
            assert_eq!(problem(|spec| spec.members[1] = wrong), text);
        }
        let lone = problem(|spec| drop(spec.members.pop()));
        assert_eq!(lone, "targets[1].cluster: \"b\" has no members: give those of every target");
    }
}
