//! `lab chaos` in a lab that is up.

use serde_json::json;

use crate::lab::{Lab, shared};

/// What the command said, and whether it succeeded.
fn chaos(lab: &Lab, words: &[&str]) -> (bool, String) {
    let output = lab.command(&[&["chaos"], words].concat()).output().unwrap();
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// Nothing here disturbs others: the knobs that are turned matter to nobody in this lab.
#[test]
fn knobs_are_explained_turned_together_and_turned_back() {
    let Some(lab) = shared("chaos") else { return };
    let value = |name: &str| {
        let (code, knobs) = lab.ask("GET", "/chaos");
        assert_eq!(code, 200);
        let knobs: Vec<serde_json::Value> = serde_json::from_str(&knobs).unwrap();
        knobs.into_iter().find(|knob| knob["name"] == name).unwrap()["value"].clone()
    };
    let (_, listing) = chaos(lab, &["list"]);
    assert!(listing.lines().count() > 40, "{listing}");
    let line = listing.lines().find(|line| line.starts_with("lost-answer ")).unwrap();
    assert!(line.contains(" off ") && line.contains("take effect") && line.contains("terraform-provider-aws#27543"));
    assert_eq!(chaos(lab, &[]), (true, "the lab's own settings are in force\n".to_owned()));

    let (is_ok, said) = chaos(lab, &["vcpu-quota=4000", "console-lag=50ms", "--seed", "7"]);
    assert_eq!((is_ok, said.as_str()), (true, "in force: console-lag=50ms vcpu-quota=4000\n"));
    assert_eq!((value("vcpu-quota"), value("console-lag")), (json!("4000"), json!("50ms")));

    let (is_ok, said) = chaos(lab, &["vcpu-quota=5000", "consol-lag=50ms", "stillborn=lots"]);
    assert!(!is_ok, "{said}");
    for part in [
        "there is no knob \"consol-lag\"; there is console-lag",
        "stillborn=lots: the value must be a rate",
        "nothing is changed",
    ] {
        assert!(said.contains(part), "{part:?} is not in {said}");
    }
    assert_eq!(value("vcpu-quota"), json!("4000"), "nothing is changed when one is wrong");

    assert_eq!(chaos(lab, &["off"]), (true, "the lab's own settings are in force\n".to_owned()));
    assert_eq!(value("vcpu-quota"), json!("off"));
}
