//! Scripts whose programs are brought: the stand-in for systemctl opens no socket, so the files lie there before.

use std::io::Write;
use std::process::Stdio;

use super::*;

pub(crate) fn received(world: &World, sha256: &str, bytes: &str) {
    let directory = world.root().join("var/lib/clusterbench-loader");
    fs::create_dir_all(&directory).expect("directory");
    fs::write(directory.join(sha256), bytes).expect("program");
}

#[test]
fn what_was_brought_is_hashed_again_and_run_and_nothing_is_fetched() {
    let world = World::new("brought");
    let sha256 = sha256_hex(PROGRAM.as_bytes());
    let data = UserData {
        payload: Payload::Brought { sha256: &sha256 },
        port: Some(world.port()),
        ..user_data(Role::Balancer, &sha256, &[])
    };
    received(&world, &sha256, PROGRAM);
    let output = world.run(&data.script().expect("script"));
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let log = world.log();
    let position =
        |word: &str| log.iter().position(|line| line.contains(word)).unwrap_or_else(|| panic!("{word}: {log:?}"));
    assert!(position("start clusterbench-loader.socket") < position("stop clusterbench-loader.socket"));
    assert!(position("stop clusterbench-loader.socket") < position("enable --now clusterbench-balancer.service"));
    assert!(!log.iter().any(|line| line.starts_with("curl https://")), "{log:?}");
    assert_eq!(fs::read_to_string(world.root().join("opt/clusterbench/balancer")).expect("program"), PROGRAM);
    assert!(!world.root().join("var/lib/clusterbench-loader").join(&sha256).exists());
}

#[test]
fn what_was_brought_and_is_something_else_is_not_run() {
    let world = World::new("brought-wrong");
    let sha256 = sha256_hex(PROGRAM.as_bytes());
    let data = UserData { payload: Payload::Brought { sha256: &sha256 }, ..user_data(Role::Worker, &sha256, &[]) };
    received(&world, &sha256, "something else");
    let output = world.run(&data.script().expect("script"));
    assert_eq!(output.status.code(), Some(1));
    let last = last_line(&output);
    assert!(last.starts_with("clusterbench: error: worker has sha256 ") && last.contains(&sha256), "{last}");
    assert!(!world.root().join("opt/clusterbench/worker").exists());
}

/// The program of a script that takes one program from one connection.
fn loader_of(script: &str) -> &str {
    let (_, rest) = script.split_once("<<'LOADER'\n").expect("a loader");
    rest.split_once("\nLOADER\n").expect("its end").0
}

/// A short program is there before the watch over a silent sender has begun, and is not taken away by its end.
#[test]
fn a_short_program_is_taken_each_time() {
    let world = World::new("brought-short");
    let sha256 = sha256_hex(PROGRAM.as_bytes());
    let data = UserData { payload: Payload::Brought { sha256: &sha256 }, ..user_data(Role::Worker, &sha256, &[]) };
    let script = data.script().expect("script");
    fs::create_dir_all(world.root()).expect("directory");
    let request = format!("PUT /v1/programs/{sha256} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{PROGRAM}", PROGRAM.len());
    for _ in 0..100 {
        let mut loader = Command::new("bash")
            .args(["-c", loader_of(&script)])
            .env("STATE_DIRECTORY", world.root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash");
        loader.stdin.take().expect("its input").write_all(request.as_bytes()).expect("the request");
        let answer = loader.wait_with_output().expect("its answer").stdout;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        assert_eq!(fs::read_to_string(world.root().join(&sha256)).expect("the program"), PROGRAM);
        fs::remove_file(world.root().join(&sha256)).expect("the program");
    }
    assert_eq!(fs::read_dir(world.root()).expect("directory").count(), 0, "no part is left");
}

#[test]
fn scripts_with_a_loader_are_bash_and_short_and_depend_on_hashes_alone() {
    let (one, other) = ("a".repeat(64), "b".repeat(64));
    let companion = Companion { artifact_url: None, ..companion(9000, &other, &[]) };
    let data = UserData {
        payload: Payload::Brought { sha256: &one },
        control: Some(CONTROL),
        companion: Some(companion),
        stock: Some(("worker", &other)),
        ..user_data(Role::Worker, &one, &[])
    };
    let script = data.script().expect("script");
    assert_eq!(script, data.script().expect("script"));
    let checked = Command::new("bash").args(["-n", "-c", &script]).output().expect("bash");
    assert!(checked.status.success(), "{checked:?}");
    let loader = loader_of(&script);
    let checked = Command::new("bash").args(["-n", "-c", loader]).output().expect("bash");
    assert!(checked.status.success(), "{checked:?}");
    assert!(loader.contains(&format!("wanted=({one} {other})")), "{loader}");
    assert!(loader.len() < 2_400 && script.len() < LIMIT * 8 / 10, "{} of {}", loader.len(), script.len());
    let odd = UserData { payload: Payload::Brought { sha256: "x" }, ..user_data(Role::Worker, &one, &[]) };
    assert_eq!(odd.script(), Err(InvalidUserData::Sha256("x".to_owned())));
}
