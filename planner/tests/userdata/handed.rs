//! Archives that a starter is handed: the script installs their packages and leaves the rest to it.

use planner::desired::user_data::Handed;
use wire::{Application, Archive};

use super::programs::{ARCHIVE_URL, words};
use super::*;

/// An application, and the user data whose starter is told it first.
pub(crate) struct First {
    packages: Vec<String>,
    archive: Archive,
    environment: Vec<(&'static str, String)>,
    told: [(&'static str, String); 1],
}

impl First {
    pub(crate) fn new(packages: &[&str], setup: &[&str], command: &[&str], mode: &str) -> Self {
        let archive = Archive { setup: words(setup), command: words(command) };
        let environment = vec![("MODE", mode.to_owned())];
        let of_program = environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let application = Application {
            url: ARCHIVE_URL.to_owned(),
            sha256: "a".repeat(64),
            environment: of_program.collect(),
            archive: Some(archive.clone()),
        };
        let told = [("APPLICATION", serde_json::to_string(&application).expect("JSON"))];
        Self { packages: words(packages), archive, environment, told }
    }

    pub(crate) fn user_data<'a>(&'a self, sha256: &'a str) -> UserData<'a> {
        let payload = Payload::Archive {
            url: ARCHIVE_URL,
            sha256,
            packages: &self.packages,
            setup: &self.archive.setup,
            command: &self.archive.command,
        };
        UserData {
            control: Some(CONTROL),
            handed: Some(Handed { payload, environment: &self.environment }),
            ..user_data(Role::Worker, sha256, &self.told)
        }
    }
}

#[test]
fn packages_are_installed_and_the_rest_is_the_starters() {
    let world = World::new("handed");
    world.stand_in("dnf", "echo \"dnf $*\" >>\"$WORLD/log\"");
    let sha256 = sha256_hex(PROGRAM.as_bytes());
    let setup = ["echo \"it's $PWD\" `id` \\ %n >made", "touch pwned"];
    let first = First::new(&["python3", "g++"], &setup, &["./serve", "a b\n$(touch pwned)", "\"'"], "x\ny");
    let script = UserData { port: Some(world.port()), ..first.user_data(&sha256) }.script().expect("script");
    let output = world.run(&script);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert!(last_line(&output).starts_with("clusterbench: ready: worker listens on "), "{output:?}");
    let log = world.log();
    let at = |word: &str| log.iter().position(|line| line.contains(word)).unwrap_or_else(|| panic!("{word}: {log:?}"));
    let order =
        ["/v1/program", "dnf install --assumeyes --quiet python3 g++", "enable --now clusterbench-worker.service"];
    assert!(order.map(at).is_sorted(), "{log:?}");
    assert!(!log.iter().any(|line| line.contains(ARCHIVE_URL) || line.contains("clusterbench-setup")), "{log:?}");
    assert!(!world.root().join("var/lib/clusterbench-app").exists() && !world.directory.join("pwned").exists());
    // Word for word.
    let told = value(&world.root().join("etc/clusterbench/worker.env"), "APPLICATION");
    let told: Application = serde_json::from_str(&told).expect("an application");
    assert_eq!((told.archive.as_ref(), told.environment["MODE"].as_str()), (Some(&first.archive), "x\ny"));

    let service = unit(&script, "clusterbench-worker.service");
    for line in [
        "ExecStart=/opt/clusterbench/worker",
        "DynamicUser=yes",
        "OOMPolicy=continue",
        "Environment=DATA_DIR=%S/clusterbench",
        "Environment=TMPDIR=%T",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
        "ProtectSystem=strict",
        "PrivateTmp=yes",
    ] {
        assert!(service.lines().any(|one| one == line), "{line}: {service}");
    }
    assert!(!service.contains("ReadWritePaths") && !service.contains("MemoryDenyWriteExecute"), "{service}");
    // Two minutes for the archive, ten for its setup, one for the program.
    assert!(script.contains("-ge 780 ]"), "{script}");
}

#[test]
fn a_package_that_is_not_there_ends_the_boot() {
    let world = World::new("handed-package");
    world.stand_in("sleep", "exit 0");
    world.stand_in("dnf", "echo 'Error: Unable to find a match: nodejs99'; exit 1");
    let sha256 = sha256_hex(PROGRAM.as_bytes());
    let first = First::new(&["nodejs99"], &[], &["x"], "");
    let output = world.run(&first.user_data(&sha256).script().expect("script"));
    let expected =
        "clusterbench: error: worker.packages: nodejs99 cannot be installed: Error: Unable to find a match: nodejs99";
    assert_eq!(last_line(&output), expected);
}

#[test]
fn what_no_gate_lets_through_is_refused_here_too() {
    let sha256 = "a".repeat(64);
    let refused = |first: First| first.user_data(&sha256).script().expect_err("refused");
    assert_eq!(refused(First::new(&["--x"], &[], &["x"], "")), InvalidUserData::PlainName("--x".into()));
    assert_eq!(refused(First::new(&[], &["a\nb"], &["x"], "")), InvalidUserData::Setup("a\nb".into()));
    assert_eq!(refused(First::new(&[], &[], &["a\u{1b}b"], "")), InvalidUserData::Command("a\u{1b}b".into()));
}

#[test]
fn more_than_seven_kilobytes_are_free_and_what_is_too_long_is_named() {
    let sha256 = "a".repeat(64);
    let script = |setup: &[&str], command: &[&str], mode: &str| {
        First::new(&[], setup, command, mode).user_data(&sha256).script()
    };
    let brief = script(&[], &["x"], "").expect("script");
    println!("{} of {LIMIT} bytes are free", LIMIT - brief.len());
    assert!(LIMIT - brief.len() > 7_000, "{} bytes", brief.len());
    let line = "x".repeat(1_000);
    let long: Vec<&str> = std::iter::repeat_n(line.as_str(), 12).collect();
    for (refused, field) in [
        (script(&long, &["x"], ""), "worker.setup"),
        (script(&["x"], &long, ""), "worker.command"),
        (script(&["x"], &["x"], &line.repeat(12)), "worker.environment"),
    ] {
        let error = refused.expect_err("too long").to_string();
        assert!(error.contains(&format!("shorten {field}, or move it into the archive")), "{error}");
    }
}

/// A launch that is written down is sent again with the very same bytes by whichever version comes next.
#[test]
fn the_script_of_a_starter_that_is_handed_an_archive() {
    let sha256 = "0123456789abcdef".repeat(4);
    let first = First::new(&["python3"], &["make"], &["./serve"], "a b");
    let script = first.user_data(&sha256).script().expect("script");
    assert_eq!(script, first.user_data(&sha256).script().expect("script"));
    let said = format!("{} {}", &sha256_hex(script.as_bytes())[..16], script.len());
    insta::assert_snapshot!(said, @"6f329c2eae803b50 6888");
}
