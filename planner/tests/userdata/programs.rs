//! Programs of users in their forms, and the program beside: how the script brings them there, and that every text of a
//! user's arrives as it was written.

use proptest::prelude::*;

use super::*;

pub(crate) const ARCHIVE_URL: &str = "https://artifacts.example/app.tar.gz";
pub(crate) const IMAGE: &str =
    "public.ecr.aws/x/app@sha256:9b2e9b2e9b2e9b2e9b2e9b2e9b2e9b2e9b2e9b2e9b2e9b2e9b2e9b2e9b2e9b2e";

pub(crate) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// An archive in place of the program, and stand-ins for what would change this machine.
pub(crate) fn world_with_archive(name: &str) -> (World, String) {
    let world = World::new(name);
    let tree = world.directory.join("tree");
    fs::create_dir_all(tree.join("sub")).expect("directory");
    fs::write(tree.join("app.py"), "print(1)\n").expect("file");
    fs::write(tree.join("sub/data"), "x").expect("file");
    let archive = world.directory.join("artifact");
    let packed = Command::new("tar").args(["-czf"]).arg(&archive).arg("-C").arg(&tree).arg(".").status();
    assert!(packed.expect("tar").success());
    for command in ["useradd", "chown", "dnf"] {
        world.stand_in(command, &format!("echo \"{command} $*\" >>\"$WORLD/log\""));
    }
    // systemd's part: a line of the setup is run in the directory of the archive.
    world.stand_in(
        "systemctl",
        r#"if [ "$1" = show ]; then cat "$WORLD/shown"; exit; fi
        echo "systemctl $*" >>"$WORLD/log"
        case "$*" in
          "start clusterbench-setup-"*) cd "$DESTDIR/var/lib/clusterbench-app" && "$DESTDIR/opt/clusterbench/setup" >"$WORLD/said" 2>&1 ;;
          enable*) touch "$WORLD/enabled/${!#}" ;;
          disable*) rm "$WORLD/enabled/${!#}" ;;
        esac"#,
    );
    world.stand_in("journalctl", r#"[ "$#" = 6 ] && [[ $6 = _SYSTEMD_UNIT=* ]] && tail -n 1 "$WORLD/said""#);
    let sha256 = sha256_hex(&fs::read(archive).expect("archive"));
    (world, sha256)
}

pub(crate) fn application<'a>(
    world: &World,
    sha256: &'a str,
    packages: &'a [String],
    setup: &'a [String],
    command: &'a [String],
) -> UserData<'a> {
    let payload = Payload::Archive { url: ARCHIVE_URL, sha256, packages, setup, command };
    UserData { port: Some(world.port()), payload, ..user_data(Role::Worker, sha256, &[]) }
}

#[test]
fn an_archive_is_checked_unpacked_set_up_and_started_among_its_files() {
    let (world, sha256) = world_with_archive("archive");
    let (packages, setup) =
        (words(&["python3", "python3-pip"]), words(&["echo \"it's $PWD\" >made", "cat made app.py"]));
    let command = words(&[".v/bin/serve", "app:app", "--port", "80 80"]);
    let environment = [("MODE", "a b".to_owned())];
    let data = UserData { environment: &environment, ..application(&world, &sha256, &packages, &setup, &command) };
    let script = data.script().expect("script");
    let output = world.run(&script);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let steps: Vec<&str> = said.lines().filter(|line| line.contains(": step 5/6")).collect();
    let expected = [
        "clusterbench: step 5/6 install worker",
        "clusterbench: step 5/6 packages python3 python3-pip",
        "clusterbench: step 5/6 unpack",
        "clusterbench: step 5/6 setup 1 of 2: echo \"it's $PWD\" >made",
        "clusterbench: step 5/6 setup 2 of 2: cat made app.py",
    ];
    assert_eq!(steps, expected);
    assert!(last_line(&output).starts_with("clusterbench: ready: worker listens on "), "{said}");

    let app = world.root().join("var/lib/clusterbench-app");
    assert_eq!(fs::read_to_string(app.join("sub/data")).expect("unpacked"), "x");
    assert_eq!(fs::read_to_string(app.join("made")).expect("made"), format!("it's {}\n", app.display()));
    let log = world.log();
    let at = |word: &str| log.iter().position(|line| line.contains(word)).unwrap_or_else(|| panic!("{word}: {log:?}"));
    let order = [
        "dnf install --assumeyes --quiet python3 python3-pip",
        "chown --recursive",
        "start clusterbench-setup-1",
        "start clusterbench-setup-2",
        "enable --now clusterbench-worker.service",
    ];
    assert!(order.map(at).is_sorted(), "{log:?}");
    assert!(!world.root().join("etc/systemd/system/clusterbench-setup-1.service").exists(), "it is run once");

    let service = unit(&script, "clusterbench-worker.service");
    let start = r#"ExecStart=/usr/bin/env ".v/bin/serve" "app:app" "--port" "80 80""#;
    for line in [
        start,
        "User=clusterbench-app",
        "WorkingDirectory=%S/clusterbench-app",
        "Environment=HOME=%S/clusterbench-app TMPDIR=%T",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
        "ProtectSystem=strict",
        "PrivateTmp=yes",
    ] {
        assert!(service.lines().any(|one| one == line), "{line}: {service}");
    }
    // Compilers at run time write code into memory.
    assert!(!service.contains("ReadWritePaths") && !service.contains("MemoryDenyWriteExecute"), "{service}");
    let of_setup = script.split("cat <<'UNIT'\n").nth(1).expect("the setup's unit");
    for line in ["Type=oneshot", "User=clusterbench-app", "ReadWritePaths=%S/clusterbench-app", "PrivateTmp=yes"] {
        assert!(of_setup.lines().any(|one| one == line), "{line}: {of_setup}");
    }
    let file = world.root().join("etc/clusterbench/worker.env");
    assert_eq!(value(&file, "MODE"), "a b");
}

