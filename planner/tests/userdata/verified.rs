//! The units that scripts write, judged by systemd itself: each key is known in its section, and each value is one.

use super::programs::{IMAGE, application, world_with_archive};
use super::*;

/// What units of ours name, so that none is missed for another machine's sake.
const NAMED: [&str; 11] = [
    "sysinit.target",
    "basic.target",
    "shutdown.target",
    "network-online.target",
    "multi-user.target",
    "sockets.target",
    "timers.target",
    "time-set.target",
    "time-sync.target",
    "system.slice",
    "-.slice",
];

/// What systemd says of all units below a root. Empty: nothing.
fn said(root: &Path) -> String {
    let units = root.join("etc/systemd/system");
    let own: Vec<String> = fs::read_dir(&units)
        .expect("units")
        .filter_map(|unit| unit.expect("unit").file_name().into_string().ok())
        .filter(|name| name.starts_with("clusterbench-"))
        .map(|name| name.replace("@.", "@1."))
        .collect();
    assert!(own.len() > 2, "expiry, boot and program: {own:?}");
    for name in NAMED {
        fs::write(units.join(name), "[Unit]\nDescription=of every image\n").expect("unit");
    }
    let docker = "[Service]\nExecStart=/usr/bin/env\n";
    fs::write(units.join("docker.service"), docker).expect("unit");
    for program in ["usr/sbin/shutdown", "usr/bin/env"] {
        let path = root.join(program);
        fs::create_dir_all(path.parent().expect("directory")).expect("directory");
        fs::write(&path, "#!/bin/sh\n").expect("program");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
    }
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no", &format!("--root={}", root.display())])
        .args(&own)
        .output()
        .expect("systemd-analyze");
    let words = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    if output.status.success() { words } else { format!("{}: {words}", output.status) }
}

#[test]
fn systemd_takes_every_unit_that_a_script_writes_without_a_word() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        println!("SKIPPED: there is no systemd-analyze on this machine");
        return;
    }
    let sha256 = sha256_hex(PROGRAM.as_bytes());
    let roles = [Role::Worker, Role::Balancer, Role::Front, Role::Generator].map(|role| user_data(role, &sha256, &[]));
    let starter = UserData { control: Some(CONTROL), ..user_data(Role::Worker, &sha256, &[]) };
    let brought = UserData { payload: Payload::Brought { sha256: &sha256 }, ..user_data(Role::Balancer, &sha256, &[]) };
    for (number, data) in roles.into_iter().chain([starter, brought]).enumerate() {
        let world = World::new(&format!("verified-{number}"));
        let port = world.port();
        let control = data.control.map(|control| Control { port, ..control });
        let is_worker = data.role == Role::Worker;
        let companion = is_worker.then(|| companion(port, &sha256, &[]));
        let data = UserData { port: data.port.map(|_| port), control, companion, ..data };
        brought::received(&world, &sha256, PROGRAM);
        let output = world.run(&data.script().expect("script"));
        assert!(output.status.success(), "{output:?}");
        assert_eq!(said(&world.root()), "", "{data:?}");
    }
    let arguments = ["serve".to_owned(), "a b%".to_owned()];
    let (archived, hash) = world_with_archive("verified-archive");
    let archive = application(&archived, &hash, &[], &[], &arguments);
    let contained = World::new("verified-container");
    contained.stand_in("docker", "true");
    let container = UserData {
        port: Some(contained.port()),
        payload: Payload::Container { image: IMAGE, arguments: &arguments },
        ..user_data(Role::Worker, &sha256, &[])
    };
    let (handing, first) = (World::new("verified-handed"), handed::First::new(&[], &["make"], &["./serve"], ""));
    let starter = UserData { port: Some(handing.port()), ..first.user_data(&sha256) };
    for (world, data) in [(&archived, archive), (&contained, container), (&handing, starter)] {
        let output = world.run(&data.script().expect("script"));
        assert!(output.status.success(), "{output:?}");
        assert_eq!(said(&world.root()), "", "{data:?}");
    }
    // It would say something.
    let unit = archived.root().join("etc/systemd/system/clusterbench-worker.service");
    let text = fs::read_to_string(&unit).expect("unit").replace("NoNewPrivileges=", "NoNewPrivilege=");
    fs::write(&unit, text).expect("unit");
    assert!(said(&archived.root()).contains("Unknown key"), "{}", said(&archived.root()));
}

#[test]
fn systemd_finds_the_units_well_formed_and_hard() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        println!("SKIPPED: there is no systemd-analyze on this machine");
        return;
    }
    let sha256 = "a".repeat(64);
    let plain = [Role::Worker, Role::Balancer, Role::Generator].map(|role| user_data(role, &sha256, &[]));
    let low = UserData { port: Some(80), ..user_data(Role::Worker, &sha256, &[]) };
    let starter = UserData { control: Some(CONTROL), ..user_data(Role::Worker, &sha256, &[]) };
    let pulled = UserData { companion: Some(companion(8082, &sha256, &[])), ..user_data(Role::Worker, &sha256, &[]) };
    let first = handed::First::new(&[], &["make"], &["./serve"], "");
    let starters = [starter, first.user_data(&sha256)];
    for (index, data) in plain.into_iter().chain(starters).chain([low, pulled]).enumerate() {
        let world = World::new(&format!("units-{index}"));
        let program = data.companion.as_ref().map_or(data.role.name(), |beside| beside.name);
        let name = format!("clusterbench-{program}.service");
        let script = data.script().expect("script");
        let file = world.directory.join(&name);
        fs::write(&file, unit(&script, &name)).expect("unit");
        // Exposure from 0 to 100; the limit is what DESIGN asks for.
        let output = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--threshold=20", "--no-pager"])
            .arg(&file)
            .output()
            .expect("systemd-analyze");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        println!("{}", text.trim_end().lines().last().unwrap_or_default());
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        let calendar = unit(&script, "clusterbench-expiry.timer");
        let calendar = calendar.lines().find_map(|line| line.strip_prefix("OnCalendar=")).expect("OnCalendar");
        let output = Command::new("systemd-analyze").args(["calendar", calendar]).output().expect("systemd-analyze");
        assert!(output.status.success(), "{output:?}");
    }
}
