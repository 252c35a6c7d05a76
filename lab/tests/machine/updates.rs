//! A worker that is updated in place: the real user data boots the real starter, which starts one worker after another.

use planner::desired::user_data::{Control, Handed};
use wire::{
    APPLICATION_PATH, Application, Archive, NOT_AFTER_HEADER, Request, SIGNATURE_HEADER, Signer, StarterStatus,
};

use super::programs::archive_of;
use super::*;

const CONTROL_PORT: u16 = 8081;

fn status(address: Ipv4Addr) -> Option<StarterStatus> {
    let (_, body) = http((address, CONTROL_PORT).into(), "GET /status HTTP/1.1\r\n")?;
    serde_json::from_str(&body).ok()
}

/// The same of a starter that starts no other one.
fn at_rest(address: Ipv4Addr) -> Option<StarterStatus> {
    status(address).filter(|status| status.starting.is_none())
}

fn serves(address: Ipv4Addr, one: &Application) -> Option<StarterStatus> {
    at_rest(address).filter(|status| status.serving == one.id())
}

/// An order of the operator, to replace what serves.
fn order(signer: &Signer, address: Ipv4Addr, application: &Application) {
    let if_match = format!("\"{}\"", status(address).expect("status").version);
    let body = serde_json::to_string(application).expect("JSON");
    let request =
        Request { method: "PUT", path: APPLICATION_PATH, instance_id: ID, if_match: &if_match, body: body.as_bytes() };
    let (signature, not_after) = signer.sign(&request, Timestamp::now() + SignedDuration::from_secs(60));
    let mut stream = TcpStream::connect((address, CONTROL_PORT)).expect("connects");
    write!(
        stream,
        "PUT {APPLICATION_PATH} HTTP/1.1\r\nhost: test\r\nconnection: close\r\nif-match: {if_match}\r\n\
         {SIGNATURE_HEADER}: {signature}\r\n{NOT_AFTER_HEADER}: {not_after}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("sends");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answer");
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
}

#[test]
fn another_work_reaches_the_worker_on_the_instance_that_runs_and_survives_its_starter() {
    let (mut lab, address) = (Lab::new("update"), address(15));
    let (signer, starter) = (Signer::new([9; 32]), serve(program("starter")));
    let application = |work: &str| Application {
        url: lab.artifact.url.clone(),
        sha256: lab.artifact.sha256.clone(),
        environment: [("CLUSTER", "blue"), ("WORK", work)].map(|(name, value)| (name.into(), value.into())).into(),
        archive: None,
    };
    let (first, second) = (application("sleep:1ms"), application("sleep:2ms"));
    let key = signer.public_key();
    let environment = [("APPLICATION", serde_json::to_string(&first).expect("JSON"))];
    let script = UserData {
        payload: Payload::File { url: &starter.url, sha256: &starter.sha256 },
        control: Some(Control { port: CONTROL_PORT, public_key: &key }),
        environment: &environment,
        ..lab.user_data()
    };
    let script = script.script().expect("script");
    lab.start(spec(address, script));
    assert_eq!(lab.event(), started());
    until("the last boot step", || lab.last_word().starts_with(console::READY).then_some(()));
    let work = || get(address, "/blue").map(|(_, body)| body);
    let body = until("an answer", work);
    assert!(body.starts_with(&format!("{{\"instanceId\":\"{ID}\",\"cluster\":\"blue\",\"workMicros\":1000")), "{body}");

    until("the first one", || serves(address, &first));
    order(&signer, address, &second);
    until("the second one", || serves(address, &second));
    let body = until("an answer", work);
    assert!(body.contains("\"workMicros\":2000"), "{body}");

    // The starter is killed: another one is started, with what served last.
    let program = lab.directory().join("root/opt/clusterbench/worker");
    let pids = with_argument(program.to_str().expect("text"));
    assert_eq!(pids.len(), 1, "{pids:?}");
    kill_process(pids[0], Signal::KILL).expect("kill");
    until("another starter", || {
        let again = with_argument(program.to_str().expect("text"));
        (!again.is_empty() && again != pids).then_some(())
    });
    until("the second one", || serves(address, &second));
    let body = until("an answer", work);
    assert!(body.contains("\"workMicros\":2000"), "{body}");
}