#[test]
fn a_line_of_the_setup_that_fails_ends_the_boot_with_its_last_word() {
    let (world, sha256) = world_with_archive("setup");
    world.show("Result=exit-code\nExecMainStatus=3\n");
    let setup = words(&["true", "echo one; echo no such version >&2; exit 3", "touch never"]);
    let command = words(&["true"]);
    let output = world.run(&application(&world, &sha256, &[], &setup, &command).script().expect("script"));
    assert_eq!(output.status.code(), Some(1));
    let expected = "clusterbench: error: worker.setup[1]: Result=exit-code, ExecMainStatus=3; it said: no such version";
    assert_eq!(last_line(&output), expected);
    assert!(!world.root().join("var/lib/clusterbench-app/never").exists());
    assert!(!world.log().iter().any(|line| line.contains("clusterbench-worker")), "{:?}", world.log());
}

/// A line may end by its time, or by an error in its middle.
#[test]
fn lines_of_the_setup_have_ten_minutes_and_stop_at_the_first_error() {
    let (world, sha256) = world_with_archive("limits");
    world.show("Result=timeout\nExecMainStatus=15\n");
    let setup =
        words(&["cp \"$DESTDIR\"/etc/systemd/system/clusterbench-setup-1.service kept; false | true; touch never"]);
    let command = words(&["true"]);
    let output = world.run(&application(&world, &sha256, &[], &setup, &command).script().expect("script"));
    assert!(last_line(&output).contains("worker.setup[0]: Result=timeout, ExecMainStatus=15; "), "{output:?}");
    let app = world.root().join("var/lib/clusterbench-app");
    assert!(!app.join("never").exists());
    let unit = fs::read_to_string(app.join("kept")).expect("unit");
    let limit = unit.lines().last().and_then(|line| line.strip_prefix("TimeoutStartSec=")).expect("a limit");
    assert!((590..=600).contains(&limit.parse::<u32>().expect("seconds")), "{limit}");
}

#[test]
fn what_is_no_archive_or_another_one_or_lacks_a_package_ends_the_boot() {
    let command = words(&["true"]);
    let (world, sha256) = world_with_archive("wrong");
    let wrong = "0".repeat(64);
    let output = world.run(&application(&world, &wrong, &[], &[], &command).script().expect("script"));
    let last = last_line(&output);
    assert!(last.contains(&sha256) && last.ends_with("it was not run"), "{last}");
    assert!(!world.root().join("var/lib/clusterbench-app").exists());

    world.stand_in("sleep", "exit 0");
    world.stand_in(
        "dnf",
        "echo \"dnf $*\" >>\"$WORLD/log\"; echo a; echo 'Error: Unable to find a match: nodejs99'; exit 1",
    );
    let packages = words(&["nodejs99"]);
    let output = world.run(&application(&world, &sha256, &packages, &[], &command).script().expect("script"));
    let expected =
        "clusterbench: error: worker.packages: nodejs99 cannot be installed: Error: Unable to find a match: nodejs99";
    assert_eq!(last_line(&output), expected);
    assert_eq!(world.log().iter().filter(|line| line.starts_with("dnf ")).count(), 3);

    fs::write(world.directory.join("artifact"), PROGRAM).expect("artifact");
    let sha256 = sha256_hex(PROGRAM.as_bytes());
    let output = world.run(&application(&world, &sha256, &[], &[], &command).script().expect("script"));
    let last = last_line(&output);
    assert!(
        last.starts_with(&format!("clusterbench: error: worker.archive: tar cannot unpack {ARCHIVE_URL}: ")),
        "{last}"
    );
}

