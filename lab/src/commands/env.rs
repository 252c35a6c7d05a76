//! `lab env`: what a shell needs to talk to the lab.

use std::ffi::OsStr;

use lab::aws::{ACCESS_KEY, SECRET_KEY};

use crate::state::{Record, State};

/// Lines for `eval`.
pub(crate) fn exports(state: &State, record: &Record) -> String {
    let mut lines = String::new();
    for (name, value) in [
        ("KUBECONFIG", record.kubeconfig.as_os_str()),
        ("AWS_ENDPOINT_URL", OsStr::new(&record.aws_endpoint)),
        ("AWS_REGION", OsStr::new(&record.region)),
        // Version 1 of the aws command line reads nothing else.
        ("AWS_DEFAULT_REGION", OsStr::new(&record.region)),
        ("AWS_ACCESS_KEY_ID", OsStr::new(ACCESS_KEY)),
        ("AWS_SECRET_ACCESS_KEY", OsStr::new(SECRET_KEY)),
    ] {
        lines.push_str(&format!("export {name}={}\n", quote(&value.to_string_lossy())));
    }
    // The plugin, and kubectl where the PATH had none when the lab was started. At the end: nothing hides what the user has.
    let path = format!("\"$PATH\":{}", quote(&state.path("bin").to_string_lossy()));
    lines.push_str(&format!("export PATH={path}\n"));
    lines.push_str(AWS);
    lines
}

/// Version 1 of the aws command line reads no endpoint from the environment for SQS, and would call AWS. Without the variable
/// the function changes nothing.
const AWS: &str = "aws() { command aws ${AWS_ENDPOINT_URL:+\"--endpoint-url=$AWS_ENDPOINT_URL\"} \"$@\"; }\n";

/// A word of a POSIX shell.
fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/.:_-@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::{AWS, quote};

    #[test]
    fn aws_is_told_the_endpoint_for_every_service() {
        let bin = std::env::temp_dir().join(format!("env-test-{}", std::process::id()));
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::write(bin.join("aws"), "#!/bin/sh\nprintf '[%s]' \"$@\"\n").unwrap();
        std::fs::set_permissions(bin.join("aws"), std::fs::Permissions::from_mode(0o755)).unwrap();
        let said = |before: &str| {
            let script = format!("{before}\n{AWS}aws sqs list-queues --queue-name-prefix 'a b'");
            let path = format!("{}:/usr/bin:/bin", bin.display());
            let output = std::process::Command::new("sh").arg("-euc").arg(script).env("PATH", path).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let rest = "[sqs][list-queues][--queue-name-prefix][a b]";
        assert_eq!(said("AWS_ENDPOINT_URL=http://127.0.0.1:1"), format!("[--endpoint-url=http://127.0.0.1:1]{rest}"));
        assert_eq!(said("unset AWS_ENDPOINT_URL"), rest);
        std::fs::remove_dir_all(&bin).unwrap();
    }

    #[test]
    fn words_survive_the_shell() {
        for word in ["/plain/path-1.json", "http://127.0.0.1:1", "a b", "it's", "$(rm)", "", "x;y"] {
            let script = format!("printf %s {}", quote(word));
            let output = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
    }
}
