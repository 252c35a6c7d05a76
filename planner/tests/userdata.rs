//! The user data, executed: bash runs the script with a root directory and a small outside world of its own.

#![allow(clippy::expect_used)] // the exemption for tests does not reach their fixtures

#[path = "userdata/brought.rs"]
mod brought;
#[path = "userdata/handed.rs"]
mod handed;
#[path = "userdata/programs.rs"]
mod programs;
#[path = "userdata/verified.rs"]
mod verified;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use jiff::Timestamp;
use planner::desired::payload::Payload;
use planner::desired::role::Role;
use planner::desired::user_data::{BOOT_UNIT, Companion, Control, InvalidUserData, LIMIT, UserData};
use wire::sha256_hex;

const PROGRAM: &str = "#!/bin/sh\nexit 0\n";
const PROGRAM_URL: &str = "https://artifacts.example/v1/program?a=1&b={x}";
const CONTROL: Control<'_> = Control { port: 9000, public_key: "ERERERERERERERERERERERERERERERERERERERERERE" };

fn timestamp(text: &str) -> Timestamp {
    text.parse().expect("timestamp")
}

fn user_data<'a>(role: Role, sha256: &'a str, environment: &'a [(&'a str, String)]) -> UserData<'a> {
    UserData {
        role,
        expires_at: timestamp("2099-11-22T14:30:05.7Z"),
        payload: Payload::File { url: PROGRAM_URL, sha256 },
        port: (role != Role::Generator).then_some(8080),
        control: (role != Role::Worker).then_some(CONTROL),
        environment,
        companion: None,
        stock: None,
        handed: None,
    }
}

fn companion<'a>(port: u16, sha256: &'a str, environment: &'a [(&'a str, String)]) -> Companion<'a> {
    let artifact_url = Some("https://artifacts.example/v1/puller");
    Companion { name: "puller", artifact_url, artifact_sha256: sha256, port, environment }
}

/// A directory with a root and stand-ins that write down what they were asked.
struct World {
    directory: PathBuf,
    listener: TcpListener,
}

