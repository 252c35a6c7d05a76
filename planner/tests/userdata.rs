//! The user data, executed: bash runs the script with a root directory and a small outside world of its own.

#![allow(clippy::expect_used)] // the exemption for tests does not reach their fixtures

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use jiff::Timestamp;
use planner::userdata::{Control, InvalidUserData, LIMIT, Role, UserData};
use wire::sha256_hex;

const PROGRAM: &str = "#!/bin/sh\nexit 0\n";

fn timestamp(text: &str) -> Timestamp {
    text.parse().expect("timestamp")
}

fn user_data<'a>(role: Role, sha256: &'a str, environment: &'a [(&'a str, String)]) -> UserData<'a> {
    let control = Control { port: 9000, public_key: "ERERERERERERERERERERERERERERERERERERERERERE" };
    UserData {
        role,
        expires_at: timestamp("2099-11-22T14:30:05.7Z"),
        artifact_url: "https://artifacts.example/v1/program?a=1&b={x}",
        artifact_sha256: sha256,
        port: (role != Role::Generator).then_some(8080),
        control: (role != Role::Worker).then_some(control),
        environment,
    }
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
        fs::create_dir_all(directory.join("bin")).expect("directory");
        let world = Self { directory, listener: TcpListener::bind("127.0.0.1:0").expect("port") };
        fs::write(world.directory.join("artifact"), PROGRAM).expect("artifact");
        world.stand_in("systemctl", "echo \"systemctl $*\" >>\"$WORLD/log\"");
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

    fn port(&self) -> u16 {
        self.listener.local_addr().expect("address").port()
    }

    fn root(&self) -> PathBuf {
        self.directory.join("root")
    }

    fn run(&self, script: &str) -> Output {
        let file = self.directory.join("user-data");
        fs::write(&file, script).expect("script");
        Command::new("bash")
            .arg(&file)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.directory.join("bin").display()))
            .env("DESTDIR", self.root())
            .env("WORLD", &self.directory)
            .current_dir(&self.directory)
            .output()
            .expect("bash runs")
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
        format!("curl {imds}/api/token"),
        format!("curl {imds}/meta-data/instance-id"),
        format!("curl {imds}/meta-data/local-ipv4"),
        "curl https://artifacts.example/v1/program?a=1&b={x}".to_owned(),
        "systemctl daemon-reload".to_owned(),
        "systemctl enable --now clusterbench-balancer.service".to_owned(),
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

#[test]
fn an_instance_that_cannot_arm_its_expiry_or_is_past_it_shuts_down() {
    let sha256 = sha256_hex(PROGRAM.as_bytes());
    let unarmed = World::new("unarmed");
    unarmed.stand_in("systemctl", "exit 1");
    let output = unarmed.run(&user_data(Role::Worker, &sha256, &[]).script().expect("script"));
    assert_eq!((output.status.code(), unarmed.log()), (Some(1), vec!["shutdown -h now".to_owned()]));

    let late = World::new("late");
    let data = UserData { expires_at: timestamp("2020-01-01T00:00:00Z"), ..user_data(Role::Worker, &sha256, &[]) };
    let output = late.run(&data.script().expect("script"));
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
    let data = UserData {
        port: Some(world.port()),
        artifact_url: "https://x/$(touch${IFS}pwned)';touch${IFS}pwned;'`touch${IFS}pwned`\"",
        ..user_data(Role::Worker, &sha256, &environment)
    };
    let output = world.run(&data.script().expect("script"));
    assert!(output.status.success(), "{output:?}");
    let file = world.root().join("etc/clusterbench/worker.env");
    for (name, text) in &environment {
        assert_eq!(&value(&file, name), text);
    }
    assert_eq!(world.log()[5], format!("curl {}", data.artifact_url));
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
        let data = UserData { artifact_url: url, ..user_data(Role::Worker, &sha256, &[]) };
        assert_eq!(data.script(), Err(InvalidUserData::Url(url.to_owned())));
    }
    for hash in ["", "abc", &"A".repeat(64), &"'".repeat(64)] {
        let data = user_data(Role::Worker, hash, &[]);
        assert_eq!(data.script(), Err(InvalidUserData::Sha256(hash.to_owned())));
    }
    match refused(&[("WORK", "x".repeat(LIMIT))]) {
        InvalidUserData::TooLong { bytes } => assert!(bytes > LIMIT),
        other => panic!("{other}"),
    }
}

