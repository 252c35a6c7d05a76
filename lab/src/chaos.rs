//! `lab chaos`: the cloud's knobs, turned while the lab is up.

use anyhow::bail;
use bytes::Bytes;
use cloudsim::Settings;
use cloudsim::knobs;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fetch;
use crate::state::State;
use crate::table::Table;

/// What is to be turned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Turn {
    /// `KNOB=VALUE`
    pub(crate) set: Vec<String>,
    /// What chance is drawn from, from now on.
    #[serde(default)]
    pub(crate) seed: Option<u64>,
}

/// One knob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KnobShown {
    pub(crate) name: String,
    pub(crate) says: String,
    pub(crate) source: String,
    /// What it takes.
    pub(crate) form: String,
    pub(crate) value: String,
    /// The lab's own.
    pub(crate) calm: String,
}

/// What differs from the lab's own settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InForce {
    /// Words that make it again.
    pub(crate) words: Vec<String>,
    /// What does not go together.
    pub(crate) notes: Vec<String>,
}

// In the supervisor

pub(crate) fn shown(calm: &Settings, now: &Settings) -> Vec<KnobShown> {
    let shown = |knob: &knobs::Knob| KnobShown {
        name: knob.name.to_owned(),
        says: knob.says.to_owned(),
        source: knob.source.to_owned(),
        form: knob.form().to_owned(),
        value: knob.value(now),
        calm: knob.value(calm),
    };
    knobs::all().map(shown).collect()
}

/// The settings after the turn; or every complaint, a line each, and nothing is turned.
pub(crate) fn turned(settings: &Settings, turn: &Turn, now: Timestamp) -> Result<Settings, String> {
    knobs::apply(settings, turn.set.iter().map(String::as_str), now)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

pub(crate) fn in_force(calm: &Settings, now: &Settings, settle_seconds: u64) -> InForce {
    InForce { words: knobs::difference(calm, now), notes: note(now, settle_seconds).into_iter().collect() }
}

/// The operator's proof of absence is only as good as its patience.
fn note(settings: &Settings, settle_seconds: u64) -> Option<String> {
    let seconds = settings.latest_appearance_millis().div_ceil(1000);
    (seconds > settle_seconds).then(|| {
        format!(
            "what a call makes can appear {seconds} s after it, and this lab's operator takes for absent what it does \
             not see for {settle_seconds} s: start the lab with --operator-arg=--settle-seconds={seconds} or more"
        )
    })
}

// The command

pub(crate) async fn chaos(state: &State, words: &[String], seed: Option<u64>) -> anyhow::Result<()> {
    let admin = state.record()?.admin;
    let command = match words {
        [word] if seed.is_none() => word.as_str(),
        _ => "",
    };
    if command == "list" {
        let body = ask("GET", admin, &Turn::default()).await?;
        say::text(listing(&serde_json::from_slice::<Vec<KnobShown>>(&body)?));
        return Ok(());
    }
    let method = if command == "off" { "DELETE" } else { "POST" };
    let set = if command == "off" { Vec::new() } else { words.to_vec() };
    let body = ask(method, admin, &Turn { set, seed }).await?;
    say::text(told(&serde_json::from_slice(&body)?));
    Ok(())
}

async fn ask(method: &str, admin: std::net::SocketAddr, turn: &Turn) -> anyhow::Result<Bytes> {
    let (code, body) = fetch::request(method, admin, "/chaos", serde_json::to_vec(turn)?.into()).await?;
    if code != 200 {
        bail!(
            "nothing is changed:\n{}\n`cargo xtask lab chaos list` explains the knobs",
            String::from_utf8_lossy(&body)
        );
    }
    Ok(body)
}

fn listing(knobs: &[KnobShown]) -> String {
    let mut table = Table::new(&["KNOB", "VALUE", "WHAT HAPPENS", "SOURCE"]);
    for knob in knobs {
        let mark = if knob.value == knob.calm { "" } else { " *" };
        table.row([knob.name.clone(), format!("{}{mark}", knob.value), knob.says.clone(), knob.source.clone()]);
    }
    format!("{table}* differs from the lab's own settings; `cargo xtask lab chaos off` goes back to them\n")
}

fn told(in_force: &InForce) -> String {
    let words = match &in_force.words[..] {
        [] => "the lab's own settings are in force".to_owned(),
        words => format!("in force: {}", words.join(" ")),
    };
    let notes = in_force.notes.iter().map(|note| format!("note: {note}\n"));
    format!("{words}\n{}", notes.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(words: &[&str]) -> Turn {
        Turn { set: words.iter().map(|word| (*word).to_owned()).collect(), seed: None }
    }

    fn now() -> Timestamp {
        "2026-11-25T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn what_is_turned_is_told_and_shown_with_a_mark() {
        let calm = Settings::lab();
        let turned = turned(&calm, &turn(&["lost-answer=3%", "endpoint-unavailable=30s"]), now()).unwrap();
        let told = told(&in_force(&calm, &turned, 5));
        assert_eq!(told, "in force: lost-answer=3% endpoint-unavailable=2026-11-25T12:00:30Z\n");
        let listing = listing(&shown(&calm, &turned));
        let line = |name: &str| listing.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        assert!(line("lost-answer ").contains(" 3% * ") && line("lost-request ").contains(" off  "), "{listing}");
        assert!(line("tag-lag ").contains("0..200ms") && line("tag-lag ").contains("cluster-api-provider-aws#1351"));
        assert_eq!(listing.lines().count(), knobs::all().count() + 2);
        assert_eq!(super::told(&in_force(&calm, &calm, 5)), "the lab's own settings are in force\n");
    }

    #[test]
    fn one_wrong_word_turns_nothing() {
        let complaints = turned(&Settings::lab(), &turn(&["tag-lag=1s", "tag-lagg=1s", "lost-answer=3"]), now());
        let complaints = complaints.unwrap_err();
        assert_eq!(complaints.lines().count(), 2, "{complaints}");
        assert!(complaints.contains("tag-lag,") && complaints.contains("lost-answer=3: the value must be a rate"));
    }

    #[test]
    fn what_appears_later_than_the_operator_waits_is_noted() {
        let calm = Settings::lab();
        let notes =
            |words: &[&str], settle| in_force(&calm, &turned(&calm, &turn(words), now()).unwrap(), settle).notes;
        assert_eq!(notes(&[], 5), [""; 0]);
        assert_eq!(notes(&["lag=0..5s"], 5), [""; 0]);
        assert!(notes(&["lag=0..4s", "late-execution=1%", "late-by=0..10s"], 5)[0].contains("14 s after"));
        assert_eq!(notes(&["lag=0..4s", "late-by=0..10s"], 5), [""; 0], "nothing is late");
        assert_eq!(notes(&["lag=0..4s", "late-execution=1%", "late-by=0..10s"], 14), [""; 0]);
        assert_eq!(notes(&["relapse=1%", "relapse-by=0..6s"], 5).len(), 1);
    }
}
