//! The two binaries as processes: what they say when they cannot begin.

use std::process::Command;

fn said(program: &str, environment: &[(&str, &str)]) -> (bool, String) {
    let output = Command::new(program)
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

const PULLER: [(&str, &str); 8] = [
    ("PULLER_LISTEN", "127.0.0.1:0"),
    ("INSTANCE_ID", "i-1"),
    ("CLUSTER", "micro"),
    ("CLUSTER_PATH", "/micro"),
    ("SERVICE", "127.0.0.1:1"),
    ("REQUEST_QUEUE", "q-in"),
    ("ANSWER_QUEUE", "q-out"),
    ("BUCKET", "b"),
];

#[test]
fn what_is_missing_is_named() {
    let (front, puller) = (env!("CARGO_BIN_EXE_front"), env!("CARGO_BIN_EXE_puller"));
    let served = [("LISTEN", "127.0.0.1:0"), ("QUEUE_STEM", "s-"), ("BUCKET", "b")];
    let (is_good, error) = said(front, &served);
    assert!(!is_good && error.contains("CONTROL_LISTEN"), "{error}");
    let (is_good, error) = said(puller, &PULLER);
    assert!(!is_good && error.contains("error: no region is known: set AWS_REGION"), "{error}");
    let (is_good, error) = said(puller, &PULLER[..7]);
    assert!(!is_good && error.contains("--bucket"), "{error}");
}
