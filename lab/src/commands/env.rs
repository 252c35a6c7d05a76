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
    // kubectl is there only when the PATH had none when the lab was started.
    let bin = state.path("bin");
    let path = if bin.join("kubectl").exists() {
        // At the end: it must not hide what the user installs later.
        format!("\"$PATH\":{}", quote(&bin.to_string_lossy()))
    } else {
        "\"$PATH\"".to_owned()
    };
    lines.push_str(&format!("export PATH={path}\n"));
    lines
}

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
    use super::quote;

    #[test]
    fn words_survive_the_shell() {
        for word in ["/plain/path-1.json", "http://127.0.0.1:1", "a b", "it's", "$(rm)", "", "x;y"] {
            let script = format!("printf %s {}", quote(word));
            let output = std::process::Command::new("sh").arg("-c").arg(script).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
    }
}
