//! Security groups, and what keeps them from being deleted.

use cloudsim::{CreateSecurityGroup, Filter, Lag, Outcome, Permission, PermissionSource, Query, Settings, Sim, Span};

use crate::world::{VPC, at, code, exact, ids, launch, request, sim};

pub(crate) fn create(sim: &mut Sim, name: &str, second: i64) -> Outcome<String> {
    let request = CreateSecurityGroup {
        name: name.into(),
        description: "members".into(),
        vpc_id: Some(VPC.into()),
        tags: [("owner".to_owned(), "us".to_owned())].into(),
    };
    sim.create_security_group(&request, at(second))
}

pub(crate) fn allow(sim: &mut Sim, group: &str, port: u16, source: PermissionSource, second: i64) -> Outcome<()> {
    sim.authorize_ingress(group, &[(Permission::tcp(port, port, source), None)], at(second)).map(|_| ())
}

#[test]
fn a_name_is_good_once_per_vpc() {
    let mut sim = sim(exact());
    create(&mut sim, "members", 0).unwrap();
    assert_eq!(code(create(&mut sim, "members", 1)), "InvalidGroup.Duplicate");
    for (name, expected) in
        [("", "MissingParameter"), ("default", "InvalidGroup.Reserved"), ("sg-x", "InvalidParameterValue")]
    {
        assert_eq!(code(create(&mut sim, name, 1)), expected);
    }
    assert_eq!(sim.ledger().groups, 1);
}

#[test]
fn rules_are_added_once_and_removed() {
    let mut sim = sim(exact());
    let group = create(&mut sim, "members", 0).unwrap();
    let anywhere = PermissionSource::Cidr("0.0.0.0/0".parse().unwrap());
    allow(&mut sim, &group, 80, anywhere.clone(), 1).unwrap();
    assert_eq!(code(allow(&mut sim, &group, 80, anywhere.clone(), 1)), "InvalidPermission.Duplicate");
    assert_eq!(code(allow(&mut sim, &group, 80, PermissionSource::Group("sg-1".into()), 1)), "InvalidGroup.NotFound");
    assert_eq!(code(allow(&mut sim, "sg-1", 80, anywhere.clone(), 1)), "InvalidGroup.NotFound");
    let rule = Permission::tcp(80, 80, anywhere);
    sim.revoke_ingress(&group, std::slice::from_ref(&rule), at(2)).unwrap();
    assert_eq!(code(sim.revoke_ingress(&group, &[rule], at(2))), "InvalidPermission.NotFound");
    let found = sim.describe_security_groups(&Query::ids([&group]), at(2)).unwrap().items;
    assert_eq!(found[0].ingress, []);
}

#[test]
fn a_group_cannot_go_before_its_interfaces() {
    let mut sim = sim(exact());
    let group = create(&mut sim, "members", 0).unwrap();
    let mut request = request(1, "token");
    request.interface.as_mut().unwrap().group_ids = vec![group.clone()];
    let id = ids(&sim.run_instances(&request, at(1)).unwrap());
    sim.terminate_instances(&id, at(20)).unwrap();
    // Terminated at 40; the interface lingers until 70.
    for second in [21, 40, 69] {
        assert_eq!(code(sim.delete_security_group(&group, at(second))), "DependencyViolation", "at {second}");
    }
    let in_group = Query::filtered([Filter::new("group-id", [&group])]);
    let mut interfaces = |second| sim.describe_network_interfaces(&in_group, at(second)).unwrap().items;
    let lingering = interfaces(69).remove(0);
    assert_eq!((lingering.status(), lingering.instance_id.clone()), ("available", None));
    assert_eq!(interfaces(70), []);
    sim.delete_security_group(&group, at(70)).unwrap();
    assert_eq!(code(sim.delete_security_group(&group, at(71))), "InvalidGroup.NotFound");
    let ledger = sim.ledger();
    assert_eq!((ledger.groups, ledger.interfaces), (0, 0));
}

#[test]
fn a_group_cannot_go_before_rules_that_name_it() {
    let mut sim = sim(exact());
    let (one, two) = (create(&mut sim, "one", 0).unwrap(), create(&mut sim, "two", 0).unwrap());
    allow(&mut sim, &one, 80, PermissionSource::Group(one.clone()), 1).unwrap();
    allow(&mut sim, &two, 80, PermissionSource::Group(one.clone()), 1).unwrap();
    assert_eq!(code(sim.delete_security_group(&one, at(2))), "DependencyViolation");
    sim.delete_security_group(&two, at(3)).unwrap();
    sim.delete_security_group(&one, at(4)).unwrap();
}

#[test]
fn groups_come_and_go_late_for_readers() {
    let lag = Lag { id: Span::seconds(2, 2), tag: Span::seconds(6, 6), token: Span::NONE };
    let mut sim = sim(Settings { lag, ..exact() });
    let group = create(&mut sim, "members", 0).unwrap();
    assert_eq!(code(create(&mut sim, "members", 0)), "InvalidGroup.Duplicate", "names are known at once");
    let mut request = request(1, "token");
    request.interface.as_mut().unwrap().group_ids = vec![group.clone()];
    assert_eq!(code(sim.run_instances(&request, at(1))), "InvalidGroup.NotFound", "made, and not seen yet");
    let ours = Query::filtered([Filter::tag("owner", "us")]);
    let mut count = |second| sim.describe_security_groups(&ours, at(second)).unwrap().items.len();
    assert_eq!((count(5), count(6)), (0, 1));
    sim.delete_security_group(&group, at(10)).unwrap();
    let mut count = |second| sim.describe_security_groups(&ours, at(second)).unwrap().items.len();
    assert_eq!((count(15), count(16)), (1, 0), "gone, and still seen");
}

#[test]
fn who_touches_what_is_not_theirs_is_noted() {
    let mut sim = sim(exact());
    let tags = || [("owner".to_owned(), "them".to_owned())].into();
    let (instance, group) =
        (sim.plant_instance(tags(), at(0)).unwrap(), sim.plant_group("theirs", tags(), at(0)).unwrap());
    let ours = launch(&mut sim, 1, "token", 0);
    sim.terminate_instances(&ours, at(1)).unwrap();
    let ledger = sim.ledger();
    assert_eq!((ledger.launched, ledger.live, ledger.groups), (1, 1, 0), "planted things are not counted");
    assert_eq!(ledger.foreign_touched, [""; 0]);
    sim.terminate_instances(std::slice::from_ref(&instance), at(2)).unwrap();
    sim.delete_security_group(&group, at(2)).unwrap();
    assert_eq!(
        sim.ledger().foreign_touched,
        [format!("TerminateInstances {instance}"), format!("DeleteSecurityGroup {group}")]
    );
}
