//! A container image as the program of an instance: pulled by its digest from an archive, run in a sandbox, ended as a unit.

use super::*;

fn status_of(pid: Pid, key: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_pid())).ok()?;
    status.lines().find_map(|line| line.strip_prefix(key)).map(|rest| rest.trim().to_owned())
}

#[test]
fn a_container_serves_as_its_user_and_is_told_to_end_before_it_is_killed() {
    if !oci::is_possible("a container on an instance") {
        return;
    }
    let (mut lab, address) = (Lab::new("container"), address(37));
    let image = oci::write(&lab.state.join("images"), &binary("worker"));
    let environment = [("CLUSTER", "blue".to_owned())];
    let payload = Payload::Container { image: &image, arguments: &[] };
    let script = UserData { payload, environment: &environment, ..lab.user_data() }.script().expect("script");
    lab.start(spec(address, script));
    assert_eq!(lab.event(), started());
    lab.boots();
    let (_, body) = until("an answer", || get(address, "/blue"));
    assert!(body.starts_with(&format!("{{\"instanceId\":\"{ID}\",\"cluster\":\"blue\",")), "{body}");

    let digest = image.rsplit_once(':').expect("digest").1;
    let root = lab.directory().join("root/var/lib/docker").join(digest).join("root");
    assert!(root.join("worker").exists() && !root.join(oci::REMOVED).exists(), "the second layer removes a file");
    let first = with_argument("/worker")
        .into_iter()
        .find(|pid| status_of(*pid, "NSpid:").is_some_and(|ids| ids.ends_with("\t1")));
    let first = first.expect("the first process of a container");
    let users = fs::read_to_string(format!("/proc/{}/uid_map", first.as_raw_pid())).expect("its users");
    assert_eq!(users.split_whitespace().next(), Some(&*oci::USER.to_string()), "its image has a user of its own");

    let began = Instant::now();
    lab.machines().stop(ID);
    assert_eq!(lab.event(), MachineEvent::Stopped { id: ID.to_owned() });
    let took = began.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}: it was not told to end, and was killed after 40 s");
}

#[test]
fn an_image_that_is_another_one_is_not_run() {
    if !oci::is_possible("an image with another hash") {
        return;
    }
    let (mut lab, address) = (Lab::new("container-hash"), address(38));
    let images = lab.state.join("images");
    let image = oci::write(&images, &binary("worker"));
    let digest = image.rsplit_once(':').expect("digest").1;
    let laid = images.join("a-layout/blobs/sha256");
    fs::create_dir_all(&laid).expect("directory");
    fs::write(laid.join(digest), "{}").expect("another file under its name");
    let payload = Payload::Container { image: &image, arguments: &[] };
    lab.start(spec(address, UserData { payload, ..lab.user_data() }.script().expect("script")));
    assert_eq!(lab.event(), started());
    let last = until("an error", || lab.last_word().starts_with(console::ERROR).then(|| lab.last_word()));
    assert!(last.contains("LabHasNoContainers") && last.ends_with("has another hash"), "{last}");
}