impl World {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("userdata-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        for part in ["bin", "enabled"] {
            fs::create_dir_all(directory.join(part)).expect("directory");
        }
        let world = Self { directory, listener: TcpListener::bind("127.0.0.1:0").expect("port") };
        fs::write(world.directory.join("artifact"), PROGRAM).expect("artifact");
        world.stand_in(
            "systemctl",
            r#"[ "$1" != show ] || exec cat "$WORLD/shown"
            echo "systemctl $*" >>"$WORLD/log"
            case "$1" in
              enable) touch "$WORLD/enabled/${!#}" ;;
              disable) rm "$WORLD/enabled/${!#}" ;;
            esac"#,
        );
        world.stand_in("sync", "echo sync >>\"$WORLD/log\"");
        world.show("Result=success\nExecMainStatus=0\nNRestarts=0\n");
        world.stand_in("shutdown", "echo \"shutdown $*\" >>\"$WORLD/log\"");
        world.stand_in(
            "curl",
            r#"echo "curl ${!#}" >>"$WORLD/log"
            previous=
            for word in "$@"; do
              [ "$previous" = --output ] && cp "$WORLD/artifact" "$word"
              previous=$word
            done
            case "${!#}" in
              */latest/api/token) printf token ;;
              */instance-id) printf i-0123456789abcdef0 ;;
              */local-ipv4) printf 127.0.0.1 ;;
            esac"#,
        );
        world
    }

    fn stand_in(&self, name: &str, body: &str) {
        let path = self.directory.join("bin").join(name);
        fs::write(&path, format!("#!/bin/bash\n{body}\n")).expect("stand-in");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
    }

    /// What systemd tells of the program's unit.
    fn show(&self, properties: &str) {
        fs::write(self.directory.join("shown"), properties).expect("properties");
    }

    fn port(&self) -> u16 {
        self.listener.local_addr().expect("address").port()
    }

    fn root(&self) -> PathBuf {
        self.directory.join("root")
    }

    /// What cloud-init does at the first boot.
    fn first_boot(&self, script: &str) -> Output {
        let file = self.directory.join("user-data");
        fs::write(&file, script).expect("script");
        self.command("bash").arg(&file).output().expect("bash runs")
    }

    /// What systemd does at every boot, if our unit is enabled.
    fn boot(&self) -> Option<Output> {
        let name = format!("{BOOT_UNIT}.service");
        self.directory.join("enabled").join(&name).exists().then_some(())?;
        let unit = fs::read_to_string(self.root().join("etc/systemd/system").join(name)).expect("unit");
        let command = unit.lines().find_map(|line| line.strip_prefix("ExecStart=/")).expect("ExecStart");
        let (program, argument) = command.split_once(' ').expect("an argument");
        Some(self.command(self.root().join(program)).arg(argument).output().expect("the script runs"))
    }

    /// The first boot and what it starts.
    fn run(&self, script: &str) -> Output {
        let first = self.first_boot(script);
        assert!(first.status.success() && first.stderr.is_empty(), "{first:?}");
        self.boot().expect("the unit is enabled")
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.directory.join("bin").display()))
            .env("DESTDIR", self.root())
            .env("WORLD", &self.directory)
            .current_dir(&self.directory);
        command
    }

    /// Units that the next boot starts.
    fn enabled(&self) -> Vec<String> {
        let enabled = fs::read_dir(self.directory.join("enabled")).expect("directory");
        let mut names: Vec<_> =
            enabled.map(|unit| unit.expect("unit").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn log(&self) -> Vec<String> {
        let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn last_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned()
}

/// The value of `name` in an environment file, read by a shell, whose double quotes mean what systemd's mean.
fn value(file: &Path, name: &str) -> String {
    let script = format!(". \"$1\"; printf %s \"${{{name}}}\"");
    let output = Command::new("bash").args(["-c", &script, "bash"]).arg(file).env_clear().output().expect("bash");
    assert!(output.status.success());
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn a_boot_arms_the_expiry_before_anything_else_and_ends_with_the_program_started() {
    let world = World::new("boot");
    let sha256 = sha256_hex(PROGRAM.as_bytes());
    let data = UserData { port: Some(world.port()), ..user_data(Role::Balancer, &sha256, &[]) };
    let output = world.run(&data.script().expect("script"));
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let port = world.port();
    assert_eq!(last_line(&output), format!("clusterbench: ready: balancer listens on 127.0.0.1:{port}"));
    let imds = "http://169.254.169.254/latest";
    let log = world.log();
    let expected = [
        "systemctl daemon-reload".to_owned(),
        "systemctl enable --now clusterbench-expiry.timer".to_owned(),
        "systemctl daemon-reload".to_owned(),
        "systemctl enable clusterbench-boot.service".to_owned(),
        "sync".to_owned(),
        "systemctl start --no-block clusterbench-boot.service".to_owned(),
        format!("curl {imds}/api/token"),
        format!("curl {imds}/meta-data/instance-id"),
        format!("curl {imds}/meta-data/local-ipv4"),
        "curl https://artifacts.example/v1/program?a=1&b={x}".to_owned(),
        "systemctl daemon-reload".to_owned(),
        "sync".to_owned(),
        "systemctl enable --now clusterbench-balancer.service".to_owned(),
        "systemctl disable clusterbench-boot.service".to_owned(),
    ];
    assert_eq!(log, expected);
    let timer = fs::read_to_string(world.root().join("etc/systemd/system/clusterbench-expiry.timer")).expect("timer");
    assert!(timer.contains("\nOnCalendar=2099-11-22 14:30:05 UTC\n") && timer.contains("\nPersistent=true\n"));
    let environment = fs::read_to_string(world.root().join("etc/clusterbench/balancer.env")).expect("environment");
    assert_eq!(
        environment,
        format!(
            "INSTANCE_ID=i-0123456789abcdef0\nROLE=balancer\nLISTEN=127.0.0.1:{port}\nCONTROL_LISTEN=127.0.0.1:9000\n\
             CONTROL_PUBLIC_KEY=\"ERERERERERERERERERERERERERERERERERERERERERE\"\n"
        )
    );
    assert_eq!(fs::read_to_string(world.root().join("opt/clusterbench/balancer")).expect("program"), PROGRAM);
}

#[test]
fn a_wrong_hash_is_the_last_word_on_the_console() {
    let world = World::new("hash");
    let wrong = "0".repeat(64);
    let output = world.run(&user_data(Role::Worker, &wrong, &[]).script().expect("script"));
    assert_eq!(output.status.code(), Some(1));
    let last = last_line(&output);
    assert!(last.starts_with("clusterbench: error: ") && last.contains(&wrong), "{last}");
    assert!(last.contains(&sha256_hex(PROGRAM.as_bytes())), "{last}");
    assert!(
        !world.root().join("opt/clusterbench/worker").exists()
            && !world.root().join("opt/clusterbench/worker.part").exists()
    );
    assert!(!world.log().iter().any(|line| line.contains("clusterbench-worker")), "{:?}", world.log());
}

/// cloud-init does not run a script again whose run a power cut has ended.
#[test]
fn a_power_cut_is_mended_at_the_next_boot_and_a_boot_that_succeeded_is_not_repeated() {
    let world = World::new("power");
    let sha256 = sha256_hex(PROGRAM.as_bytes());
    let data = UserData { port: Some(world.port()), ..user_data(Role::Worker, &sha256, &[]) };
    world.stand_in("mv", "kill -KILL $PPID");
    let cut = world.run(&data.script().expect("script"));
    assert_eq!(cut.status.code(), None, "{cut:?}");
    assert_eq!(last_line(&cut), "clusterbench: step 4/6 verify");
    assert_eq!(world.enabled(), ["clusterbench-boot.service", "clusterbench-expiry.timer"]);

    fs::remove_file(world.directory.join("bin/mv")).expect("stand-in");
    let mended = world.boot().expect("it is enabled still");
    assert!(mended.status.success() && mended.stderr.is_empty(), "{mended:?}");
    assert_eq!(last_line(&mended), format!("clusterbench: ready: worker listens on 127.0.0.1:{}", world.port()));
    // Reboots keep the timer and the program, and fetch nothing again.
    assert_eq!(world.enabled(), ["clusterbench-expiry.timer", "clusterbench-worker.service"]);
    assert!(world.boot().is_none());
    let arming = world.log().iter().filter(|line| line.contains("clusterbench-expiry.timer")).count();
    assert_eq!(arming, 1, "{:?}", world.log());
}

/// The program was started and the boot was not over: it is there, and is neither fetched nor installed again.
#[test]
fn a_power_cut_after_the_start_ends_with_the_program_that_is_there() {
    let world = World::new("power-late");
    let sha256 = sha256_hex(PROGRAM.as_bytes());
    let script = UserData {
        companion: Some(companion(world.port(), &sha256, &[])),
        port: Some(world.port()),
        ..user_data(Role::Worker, &sha256, &[])
    };
    let script = script.script().expect("script");
    let cut_at = |what: &str| {
        let body = format!(
            r#"[ "$1" != show ] || exec cat "$WORLD/shown"
            echo "systemctl $*" >>"$WORLD/log"
            case "$1" in
              enable) touch "$WORLD/enabled/${{!#}}" ;;
              disable) rm "$WORLD/enabled/${{!#}}" ;;
            esac
            [ "$*" != "{what}" ] || kill -KILL $PPID"#
        );
        world.stand_in("systemctl", &body);
    };
    let fetched = |name: &str| world.log().iter().filter(|line| line.ends_with(&format!("/v1/{name}"))).count();
    cut_at("enable --now clusterbench-worker.service");
    let cut = world.run(&script);
    assert_eq!((cut.status.code(), world.enabled().contains(&"clusterbench-boot.service".to_owned())), (None, true));
    cut_at("enable --now clusterbench-puller.service");
    let cut = world.boot().expect("it is enabled still");
    assert_eq!(cut.status.code(), None, "{cut:?}");
    cut_at("nothing");
    let ended = world.boot().expect("it is enabled still");
    assert!(ended.status.success() && ended.stderr.is_empty(), "{ended:?}");
    assert!(last_line(&ended).starts_with("clusterbench: ready: worker listens on "), "{ended:?}");
    assert_eq!((fetched("program?a=1&b={x}"), fetched("puller")), (1, 1), "{:?}", world.log());
    assert!(world.boot().is_none());
}

#[test]
fn a_boot_that_failed_is_tried_again_at_the_next_one() {
    let world = World::new("again");
    let sha256 = sha256_hex(PROGRAM.as_bytes());
    fs::write(world.directory.join("artifact"), "something else").expect("artifact");
    let data = UserData { port: Some(world.port()), ..user_data(Role::Worker, &sha256, &[]) };
    let failed = world.run(&data.script().expect("script"));
    assert!(last_line(&failed).starts_with("clusterbench: error: "), "{failed:?}");
    fs::write(world.directory.join("artifact"), PROGRAM).expect("artifact");
    let mended = world.boot().expect("it is enabled still");
    assert!(last_line(&mended).starts_with("clusterbench: ready: "), "{mended:?}");
}

/// A program that the sandbox does not let start, or that ends at once, is not waited for without a word.
#[test]
fn a_program_that_does_not_stay_up_is_told_with_its_result_and_its_exit_status() {
    let world = World::new("ends");
    let sha256 = sha256_hex(PROGRAM.as_bytes());
    // Nobody serves it, and no other test can be given it.
    let port = 1;
    // Asked by `--unit` it answers with what systemd says of the unit (journalctl(1)): the last is that it is started again.
    world.stand_in(
        "journalctl",
        r#"case "$*" in
          *_SYSTEMD_UNIT=clusterbench-worker.service*) echo cannot open my database ;;
          *) echo "Scheduled restart job, restart counter is at 10." ;;
        esac"#,
    );
    world.stand_in(
        "systemctl",
        r#"[ "$1" = show ] && printf 'Result=exit-code\nExecMainStatus=203\nNRestarts=10\n'
        [ "$1" != enable ] || [ "$2" != --now ] || [ "$3" = clusterbench-expiry.timer ] || exit 1
        touch "$WORLD/enabled/${!#}""#,
    );
    let data = UserData { port: Some(port), ..user_data(Role::Worker, &sha256, &[]) };
    let output = world.run(&data.script().expect("script"));
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let last = last_line(&output);
    let begin = format!("clusterbench: error: worker does not listen on 127.0.0.1:{port} after ");
    let end = " and 10 restarts; clusterbench-worker.service: exit-code, status=203; it said: cannot open my database";
    assert!(last.starts_with(&begin) && last.ends_with(end), "{last}");
}

