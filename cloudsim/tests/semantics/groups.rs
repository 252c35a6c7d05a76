//! Security groups, and what keeps them from being deleted.

use cloudsim::ec2::{CreateSecurityGroup, Permission, PermissionSource};
use cloudsim::{Filter, Lag, Outcome, Query, Settings, Sim, Span};

use crate::world::{VPC, at, code, exact, ids, launch, request, sim};

pub(crate) fn create(sim: &mut Sim, name: &str, second: i64) -> Outcome<String> {
    let request = CreateSecurityGroup {
        name: name.into(),
        description: "members".into(),
        vpc_id: Some(VPC.into()),
        tags: [("owner".to_owned(), "us".to_owned())].into(),
    };
    sim.ec2(at(second)).create_security_group(&request)
}

pub(crate) fn allow(sim: &mut Sim, group: &str, port: u16, source: PermissionSource, second: i64) -> Outcome<()> {
    sim.ec2(at(second)).authorize_ingress(group, &[(Permission::tcp(port, port, source), None)]).map(|_| ())
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
    assert_eq!(sim.audit().groups, 1);
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
    sim.ec2(at(2)).revoke_ingress(&group, std::slice::from_ref(&rule)).unwrap();
    assert_eq!(code(sim.ec2(at(2)).revoke_ingress(&group, &[rule])), "InvalidPermission.NotFound");
    let found = sim.ec2(at(2)).describe_security_groups(&Query::ids([&group])).unwrap().items;
    assert_eq!(found[0].ingress, []);
}

#[test]
fn a_group_cannot_go_before_its_interfaces() {
    let mut sim = sim(exact());
    let group = create(&mut sim, "members", 0).unwrap();
    let mut request = request(1, "token");
    request.interface.as_mut().unwrap().group_ids = vec![group.clone()];
    let id = ids(&sim.ec2(at(1)).run_instances(&request).unwrap());
    sim.ec2(at(20)).terminate_instances(&id).unwrap();
    // Terminated at 40; the interface lingers until 70.
    for second in [21, 40, 69] {
        assert_eq!(code(sim.ec2(at(second)).delete_security_group(&group)), "DependencyViolation", "at {second}");
    }
    let in_group = Query::filtered([Filter::new("group-id", [&group])]);
    let mut interfaces = |second| sim.ec2(at(second)).describe_network_interfaces(&in_group).unwrap().items;
    let lingering = interfaces(69).remove(0);
    assert_eq!((lingering.status(), lingering.instance_id.clone()), ("available", None));
    assert_eq!(interfaces(70), []);
    sim.ec2(at(70)).delete_security_group(&group).unwrap();
    assert_eq!(code(sim.ec2(at(71)).delete_security_group(&group)), "InvalidGroup.NotFound");
    let audit = sim.audit();
    assert_eq!((audit.groups, audit.interfaces), (0, 0));
}

#[test]
fn a_group_cannot_go_before_rules_that_name_it() {
    let mut sim = sim(exact());
    let (one, two) = (create(&mut sim, "one", 0).unwrap(), create(&mut sim, "two", 0).unwrap());
    allow(&mut sim, &one, 80, PermissionSource::Group(one.clone()), 1).unwrap();
    allow(&mut sim, &two, 80, PermissionSource::Group(one.clone()), 1).unwrap();
    assert_eq!(code(sim.ec2(at(2)).delete_security_group(&one)), "DependencyViolation");
    sim.ec2(at(3)).delete_security_group(&two).unwrap();
    sim.ec2(at(4)).delete_security_group(&one).unwrap();
}

#[test]
fn groups_come_and_go_late_for_readers() {
    let lag = Lag { id: Span::seconds(2, 2), tag: Span::seconds(6, 6), token: Span::NONE };
    let mut sim = sim(Settings { lag, ..exact() });
    let group = create(&mut sim, "members", 0).unwrap();
    assert_eq!(code(create(&mut sim, "members", 0)), "InvalidGroup.Duplicate", "names are known at once");
    let mut request = request(1, "token");
    request.interface.as_mut().unwrap().group_ids = vec![group.clone()];
    assert_eq!(code(sim.ec2(at(1)).run_instances(&request)), "InvalidGroup.NotFound", "made, and not seen yet");
    let ours = Query::filtered([Filter::tag("owner", "us")]);
    let mut count = |second| sim.ec2(at(second)).describe_security_groups(&ours).unwrap().items.len();
    assert_eq!((count(5), count(6)), (0, 1));
    sim.ec2(at(10)).delete_security_group(&group).unwrap();
    let mut count = |second| sim.ec2(at(second)).describe_security_groups(&ours).unwrap().items.len();
    assert_eq!((count(15), count(16)), (1, 0), "gone, and still seen");
}

#[test]
fn who_touches_what_is_not_theirs_is_noted() {
    let mut sim = sim(exact());
    let tags = || [("owner".to_owned(), "them".to_owned())].into();
    let (instance, group) =
        (sim.ec2(at(0)).plant_instance(tags()).unwrap(), sim.ec2(at(0)).plant_group("theirs", tags()).unwrap());
    let ours = launch(&mut sim, 1, "token", 0);
    sim.ec2(at(1)).terminate_instances(&ours).unwrap();
    let audit = sim.audit();
    assert_eq!((audit.launched, audit.live, audit.groups), (1, 1, 0), "planted things are not counted");
    assert_eq!(audit.foreign_touched, [""; 0]);
    sim.ec2(at(2)).terminate_instances(std::slice::from_ref(&instance)).unwrap();
    sim.ec2(at(2)).delete_security_group(&group).unwrap();
    assert_eq!(
        sim.audit().foreign_touched,
        [format!("TerminateInstances {instance}"), format!("DeleteSecurityGroup {group}")]
    );
}