/// What a worker is told whose work its setup wrote down, as somebody's build would.
fn set_up_by(archive: &Artifact, setup: &[&str]) -> Application {
    let words = ["sh", "-c", "WORK=$(cat work) exec ./worker"];
    let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Application {
        url: archive.url.clone(),
        sha256: archive.sha256.clone(),
        environment: [("CLUSTER".to_owned(), "blue".to_owned())].into(),
        archive: Some(Archive { setup: own(setup), command: own(&words) }),
    }
}

#[test]
fn another_setup_of_an_archive_is_run_beside_what_serves_and_takes_its_place_or_not() {
    let (mut lab, address) = (Lab::new("handed"), address(41));
    let (signer, starter) = (Signer::new([9; 32]), serve(program("starter")));
    let archive = archive_of(&lab, &[("worker", program("worker"))]);
    let place = "printf '%s\\n' \"$PWD\" \"$HOME\" \"$TMPDIR\" >place";
    let first = set_up_by(&archive, &[place, "echo sleep:1ms >work"]);
    let second = set_up_by(&archive, &["echo sleep:2ms >work"]);
    let failing = set_up_by(&archive, &["true", "echo looking; echo no such version >&2; exit 3"]);
    let (key, packages) = (signer.public_key(), ["tar".to_owned()]);
    let environment = [("APPLICATION", serde_json::to_string(&first).expect("JSON"))];
    let made = first.archive.as_ref().expect("an archive");
    let (url, sha256, setup, command) = (&archive.url, &archive.sha256, &made.setup, &made.command);
    let payload = Payload::Archive { url, sha256, packages: &packages, setup, command };
    let script = UserData {
        payload: Payload::File { url: &starter.url, sha256: &starter.sha256 },
        control: Some(Control { port: CONTROL_PORT, public_key: &key }),
        environment: &environment,
        handed: Some(Handed { payload, environment: &[] }),
        ..lab.user_data()
    };
    let script = script.script().expect("script");
    lab.start(spec(address, script));
    assert_eq!(lab.event(), started());
    lab.boots();
    let works = |micros: u32| {
        let body = until("an answer", || get(address, "/blue").map(|(_, body)| body));
        assert!(body.contains(&format!("\"workMicros\":{micros}")), "{body}");
    };
    works(1000);
    // It may answer before its starter has seen that it does.
    until("the first one", || serves(address, &first));
    let root = lab.directory().canonicalize().expect("path").join("root");
    let trees = || {
        let all = fs::read_dir(root.join("var/lib/clusterbench")).expect("the starter's directory").flatten();
        all.map(|entry| entry.path()).filter(|path| path.is_dir()).collect::<Vec<_>>()
    };
    let [tree] = &trees()[..] else { panic!("{:?}", trees()) };
    let text = |path: &Path| path.display().to_string();
    let seen = fs::read_to_string(tree.join("place")).expect("the setup");
    assert_eq!(seen.lines().collect::<Vec<_>>(), [text(tree), text(tree), text(&root.join("tmp"))]);

    order(&signer, address, &failing);
    let failed = || at_rest(address).and_then(|status| status.failure).filter(|failure| failure.is_of(&failing));
    let failure = until("the failure", failed);
    assert_eq!(failure.why, "worker.setup[1]: exit status: 3; it said: no such version");
    let seen = status(address).expect("status");
    assert_eq!((seen.serving, seen.version, failure.started), (first.id(), 1, false));
    works(1000);

    order(&signer, address, &second);
    until("the second one", || serves(address, &second));
    works(2000);
    until("only its own tree is left", || (trees().len() == 1 && trees()[0] != *tree).then_some(()));
}