#[test]
fn an_instance_that_cannot_arm_its_expiry_or_is_past_it_shuts_down() {
    let sha256 = sha256_hex(PROGRAM.as_bytes());
    let unarmed = World::new("unarmed");
    unarmed.stand_in("systemctl", "exit 1");
    let output = unarmed.first_boot(&user_data(Role::Worker, &sha256, &[]).script().expect("script"));
    assert_eq!((output.status.code(), unarmed.log()), (Some(1), vec!["shutdown -h now".to_owned()]));

    let late = World::new("late");
    let data = UserData { expires_at: timestamp("2020-01-01T00:00:00Z"), ..user_data(Role::Worker, &sha256, &[]) };
    let output = late.first_boot(&data.script().expect("script"));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(late.log().last().map(String::as_str), Some("shutdown -h now"));
    assert!(!late.log().iter().any(|line| line.starts_with("curl")), "{:?}", late.log());
}

#[test]
fn no_value_gets_out_of_its_quotes() {
    let nasty = [
        "$(touch pwned)",
        "`touch pwned`",
        "'; touch pwned; '",
        "\"; touch pwned; \"",
        "${HOME}$HOME\\$HOME\\\\",
        "UNIT\n} >/dev/null\ntouch pwned\nUNIT",
        "%s %n %% {{ role }} {% if %}",
        "a b\tc  d",
        " leading and trailing ",
        "\\",
        "äöü ☃ '\"'\"'",
        "#not a comment",
        "",
    ];
    let names: Vec<String> = (0..nasty.len()).map(|index| format!("NASTY_{index}")).collect();
    let environment: Vec<(&str, String)> =
        names.iter().map(String::as_str).zip(nasty.iter().map(|text| (*text).to_owned())).collect();
    let world = World::new("nasty");
    let sha256 = sha256_hex(PROGRAM.as_bytes());
    let url = "https://x/$(touch${IFS}pwned)';touch${IFS}pwned;'`touch${IFS}pwned`\"";
    let data = UserData {
        port: Some(world.port()),
        payload: Payload::File { url, sha256: &sha256 },
        ..user_data(Role::Worker, &sha256, &environment)
    };
    let output = world.run(&data.script().expect("script"));
    assert!(output.status.success(), "{output:?}");
    let file = world.root().join("etc/clusterbench/worker.env");
    for (name, text) in &environment {
        assert_eq!(&value(&file, name), text);
    }
    assert!(world.log().contains(&format!("curl {url}")), "{:?}", world.log());
    for place in [world.directory.clone(), world.root()] {
        assert!(!place.join("pwned").exists(), "something was executed");
    }
}