/// Updates at the first boot may hold the lock of the packages for minutes.
#[test]
fn packages_wait_for_the_lock_longer_than_for_anything_else() {
    let (world, sha256) = world_with_archive("lock");
    world.stand_in("sleep", "exit 0");
    let held = "[ \"$(grep --count ^dnf \"$WORLD/log\")\" -gt 9 ] || \
                { echo 'E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)'; exit 100; }";
    world.stand_in("dnf", &format!("echo dnf >>\"$WORLD/log\"; {held}"));
    let (packages, command) = (words(&["nodejs99"]), words(&["true"]));
    let output = world.run(&application(&world, &sha256, &packages, &[], &command).script().expect("script"));
    assert!(last_line(&output).starts_with("clusterbench: ready: "), "{output:?}");
    assert_eq!(world.log().iter().filter(|line| *line == "dnf").count(), 10);
}

#[test]
fn a_container_is_pulled_by_its_digest_and_gets_its_arguments_and_variables() {
    let world = World::new("container");
    world.stand_in(
        "docker",
        "echo \"docker $*\" >>\"$WORLD/log\"; [ \"${5-}\" != run ] || printf '%s\\0' \"$@\" >\"$WORLD/run\"",
    );
    let arguments = words(&["serve", "it's \"$HOME\" %n \\ ;", "a\nb"]);
    let environment = [("CLUSTER", "one".to_owned()), ("MODE", "a\nb".to_owned())];
    let payload = Payload::Container { image: IMAGE, arguments: &arguments };
    let plain = user_data(Role::Worker, "", &environment);
    let script = UserData { port: Some(world.port()), payload, ..plain }.script().expect("script");
    let output = world.run(&script);
    assert!(last_line(&output).starts_with("clusterbench: ready: "), "{output:?}");
    assert!(world.log().contains(&format!("docker pull --quiet {IMAGE}")), "{:?}", world.log());

    let started = systemd_words(&exec_start(&unit(&script, "clusterbench-worker.service")));
    let (program, given) = started.split_first().expect("a program");
    assert_eq!((program.as_str(), given), ("/opt/clusterbench/worker", &arguments[..]));
    let mut command = world.command(world.root().join("opt/clusterbench/worker"));
    let noise = world.directory.join("noise");
    // The stand-in is a script, as docker is not.
    fs::write(&noise, "[[ $0 = */docker ]] || { echo what is for the container was run >&2; exit 1; }").expect("noise");
    // As a user may give them to the container.
    command.args(given).env("BASH_ENV", &noise).env("PATH", "/app/bin").env("WORLD", &world.directory);
    let status = command.status().expect("it runs");
    assert!(status.success());
    let run = fs::read_to_string(world.directory.join("run")).expect("run");
    let run: Vec<&str> = run.trim_end_matches('\0').split('\0').collect();
    let fixed = "--host unix:///run/docker.sock --config /etc/docker run --rm --name clusterbench-worker --network host --read-only --tmpfs /tmp --cap-drop ALL \
                 --security-opt no-new-privileges --pull never --env INSTANCE_ID --env ROLE --env LISTEN --env CLUSTER --env MODE";
    let fixed: Vec<&str> = fixed.split(' ').chain([IMAGE]).collect();
    assert_eq!(run, [&fixed[..], &arguments.iter().map(String::as_str).collect::<Vec<_>>()].concat());
}

#[test]
fn a_digest_that_does_not_exist_is_not_tried_for_ten_minutes() {
    let world = World::new("digest");
    world.stand_in("docker", "echo pulling; echo 'Error response from daemon: manifest unknown' >&2; exit 1");
    let payload = Payload::Container { image: IMAGE, arguments: &[] };
    let output = world.run(&UserData { payload, ..user_data(Role::Worker, "", &[]) }.script().expect("script"));
    let expected = format!(
        "clusterbench: error: worker.container: {IMAGE} cannot be pulled: Error response from daemon: manifest unknown"
    );
    assert_eq!(last_line(&output), expected);
}