#[test]
fn every_script_is_bash_and_leaves_room_for_the_users_environment() {
    let sha256 = "a".repeat(64);
    for role in [Role::Worker, Role::Balancer, Role::Generator] {
        let script = user_data(role, &sha256, &[("WORK", "sleep:2ms".to_owned())]).script().expect("script");
        assert!(script.len() < LIMIT / 2, "{} bytes", script.len());
        let world = World::new(&format!("syntax-{}", role.name()));
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

#[test]
fn systemd_finds_the_units_well_formed_and_hard() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        println!("skipped: there is no systemd-analyze on this machine");
        return;
    }
    let sha256 = "a".repeat(64);
    let plain = [Role::Worker, Role::Balancer, Role::Generator].map(|role| user_data(role, &sha256, &[]));
    let low = UserData { port: Some(80), ..user_data(Role::Worker, &sha256, &[]) };
    for (index, data) in plain.into_iter().chain([low]).enumerate() {
        let world = World::new(&format!("units-{index}"));
        let name = format!("clusterbench-{}.service", data.role.name());
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

#[test]
fn the_script_of_a_worker() {
    let sha256 = "0123456789abcdef".repeat(4);
    let environment = [("CLUSTER", "cluster1".to_owned()), ("WORK", "sleep:lognormal(1.5):2ms".to_owned())];
    let data = UserData {
        expires_at: timestamp("2026-11-22T14:30:05Z"),
        artifact_url: "https://artifacts.example/v1/worker-x86_64",
        ..user_data(Role::Worker, &sha256, &environment)
    };
    insta::assert_snapshot!(data.script().expect("script"), @r#"
    #!/bin/bash
    # ClusterBenchmark worker. Generated; every instance of a launch runs the same text.
    set -euo pipefail
    umask 022

    root=${DESTDIR:-}
    units=$root/etc/systemd/system
    say() { echo "clusterbench: $*"; }
    fail() { say "error: $*"; exit 1; }
    trap 'say "error: line $LINENO failed: $BASH_COMMAND"' ERR

    # 1. The dead man's switch, before anything that needs the network.
    say "step 1/6 arm expiry 2026-11-22T14:30:05Z"
    arm() {
      mkdir -p "$units"
      cat >"$units/clusterbench-expiry.service" <<'UNIT'
    [Unit]
    Description=ClusterBenchmark expiry: this instance shuts itself down

    [Service]
    Type=oneshot
    ExecStart=/usr/sbin/shutdown -h now
    UNIT
      cat >"$units/clusterbench-expiry.timer" <<'UNIT'
    [Unit]
    Description=ClusterBenchmark expiry

    [Timer]
    OnCalendar=2026-11-22 14:30:05 UTC
    AccuracySec=1s
    Persistent=true

    [Install]
    WantedBy=timers.target
    UNIT
      systemctl daemon-reload && systemctl enable --now clusterbench-expiry.timer
    }
    # An instance that could outlive its operator must not live at all.
    arm || { say "error: cannot arm the expiry timer; shutting down"; shutdown -h now; exit 1; }
    # A timer that is armed after its time would wait for ever.
    if [ "$(date +%s)" -ge 1795357805 ]; then
      say "error: expired before boot; shutting down"
      shutdown -h now
      exit 1
    fi

    # 2. Who and where we are, by IMDSv2.
    say "step 2/6 metadata"
    imds=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
    imds=${imds%/}
    ask() { curl --fail --silent --show-error --noproxy '*' --connect-timeout 2 --max-time 5 "$@"; }
    identify() {
      local token
      token=$(ask --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$imds/latest/api/token") &&
        id=$(ask --header "X-aws-ec2-metadata-token: $token" "$imds/latest/meta-data/instance-id") &&
        address=$(ask --header "X-aws-ec2-metadata-token: $token" "$imds/latest/meta-data/local-ipv4")
    }
    until identify; do
      [ "$SECONDS" -lt 120 ] || fail "no instance metadata from $imds for 120 s"
      sleep 1
    done
    [[ $id =~ ^[A-Za-z0-9-]+$ && $address =~ ^[0-9.]+$ ]] || fail "instance metadata are not an id and an IPv4 address"

    # 3. The program.
    url='https://artifacts.example/v1/worker-x86_64'
    say "step 3/6 fetch $url"
    program=$root/opt/clusterbench/worker
    mkdir -p "$root/opt/clusterbench"
    fetch() {
      curl --fail --silent --show-error --location --globoff --proto '=http,https' --connect-timeout 10 \
        --speed-limit 1024 --speed-time 30 --output "$program.part" -- "$url"
    }
    give_up=$((SECONDS + 600))
    until fetch; do
      [ "$SECONDS" -lt "$give_up" ] || fail "cannot fetch $url for 600 s"
      sleep 2
    done

    # 4. Nothing runs that is not exactly what was asked for.
    say "step 4/6 verify"
    want='0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'
    got=$(sha256sum <"$program.part")
    got=${got%% *}
    if [ "$got" != "$want" ]; then
      rm -f "$program.part"
      fail "$url has sha256 $got, not $want: it was not run"
    fi
    chmod 0755 "$program.part"
    mv "$program.part" "$program"

    # 5. Its environment and its unit.
    say "step 5/6 install worker"
    mkdir -p "$root/etc/clusterbench"
    {
      printf 'INSTANCE_ID=%s\nROLE=%s\n' "$id" worker
      printf 'LISTEN=%s:%s\n' "$address" 8080
      printf '%s\n' 'CLUSTER="cluster1"'
      printf '%s\n' 'WORK="sleep:lognormal(1.5):2ms"'
    } >"$root/etc/clusterbench/worker.env"
    cat >"$units/clusterbench-worker.service" <<'UNIT'
    [Unit]
    Description=ClusterBenchmark worker
    Wants=network-online.target
    After=network-online.target
    StartLimitIntervalSec=0

    [Service]
    Type=exec
    EnvironmentFile=/etc/clusterbench/worker.env
    ExecStart=/opt/clusterbench/worker
    Restart=always
    RestartSec=1
    TimeoutStopSec=40
    LimitNOFILE=65536
    DynamicUser=yes
    CapabilityBoundingSet=
    PrivateUsers=yes
    UMask=0077
    LockPersonality=yes
    NoNewPrivileges=yes
    PrivateDevices=yes
    PrivateTmp=yes
    ProtectClock=yes
    ProtectControlGroups=yes
    ProtectHome=yes
    ProtectHostname=yes
    ProtectKernelLogs=yes
    ProtectKernelModules=yes
    ProtectKernelTunables=yes
    ProtectProc=invisible
    ProtectSystem=strict
    RemoveIPC=yes
    RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
    RestrictNamespaces=yes
    RestrictRealtime=yes
    RestrictSUIDSGID=yes
    SystemCallArchitectures=native
    SystemCallFilter=@system-service
    SystemCallFilter=~@privileged
    SystemCallErrorNumber=EPERM

    [Install]
    WantedBy=multi-user.target
    UNIT
    systemctl daemon-reload

    # 6. Start, and see that it serves: a program that dies at once must not look like a boot that went well.
    say "step 6/6 start worker as $id"
    systemctl enable --now clusterbench-worker.service
    serves() { (: <>"/dev/tcp/$address/8080") 2>/dev/null; }
    give_up=$((SECONDS + 60))
    until serves; do
      if [ "$SECONDS" -ge "$give_up" ]; then
        last=$(journalctl --unit clusterbench-worker.service --lines 1 --output cat --no-pager || true)
        fail "worker does not listen on $address:8080 after 60 s; it said: $last"
      fi
      sleep 0.2
    done
    say "ready: worker listens on $address:8080"
    "#);
}