#[test]
fn what_cannot_be_written_safely_is_refused_by_name() {
    let sha256 = "a".repeat(64);
    let refused =
        |environment: &[(&str, String)]| user_data(Role::Worker, &sha256, environment).script().expect_err("refused");
    assert_eq!(refused(&[("A B", String::new())]), InvalidUserData::Name("A B".to_owned()));
    assert_eq!(refused(&[("1A", String::new())]), InvalidUserData::Name("1A".to_owned()));
    assert_eq!(refused(&[("", String::new())]), InvalidUserData::Name(String::new()));
    assert_eq!(refused(&[("LISTEN", "x".to_owned())]), InvalidUserData::Reserved("LISTEN".to_owned()));
    for control in ["a\0b", "a\rb", "a\u{1b}[2J", "\u{85}"] {
        assert_eq!(refused(&[("WORK", control.to_owned())]), InvalidUserData::Value("WORK".to_owned()));
    }
    for url in ["file:///etc/shadow", "https://a b", "https://a\n", "-o/etc/passwd", ""] {
        let data =
            UserData { payload: Payload::File { url, sha256: &sha256 }, ..user_data(Role::Worker, &sha256, &[]) };
        assert_eq!(data.script(), Err(InvalidUserData::Url(url.to_owned())));
    }
    for hash in ["", "abc", &"A".repeat(64), &"'".repeat(64)] {
        let data = user_data(Role::Worker, hash, &[]);
        assert_eq!(data.script(), Err(InvalidUserData::Sha256(hash.to_owned())));
    }
    match refused(&[("WORK", "x".repeat(LIMIT))]) {
        InvalidUserData::TooLong { bytes, longest } => assert!(bytes > LIMIT && longest == "worker.environment"),
        other => panic!("{other}"),
    }
}