#[test]
fn a_unit_of_the_image_is_started_with_its_variables_at_hand() {
    let world = World::new("preinstalled");
    let environment = [("CLUSTER", "one".to_owned())];
    let plain = user_data(Role::Worker, "", &environment);
    let payload = Payload::Preinstalled { unit: "app.service" };
    let script = UserData { port: Some(world.port()), payload, ..plain }.script().expect("script");
    let output = world.run(&script);
    assert!(last_line(&output).starts_with("clusterbench: ready: "), "{output:?}");
    let log = world.log();
    assert!(log.contains(&"systemctl restart app.service".to_owned()), "{log:?}");
    assert!(
        !log.iter().any(|line| line.contains("clusterbench-worker") || line.contains("artifacts.example")),
        "{log:?}"
    );
    assert_eq!(value(&world.root().join("etc/clusterbench/worker.env"), "CLUSTER"), "one");

    world.stand_in(
        "systemctl",
        "[ \"$1\" != restart ] || { echo 'Failed to restart app.service: Unit app.service not found.' >&2; exit 5; }\ntouch \"$WORLD/enabled/${!#}\"",
    );
    let output = world.run(&script);
    let expected = "clusterbench: error: worker.preinstalled: app.service cannot be started: Failed to restart app.service: Unit app.service not found.";
    assert_eq!(last_line(&output), expected);
}

#[test]
fn what_no_gate_lets_through_is_refused_by_name() {
    let sha256 = "a".repeat(64);
    let archive = |packages: &[&str], setup: &[&str], command: &[&str]| {
        let (packages, setup, command) = (words(packages), words(setup), words(command));
        let payload = Payload::Archive {
            url: ARCHIVE_URL,
            sha256: &sha256,
            packages: &packages,
            setup: &setup,
            command: &command,
        };
        UserData { payload, ..user_data(Role::Worker, &sha256, &[]) }.script()
    };
    assert_eq!(archive(&["--nogpgcheck"], &[], &["x"]), Err(InvalidUserData::PlainName("--nogpgcheck".into())));
    assert_eq!(archive(&["a b"], &[], &["x"]), Err(InvalidUserData::PlainName("a b".into())));
    assert_eq!(archive(&[], &["a\nb"], &["x"]), Err(InvalidUserData::Setup("a\nb".into())));
    assert_eq!(archive(&[], &["a\u{1b}[2J"], &["x"]), Err(InvalidUserData::Setup("a\u{1b}[2J".into())));
    assert_eq!(archive(&[], &[], &["a\0b"]), Err(InvalidUserData::Command("a\0b".into())));
    for image in ["app:latest", "app@sha256:12", "-v=/:/x@sha256:", "a b@sha256:"] {
        let image = if image.ends_with(':') { format!("{image}{}", "a".repeat(64)) } else { image.to_owned() };
        let payload = Payload::Container { image: &image, arguments: &[] };
        let refused = UserData { payload, ..user_data(Role::Worker, "", &[]) }.script();
        assert_eq!(refused, Err(InvalidUserData::Image(image.clone())));
    }
    let long = "x".repeat(1000);
    let lines: Vec<&str> = std::iter::repeat_n(long.as_str(), 12).collect();
    for (refused, field) in
        [(archive(&[], &lines, &["x"]), "worker.setup"), (archive(&[], &["x"], &lines), "worker.command")]
    {
        let error = refused.expect_err("too long").to_string();
        assert!(error.contains(&format!("shorten {field}, or move it into the archive")), "{error}");
    }
}

