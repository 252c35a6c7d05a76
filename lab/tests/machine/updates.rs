//! A worker that is updated in place: the real user data boots the real starter, which starts one worker after another.

use planner::desired::user_data::Control;
use wire::{APPLICATION_PATH, Application, NOT_AFTER_HEADER, Request, SIGNATURE_HEADER, Signer, StarterStatus};

use super::*;

const CONTROL_PORT: u16 = 8081;

fn status(address: Ipv4Addr) -> Option<StarterStatus> {
    let (_, body) = http((address, CONTROL_PORT).into(), "GET /status HTTP/1.1\r\n")?;
    serde_json::from_str(&body).ok()
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
    };
    let (first, second) = (application("sleep:1ms"), application("sleep:2ms"));
    let key = signer.public_key();
    let environment = [("APPLICATION", serde_json::to_string(&first).expect("JSON"))];
    let script = UserData {
        artifact_url: &starter.url,
        artifact_sha256: &starter.sha256,
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

    let serves = |one: &Application| {
        let id = one.id();
        move || status(address).filter(|status| status.serving == id && status.starting.is_none())
    };
    until("the first one", serves(&first));
    order(&signer, address, &second);
    until("the second one", serves(&second));
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
    until("the second one", serves(&second));
    let body = until("an answer", work);
    assert!(body.contains("\"workMicros\":2000"), "{body}");
}
