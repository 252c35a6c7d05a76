//! The cloud's knobs, shown and turned while the lab is up.

use cloudsim::Settings;
use cloudsim::knobs;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Knobs to turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Turn {
    /// `KNOB=VALUE`
    pub(crate) set: Vec<String>,
    /// The seed that chance is drawn from, from now on.
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
    /// The values that it takes.
    pub(crate) form: String,
    pub(crate) value: String,
    /// Its value in the lab's own settings.
    pub(crate) calm: String,
}

/// The settings that differ from the lab's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InForce {
    /// Words that make it again.
    pub(crate) words: Vec<String>,
    /// Values that do not go together.
    pub(crate) notes: Vec<String>,
}

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