/// A launch that is written down is sent again with the very same bytes by whichever version comes next.
#[test]
fn scripts_of_earlier_kinds_are_what_they_were() {
    let sha256 = "0123456789abcdef".repeat(4);
    let environment = [("CLUSTER", "a".to_owned()), ("WORK", "sleep:2ms".to_owned())];
    let plain =
        [Role::Worker, Role::Balancer, Role::Front, Role::Generator].map(|role| user_data(role, &sha256, &environment));
    let low = UserData { port: Some(80), ..user_data(Role::Worker, &sha256, &[]) };
    let starter = UserData { control: Some(CONTROL), ..user_data(Role::Worker, &sha256, &environment) };
    let pulled = UserData {
        companion: Some(companion(8082, &sha256, &environment)),
        ..user_data(Role::Worker, &sha256, &environment)
    };
    let hashes = plain.into_iter().chain([low, starter, pulled]).map(|data| {
        let script = data.script().expect("script");
        format!("{} {}", &sha256_hex(script.as_bytes())[..16], script.len())
    });
    insta::assert_snapshot!(hashes.collect::<Vec<_>>().join("\n"), @"
    b40dc58be6f02678 5701
    529c9c489d05f809 5862
    183d9727f2d3bdf7 5820
    c376cbc1092895ca 5899
    e177b4a39fcdcef5 5672
    a1cfb87ea8cc56d2 5919
    0691675cd07492a5 8184
    ");
}

fn exec_start(unit: &str) -> String {
    unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("ExecStart").to_owned()
}

/// A command line as systemd reads it, written from its manual and apart from what writes it: words and escapes
/// (systemd.syntax(7)), then specifiers, then variables (systemd.service(5), "COMMAND LINES").
fn systemd_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.chars().peekable();
    loop {
        while rest.next_if(|next| next.is_ascii_whitespace()).is_some() {}
        let Some(first) = rest.peek() else { return words };
        assert!(*first != ';', "a separator of commands");
        let (mut word, mut quote) = (String::new(), None);
        while let Some(next) = rest.next() {
            match next {
                '\\' => word.push(match rest.next().expect("an escape") {
                    'n' => '\n',
                    't' => '\t',
                    same @ ('"' | '\\' | '\'') => same,
                    other => panic!("no escape of ours: {other:?}"),
                }),
                end if quote == Some(end) => quote = None,
                '"' | '\'' if quote.is_none() => quote = Some(next),
                space if quote.is_none() && space.is_ascii_whitespace() => break,
                other => word.push(other),
            }
        }
        assert_eq!(quote, None, "a quote is open: {line}");
        words.push(dollars(&percents(&word)));
    }
}

fn percents(word: &str) -> String {
    let parts: Vec<&str> = word.split("%%").collect();
    assert!(parts.iter().all(|part| !part.contains('%')), "a specifier: {word}");
    parts.join("%")
}

fn dollars(word: &str) -> String {
    let parts: Vec<&str> = word.split("$$").collect();
    assert!(parts.iter().all(|part| !part.contains('$')), "a variable: {word}");
    parts.join("$")
}

/// Any text that the schema accepts, with more than their share of characters that mean something somewhere.
fn text() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        3 => any::<char>().prop_filter("a control character", |one| !one.is_control()),
        3 => prop::sample::select("\"'\\$%`;#{}()<>|&*?!~ =\n\tUNITabc".chars().collect::<Vec<_>>()),
    ];
    prop::collection::vec(character, 0..40).prop_map(|all| all.into_iter().collect())
}

/// What bash makes of `line`, after `before`.
fn bash(before: &str, line: &str) -> String {
    let output = Command::new("bash").args(["-euc", &format!("{before}\n{line}")]).env_clear().output().expect("bash");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_command_arrives_as_it_was_written(rest in prop::collection::vec(text(), 0..6)) {
        let command = [words(&[".v/bin/serve"]), rest].concat();
        let payload =
            Payload::Archive { url: ARCHIVE_URL, sha256: &"a".repeat(64), packages: &[], setup: &[], command: &command };
        let script = UserData { payload, ..user_data(Role::Worker, "", &[]) }.script().expect("script");
        let line = exec_start(&unit(&script, "clusterbench-worker.service"));
        prop_assert_eq!(&systemd_words(&line)[1..], &command[..]);
    }

    #[test]
    fn any_line_of_a_setup_arrives_as_it_was_written(line in text()) {
        let line = line.replace('\n', " ");
        let (setup, command) = ([line.clone()], words(&["x"]));
        let payload =
            Payload::Archive { url: ARCHIVE_URL, sha256: &"a".repeat(64), packages: &[], setup: &setup, command: &command };
        let script = UserData { payload, ..user_data(Role::Worker, "", &[]) }.script().expect("script");
        let call = script.lines().find(|line| line.starts_with("setup 1 ")).expect("the call");
        prop_assert_eq!(bash("setup() { printf %s \"$2\"; }", call), line);
    }

    #[test]
    fn any_variable_arrives_as_it_was_written(value_of in text()) {
        let environment = [("MODE", value_of.clone())];
        let script = user_data(Role::Worker, &"a".repeat(64), &environment).script().expect("script");
        let block = script.split_once("mkdir -p \"$root/etc/clusterbench\"\n").expect("the environment").1;
        let block = block.split_once(" >\"$root/etc/clusterbench/worker.env\"").expect("its end").0;
        // What systemd makes of the file, bash makes of it too: double quotes mean the same to both.
        let file = bash("id=i-1 address=127.0.0.1", block);
        prop_assert_eq!(bash(&file, "printf %s \"$MODE\""), value_of);
    }
}

