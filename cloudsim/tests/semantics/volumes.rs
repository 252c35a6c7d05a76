//! Volumes: what an image asks for, what a launch says otherwise, and what stays.

use cloudsim::ec2::{BlockDevice, IMAGE_WITH_DATA, RunInstances, Volume};
use cloudsim::{Filter, Query, Sim};

use crate::world::{at, code, exact, ids, request, sim};

fn with_data(devices: Vec<BlockDevice>, token: &str) -> RunInstances {
    let tags = |of: &str| (of.to_owned(), [("owner".to_owned(), "us".to_owned())].into());
    RunInstances {
        image_id: IMAGE_WITH_DATA.into(),
        block_devices: devices,
        tags: vec![tags("instance"), tags("volume")],
        ..request(1, token)
    }
}

fn ends(device: &str) -> BlockDevice {
    BlockDevice { device_name: device.into(), delete_on_termination: Some(true), ..BlockDevice::default() }
}

/// Volumes as readers see them, by device.
fn volumes(sim: &mut Sim, second: i64) -> Vec<Volume> {
    let query = Query::filtered([Filter::tag("owner", "us")]);
    let mut all = sim.ec2(at(second)).describe_volumes(&query).unwrap().items;
    all.sort_by_key(|volume| volume.attached.as_ref().map(|one| one.device.clone()));
    all
}

fn over(sim: &mut Sim, id: &str, second: i64) {
    sim.ec2(at(second)).terminate_instances(&[id.to_owned()]).unwrap();
    sim.advance(at(second + 20));
}

#[test]
fn an_image_makes_a_volume_for_each_of_its_mappings() {
    let mut sim = sim(exact());
    let made = sim.ec2(at(0)).run_instances(&with_data(Vec::new(), "token")).unwrap();
    let all = volumes(&mut sim, 1);
    let said: Vec<_> = all
        .iter()
        .map(|volume| {
            let attached = volume.attached.as_ref().unwrap();
            assert_eq!((attached.instance_id.as_str(), volume.state()), (made[0].id.as_str(), "in-use"));
            (attached.device.as_str(), volume.gib, volume.snapshot_id.is_some(), attached.delete_on_termination)
        })
        .collect();
    // No volume for the instance store.
    let expected = [("/dev/sdf", 20, true, false), ("/dev/sdg", 5, false, false), ("/dev/xvda", 8, false, true)];
    assert_eq!(said, expected);
    let told: Vec<_> = made[0].volumes.iter().map(|one| (one.device.as_str(), one.delete_on_termination)).collect();
    assert_eq!(told, [("/dev/sdf", false), ("/dev/sdg", false), ("/dev/xvda", true)]);
    assert_eq!(sim.audit().volumes, 3);
}

#[test]
fn what_an_image_keeps_stays_and_is_billed_when_the_instance_is_gone() {
    let mut sim = sim(exact());
    let kept = ids(&sim.ec2(at(0)).run_instances(&with_data(Vec::new(), "kept")).unwrap());
    over(&mut sim, &kept[0], 10);
    let left = volumes(&mut sim, 31);
    assert!(left.len() == 2 && left.iter().all(|volume| volume.state() == "available"), "{left:?}");
    assert_eq!((sim.audit().volumes, sim.audit().live), (2, 0));
    assert_eq!(sim.truth().ec2.instance(&kept[0]).unwrap().volumes, []);
}

#[test]
fn a_launch_that_says_so_of_each_device_leaves_none() {
    let mut sim = sim(exact());
    let devices = ["/dev/xvda", "/dev/sdf", "/dev/sdg"].map(ends).to_vec();
    let made = ids(&sim.ec2(at(0)).run_instances(&with_data(devices, "all")).unwrap());
    over(&mut sim, &made[0], 10);
    assert_eq!((volumes(&mut sim, 31), sim.audit().volumes), (Vec::new(), 0));
    // One that is forgotten stays.
    let made =
        ids(&sim.ec2(at(40)).run_instances(&with_data(vec![ends("/dev/xvda"), ends("/dev/sdf")], "two")).unwrap());
    over(&mut sim, &made[0], 50);
    assert_eq!(volumes(&mut sim, 71).iter().map(|volume| volume.gib).collect::<Vec<_>>(), [5]);
}

#[test]
fn a_device_can_be_suppressed_and_another_added() {
    let mut sim = sim(exact());
    let none = BlockDevice { device_name: "/dev/sdf".into(), no_device: true, ..BlockDevice::default() };
    let more = BlockDevice { device_name: "/dev/sdx".into(), size_gib: Some(3), ..BlockDevice::default() };
    sim.ec2(at(0)).run_instances(&with_data(vec![none, more], "token")).unwrap();
    let sizes: Vec<_> = volumes(&mut sim, 1).iter().map(|volume| volume.gib).collect();
    assert_eq!(sizes, [5, 3, 8]);
}

#[test]
fn mappings_that_cannot_be_are_refused() {
    let mut sim = sim(exact());
    let device = |name: &str, size_gib| BlockDevice { device_name: name.into(), size_gib, ..BlockDevice::default() };
    let rootless = BlockDevice { no_device: true, ..device("/dev/xvda", None) };
    for (wrong, expected) in [
        (device("/dev/sdf", Some(19)), "InvalidBlockDeviceMapping"),
        (device("/dev/xvda", Some(7)), "InvalidBlockDeviceMapping"),
        (rootless, "InvalidBlockDeviceMapping"),
        (device("/dev/sdx", None), "MissingParameter"),
    ] {
        assert_eq!(code(sim.ec2(at(0)).run_instances(&with_data(vec![wrong], "token"))), expected);
    }
    // An empty volume may be smaller than the image's.
    assert!(sim.ec2(at(0)).run_instances(&with_data(vec![device("/dev/sdg", Some(1))], "token")).is_ok());
    let unknown = Query::ids(["vol-00000000000000001"]);
    assert_eq!(code(sim.ec2(at(1)).describe_volumes(&unknown)), "InvalidVolume.NotFound");
}