#[test]
fn every_script_is_bash_and_leaves_room_for_the_users_environment() {
    let sha256 = "a".repeat(64);
    let work = [("WORK", "sleep:2ms".to_owned())];
    let plain =
        [Role::Worker, Role::Balancer, Role::Front, Role::Generator].map(|role| user_data(role, &sha256, &work));
    let pulled =
        UserData { companion: Some(companion(8082, &sha256, &work)), ..user_data(Role::Worker, &sha256, &work) };
    for data in plain.into_iter().chain([pulled]) {
        let script = data.script().expect("script");
        let part = if data.companion.is_some() { 8 } else { 6 };
        assert!(script.len() < LIMIT * part / 10, "{} bytes", script.len());
        let world = World::new(&format!("syntax-{}-{part}", data.role.name()));
        fs::write(world.directory.join("script"), &script).expect("script");
        let output = Command::new("bash").arg("-n").arg(world.directory.join("script")).output().expect("bash");
        // A heredoc without its end is only a warning to bash.
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }
}

/// The unit that a script writes, by its heredoc.
fn unit(script: &str, name: &str) -> String {
    let start = script.split_once(&format!("/{name}\" <<'UNIT'\n")).expect("heredoc").1;
    start.split_once("UNIT\n").expect("end of heredoc").0.to_owned()
}