#[test]
fn a_companion_starts_when_the_program_serves_and_its_hash_is_checked_too() {
    let world = World::new("companion");
    let sha256 = sha256_hex(PROGRAM.as_bytes());
    let other = TcpListener::bind("127.0.0.1:0").expect("port");
    let (service, port) = (world.port(), other.local_addr().expect("address").port());
    let environment = [("REQUEST_QUEUE", "a b".to_owned())];
    let beside = |sha256| Some(companion(port, sha256, &environment));
    let data = UserData { port: Some(service), companion: beside(&sha256), ..user_data(Role::Worker, &sha256, &[]) };
    let script = data.script().expect("script");
    let output = world.run(&script);
    assert_eq!(last_line(&output), format!("clusterbench: ready: worker listens on 127.0.0.1:{service}"));
    let log = world.log();
    let at = |word: &str| log.iter().position(|line| line.ends_with(word)).expect("it was done");
    let steps = ["worker.service", "v1/puller", "puller.service", "disable clusterbench-boot.service"];
    assert!(steps.map(at).is_sorted(), "{log:?}");
    let file = fs::read_to_string(world.root().join("etc/clusterbench/puller.env")).expect("environment");
    let told = format!("PULLER_LISTEN=127.0.0.1:{port}\nSERVICE=127.0.0.1:{service}\n{}", "REQUEST_QUEUE=\"a b\"\n");
    assert_eq!(file, format!("INSTANCE_ID=i-0123456789abcdef0\n{told}"));
    // systemd stops it first: after what starts first.
    let service = unit(&script, "clusterbench-puller.service");
    assert!(service.contains("\nAfter=network-online.target clusterbench-worker.service\n"), "{service}");

    let wrong = "0".repeat(64);
    let world = World::new("companion-wrong");
    let output = world.run(&UserData { companion: beside(&wrong), ..data }.script().expect("script"));
    assert!(last_line(&output).starts_with("clusterbench: error: ") && last_line(&output).contains(&wrong));
}

/// An instance of a pool that is started and stopped boots many times, and its user data run once (cloud-init, "Scripts user").
#[test]
fn a_worker_behind_queues_needs_nothing_but_its_disk_to_boot_again() {
    let world = World::new("disk");
    let sha256 = sha256_hex(PROGRAM.as_bytes());
    let other = TcpListener::bind("127.0.0.1:0").expect("port");
    let beside = Some(companion(other.local_addr().expect("address").port(), &sha256, &[]));
    let data = UserData { port: Some(world.port()), companion: beside, ..user_data(Role::Worker, &sha256, &[]) };
    let script = data.script().expect("script");
    let output = world.run(&script);
    assert!(last_line(&output).starts_with("clusterbench: ready: "), "{output:?}");
    let enabled = ["clusterbench-expiry.timer", "clusterbench-puller.service", "clusterbench-worker.service"];
    assert_eq!(world.enabled(), enabled, "and nothing that fetches or asks");
    let timer = fs::read_to_string(world.root().join("etc/systemd/system/clusterbench-expiry.timer")).expect("timer");
    assert!(timer.contains("\nPersistent=true\n"), "a time that passed while it was stopped is made up for: {timer}");
    for program in ["worker", "puller"] {
        let unit = unit(&script, &format!("clusterbench-{program}.service"));
        assert!(unit.contains(&format!("\nExecStart=/opt/clusterbench/{program}\n")), "{unit}");
        assert!(unit.contains(&format!("\nEnvironmentFile=/etc/clusterbench/{program}.env\n")), "{unit}");
        assert!(
            unit.contains("\nWantedBy=multi-user.target\n") || unit.ends_with("\nWantedBy=multi-user.target"),
            "{unit}"
        );
        assert!(world.root().join("opt/clusterbench").join(program).is_file());
        assert!(world.root().join("etc/clusterbench").join(format!("{program}.env")).is_file());
    }
}
