//! Programs of users on instances: an archive with its setup and its command, and what is not there.

use planner::desired::user_data::UserData;

use super::*;

/// Writes down what it was given, and is the worker from then on.
const RUN: &str = r#"#!/bin/bash
set -eu
printf '%s\0' "$@" >"$TMPDIR/arguments"
printf '%s\0' "$PWD" "$HOME" "$TMPDIR" "$MODE" >"$TMPDIR/surroundings"
exec ./worker
"#;

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// An archive of the worker and of `RUN`, served.
fn archive(lab: &Lab) -> Artifact {
    archive_of(lab, &[("worker", program("worker")), ("run.sh", RUN.as_bytes())])
}

/// An archive of these programs, served.
pub(crate) fn archive_of(lab: &Lab, files: &[(&str, &[u8])]) -> Artifact {
    let tree = lab.state.join("tree");
    fs::create_dir_all(&tree).expect("directory");
    for (name, bytes) in files {
        fs::write(tree.join(name), bytes).expect("program");
    }
    let file = lab.state.join("app.tar.gz");
    let made = Command::new("sh")
        .args(["-euc", "chmod 755 \"$1\"/*; tar -C \"$1\" -czf \"$2\" .", "sh"])
        .args([&tree, &file])
        .status();
    assert!(made.expect("sh runs").success());
    serve(Vec::leak(fs::read(file).expect("archive")))
}

fn script(
    lab: &Lab,
    archive: &Artifact,
    packages: &[String],
    setup: &[String],
    command: &[String],
    environment: &[(&str, String)],
) -> String {
    let payload = Payload::Archive { url: &archive.url, sha256: &archive.sha256, packages, setup, command };
    UserData { payload, environment, ..lab.user_data() }.script().expect("script")
}

/// Words that were written with NUL behind each.
fn written(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.split_terminator('\0').map(str::to_owned).collect()
}

fn last_error(lab: &Lab) -> String {
    until("the error", || Some(lab.last_word()).filter(|word| word.starts_with(console::ERROR)))
}

#[test]
fn an_archive_is_set_up_and_its_command_gets_every_word_as_it_was_written() {
    let (mut lab, address) = (Lab::new("archive"), address(28));
    let archive = archive(&lab);
    let nasty =
        ["", "a  b", "it's", "\"$HOME\" ${HOME} $$", "%n %% %S", "\\n \\", "a\nb\tc", "; ; |&<>(){}*?[]~#!", "äöü ☃"];
    let command = [words(&["./run.sh"]), words(&nasty)].concat();
    let setup = words(&[
        "echo 'one %S $$' \"$PWD\" | tee first; [ \"$MODE\" = \"$(printf 'x\\ny')\" ]",
        "cat first >second; echo \"${TMPDIR#\"$DESTDIR\"}\" >>second",
    ]);
    let environment = [("CLUSTER", "blue".to_owned()), ("MODE", "x\ny".to_owned())];
    lab.start(spec(address, script(&lab, &archive, &words(&["bash", "tar"]), &setup, &command, &environment)));
    assert_eq!(lab.event(), started());
    lab.boots();
    let (_, body) = until("an answer", || get(address, "/blue"));
    assert!(body.starts_with(&format!("{{\"instanceId\":\"{ID}\",\"cluster\":\"blue\",")), "{body}");

    let root = lab.directory().canonicalize().expect("path").join("root");
    let (app, temporary) = (root.join("var/lib/clusterbench-app"), root.join("tmp"));
    let text = |path: &Path| path.display().to_string();
    assert_eq!(written(&temporary.join("arguments")), nasty);
    assert_eq!(written(&temporary.join("surroundings")), [text(&app), text(&app), text(&temporary), "x\ny".to_owned()]);
    let second = fs::read_to_string(app.join("second")).expect("the setup");
    assert_eq!(second, format!("one %S $$ {}\n/tmp\n", app.display()));
    let said = lab.console();
    assert!(
        said.contains("clusterbench: step 5/6 packages bash tar") && said.contains("setup 2 of 2: cat first"),
        "{said}"
    );
}

#[test]
fn a_line_of_the_setup_that_fails_is_named_with_its_last_word() {
    let (mut lab, address) = (Lab::new("setup"), address(29));
    let archive = archive(&lab);
    let setup = words(&["echo fine", "echo looking; echo no such version >&2; exit 3"]);
    lab.start(spec(address, script(&lab, &archive, &[], &setup, &words(&["./run.sh"]), &[])));
    assert_eq!(lab.event(), started());
    let expected = "clusterbench: error: worker.setup[1]: Result=exit-code, ExecMainStatus=3; it said: no such version";
    assert_eq!(last_error(&lab), expected);
}

#[test]
fn a_command_that_ends_is_told_with_its_status_and_its_last_word() {
    let (mut lab, address) = (Lab::new("ends"), address(23));
    let archive = archive(&lab);
    let command = words(&["sh", "-c", "echo cannot open my database; exit 7"]);
    lab.start(spec(address, script(&lab, &archive, &[], &[], &command, &[])));
    assert_eq!(lab.event(), started());
    let last = last_error(&lab);
    let end = " restarts; clusterbench-worker.service: exit-code, status=7; it said: cannot open my database";
    assert!(last.contains("worker does not listen on ") && last.ends_with(end), "{last}");
}

#[test]
fn what_the_lab_lacks_is_said() {
    let image = format!("example.test/app@sha256:{}", "0".repeat(64));
    let rows = [
        (None, "worker.packages: no-such-package cannot be installed: LabLacksPackage: no-such-package: "),
        (Some(Payload::Container { image: &image, arguments: &[] }), "worker.container: example.test/app@sha256:"),
        (
            Some(Payload::Preinstalled { unit: "app.service" }),
            "worker.preinstalled: app.service cannot be started: Unit app.service not found.",
        ),
    ];
    for (number, (payload, expected)) in rows.into_iter().enumerate() {
        let mut lab = Lab::new(&format!("lacks-{number}"));
        let archive = archive(&lab);
        let script = match payload {
            None => script(&lab, &archive, &words(&["no-such-package"]), &[], &words(&["./run.sh"]), &[]),
            Some(payload) => UserData { payload, ..lab.user_data() }.script().expect("script"),
        };
        lab.start(spec(address(33 + number as u8), script));
        assert_eq!(lab.event(), started());
        let last = last_error(&lab);
        assert!(last.starts_with(&format!("clusterbench: error: {expected}")), "{last}");
    }
}