/// Where workers are updated in place, what boots is a starter: it is told its first program in one piece, takes signed
/// orders, keeps programs over restarts, and has time to fetch the first one.
#[test]
fn the_boot_of_a_starter_waits_for_its_first_program() {
    let world = World::new("starter");
    let sha256 = sha256_hex(PROGRAM.as_bytes());
    let first =
        r#"{"url":"https://x/a b$(touch pwned)`'","sha256":"aa","environment":{"WORK":"a \\ \"b\""}}"#.to_owned();
    let environment = [("APPLICATION", first.clone())];
    let data =
        UserData { port: Some(world.port()), control: Some(CONTROL), ..user_data(Role::Worker, &sha256, &environment) };
    let script = data.script().expect("script");
    let output = world.run(&script);
    let port = world.port();
    assert_eq!(last_line(&output), format!("clusterbench: ready: worker listens on 127.0.0.1:{port}"));
    let file = world.root().join("etc/clusterbench/worker.env");
    for (name, text) in [
        ("APPLICATION", first.as_str()),
        ("LISTEN", &format!("127.0.0.1:{port}")),
        ("CONTROL_LISTEN", "127.0.0.1:9000"),
        ("CONTROL_PUBLIC_KEY", CONTROL.public_key),
    ] {
        assert_eq!(value(&file, name), text);
    }
    let service = unit(&script, "clusterbench-worker.service");
    assert!(service.contains("StateDirectory=clusterbench\nEnvironment=DATA_DIR=%S/clusterbench\n"), "{service}");
    // It outlives its program, which may take all memory.
    assert!(service.contains("\nOOMPolicy=continue\n"), "{service}");
    let plain = user_data(Role::Worker, &sha256, &[]).script().expect("script");
    let of_plain = unit(&plain, "clusterbench-worker.service");
    assert!(!of_plain.contains("StateDirectory") && !of_plain.contains("OOMPolicy"), "{of_plain}");
    assert!(script.contains("-ge 180 ]") && plain.contains("-ge 60 ]"));
}

#[test]
fn the_script_of_a_worker() {
    let sha256 = "0123456789abcdef".repeat(4);
    let environment = [("CLUSTER", "cluster1".to_owned()), ("WORK", "sleep:lognormal(1.5):2ms".to_owned())];
    let data = UserData {
        expires_at: timestamp("2026-11-22T14:30:05Z"),
        payload: Payload::File { url: "https://artifacts.example/v1/worker-x86_64", sha256: &sha256 },
        ..user_data(Role::Worker, &sha256, &environment)
    };
    insta::assert_snapshot!(data.script().expect("script"));
}
