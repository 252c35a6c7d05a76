//! From the user data to a program that serves, and what the console tells of it.

use super::*;

#[test]
fn user_data_boots_the_worker_which_is_restarted_when_it_dies_and_gone_when_stopped() {
    let (mut lab, address) = (Lab::new("boot"), address(1));
    let environment = [("CLUSTER", "blue".to_owned()), ("WORK", "sleep:1ms".to_owned())];
    let script = UserData { environment: &environment, ..lab.user_data() }.script().expect("script");
    lab.start(spec(address, script));
    assert_eq!(lab.event(), started());
    let (head, _) = until("the worker", || get(address, "/health"));
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    let (head, body) = until("an answer", || get(address, "/blue"));
    assert!(body.starts_with(&format!("{{\"instanceId\":\"{ID}\",\"cluster\":\"blue\",")), "{body}");
    // One vCPU by affinity, which the worker takes its slots from.
    assert_eq!(header(&head, "x-slots"), "1");
    until("the last boot step", || lab.last_word().starts_with(console::READY).then_some(()));
    until("cloud-init's last word", || lab.console().contains("Cloud-init v. 22.2.2 finished at ").then_some(()));
    let console = lab.console();
    let first = console.lines().find(|line| line.contains("clusterbench: step 1/6 arm expiry ")).expect("step 1");
    let host = format!("ip-{}", address.to_string().replace('.', "-"));
    assert!(first.starts_with(&format!("{host} login: [")), "a prompt is glued before: {first}");
    assert!(console.split_terminator('\n').all(|line| line.ends_with('\r')), "{console:?}");
    assert!(!console.lines().any(|line| line.starts_with("clusterbench")), "nothing reaches a console bare: {console}");
    assert!(console.contains("] clusterbench-boot["), "the unit of the boot speaks for itself: {console}");
    assert!(
        !lab.directory().join("root/etc/systemd/system/multi-user.target.wants/clusterbench-boot.service").exists()
    );

    // Killed, it comes back as another process.
    let program = lab.directory().join("root/opt/clusterbench/worker");
    let pids = with_argument(program.to_str().expect("text"));
    assert_eq!(pids.len(), 1);
    kill_process(pids[0], Signal::KILL).expect("kill");
    let boot = header(&head, "x-boot");
    until("another process", || get(address, "/").filter(|(head, _)| header(head, "x-boot") != boot));

    lab.machines().stop(ID);
    assert_eq!(lab.event(), MachineEvent::Stopped { id: ID.to_owned() });
    assert_eq!((count_processes(&lab.state), get(address, "/health")), (0, None));
    lab.machines().stop(ID);
    assert_eq!(lab.event(), MachineEvent::Stopped { id: ID.to_owned() }, "stopping again is no error");
}

#[test]
fn a_wrong_hash_is_the_last_word_on_the_console() {
    let (mut lab, address) = (Lab::new("hash"), address(2));
    let wrong = "0".repeat(64);
    let script = UserData { payload: Payload::File { url: &lab.artifact.url, sha256: &wrong }, ..lab.user_data() }
        .script()
        .expect("script");
    lab.start(spec(address, script));
    assert_eq!(lab.event(), started());
    let last = until("the error", || Some(lab.last_word()).filter(|word| word.starts_with(console::ERROR)));
    assert!(last.contains(&wrong), "{last}");
    assert!(last.contains(&lab.artifact.sha256), "{last}");
    assert!(!lab.directory().join("root/opt/clusterbench/worker").exists());
}

#[test]
fn cloud_init_says_so_when_the_script_fails_and_has_the_last_word() {
    let (mut lab, address) = (Lab::new("failing"), address(12));
    lab.start(spec(address, "#!/bin/bash\necho one\necho clusterbench: error: two\nexit 3\n".to_owned()));
    assert_eq!(lab.event(), started());
    until("cloud-init's last word", || lab.console().contains(" finished at ").then_some(()));
    let console = lab.console();
    let order =
        ["]: one\r\n", "]: clusterbench: error: two\r\n", "part-001 [3]\r\n", "module scripts-user", " finished at "];
    let places: Vec<_> = order.iter().map(|text| console.find(text)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{console}");
    assert_eq!(lab.last_word(), "clusterbench: error: two");
}

#[test]
fn an_instance_is_told_where_names_are_looked_up() {
    let (mut lab, address) = (Lab::new("hosts"), address(14));
    lab.start(spec(address, "#!/bin/bash\necho \"$HOSTS_FILE\"\n".to_owned()));
    assert_eq!(lab.event(), started());
    let hosts = lab::machine::hosts_file(&lab.state.canonicalize().expect("its directory"));
    until("the variable", || (lab.said() == [hosts.display().to_string()]).then_some(()));
}

#[test]
fn metadata_want_a_token_and_an_address_that_is_taken_fails_the_start() {
    let (mut lab, address) = (Lab::new("metadata"), address(6));
    lab.start(spec(address, "not a script".to_owned()));
    assert_eq!(lab.event(), started());
    let ask = |request: &str| http((address, METADATA_PORT).into(), request).expect("metadata answer");
    let (head, _) = ask("GET /latest/meta-data/instance-id HTTP/1.1\r\n");
    assert!(head.starts_with("http/1.1 401 "), "{head}");
    let (_, token) = ask("PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n");
    let with_token = |path: &str| ask(&format!("GET {path} HTTP/1.1\r\nX-aws-ec2-metadata-token: {token}\r\n"));
    assert_eq!(with_token("/latest/meta-data/instance-id").1, ID);
    assert_eq!(with_token("/latest/meta-data/local-ipv4").1, address.to_string());
    assert_eq!(with_token("/latest/user-data").1, "not a script");
    until("cloud-init's word", || lab.console().contains("[WARNING]: Unhandled non-multipart").then_some(()));

    let other = MachineSpec { id: "i-1".to_owned(), ..spec(address, String::new()) };
    lab.start(other);
    match lab.event() {
        MachineEvent::Failed { id, why } => assert!(id == "i-1" && why.contains(&format!("{address}:1338")), "{why}"),
        event => panic!("{event:?}"),
    }
}

#[test]
fn an_instance_has_as_many_processors_as_its_type_or_as_the_machine() {
    let parallelism = thread::available_parallelism().expect("parallelism").get();
    let (mut lab, address) = (Lab::new("cores"), address(7));
    let vcpus = parallelism as u32 + 1;
    lab.start(MachineSpec { vcpus, ..spec(address, "#!/bin/bash\nnproc\n".to_owned()) });
    assert_eq!(lab.event(), started());
    until("nproc", || (lab.said() == [parallelism.to_string()]).then_some(()));
    let console = lab.console();
    assert!(console.contains(&format!("{vcpus} vCPUs on processors ")), "{console}");
    assert!(console.contains(", fewer than the type has, "), "{console}");
}
