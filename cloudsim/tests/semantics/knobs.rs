//! Knobs by name: every one can be set, shown, and set again from what is shown.

use std::collections::BTreeSet;

use cloudsim::knobs::{self, KnobError};
use cloudsim::{Lag, Settings, Span};
use jiff::Timestamp;

use crate::world::at;

/// A value other than the default for each knob.
const OTHER_VALUES: &[&str] = &[
    "lag=0..30s",
    "id-lag=1s",
    "tag-lag=500ms..2s",
    "token-lag=0..1min",
    "group-lag=3s",
    "rule-lag=0..4s",
    "relapse=5%",
    "id-relapse=0.5%",
    "tag-relapse=12.5%",
    "token-relapse=100%",
    "relapse-by=0..60s",
    "page-size=5",
    "repeated-page=2%",
    "console-lag=20min",
    "boot=5..60s",
    "stop=1..90s",
    "stillborn=1%",
    "stillborn-reason=Server.InsufficientInstanceCapacity,Client.VolumeLimitExceeded",
    "interface-linger=0..10min",
    "terminated-fields=1s",
    "terminated-tags=2min",
    "terminated-listed=2h",
    "failed-launch-burns-token=on",
    "terminated-token=old-answer",
    "quota-before-token=on",
    "capacity=8,t2.micro/eu-west-1a:4,t3.micro/b:0",
    "no-capacity=10%",
    "vcpu-quota=32",
    "quota-linger=0..5min",
    "subnet-addresses=12",
    "free-plan=on",
    "elb-lag=0..60s",
    "elb-provisioning=1..10min",
    "elb-provisioned=never",
    "elb-interface-linger=0..10min",
    "elb-used-linger=30s",
    "elb-quota=1",
    "elb-group-quota=2",
    "elb-tags-are-settings=on",
    "elb-first=on",
    "elb-scaling=1..5min",
    "elb-by-hand=20..60s",
    "role-credentials=30s",
    "target-start=1s",
    "target-flaps=1..2min",
    "metric-lag=0..2min",
    "queue-lag=0..60s",
    "queue-creation=0..10s",
    "queue-tags-late=5s",
    "queue-deletion=10s",
    "queue-purge=30s",
    "queue-count-lag=0..1min",
    "queue-duplicates=20%",
    "queue-duplicate-by=1..5min",
    "queue-empty-receives=10%",
    "queue-repeated-tags=refused",
    "queue-by-hand=20..60s",
    "bucket-lag=0..45s",
    "bucket-name-linger=0..2min",
    "bucket-quota=7",
    "s3-slow-down=3%",
    "s3-conflict=3%",
    "s3-failed-deletion=3%",
    "price-decoys=on",
    "price-several=on",
    "price-unlisted=on",
    "lost-answer=3%",
    "lost-request=3%",
    "late-execution=3%",
    "late-by=0..300s",
    "truncated=3%",
    "throttled=3%",
    "http-500=3%",
    "http-500-after-effect=3%",
    "http-503=3%",
    "http-503-after-effect=3%",
    "throttling=on",
    "others=75%",
    "endpoint-unavailable=on",
    "endpoint-503=3%",
    "endpoint-reset=3%",
    "endpoint-cut=3%",
    "account=123456789012",
    "credentials=clock-skew",
    "denied=RunInstances,TerminateInstances",
    "required-tag=team",
    "zone-outage=a",
    "public-access=block-ingress",
    "ipv6-only=eu-west-1a,eu-west-1c",
    "shared-by=210987654321",
    "by-hand=20..60s",
    "by-hand-deeds=stop,retag",
];

fn apply(settings: &Settings, words: &[&str]) -> Result<Settings, Vec<KnobError>> {
    knobs::apply(settings, words.iter().copied(), at(0))
}

fn one(word: &str) -> Settings {
    apply(&Settings::default(), &[word]).unwrap_or_else(|errors| panic!("{word}: {errors:?}"))
}

#[test]
fn every_knob_changes_something_and_shows_what_makes_it_again() {
    let calm = Settings::default();
    let mut untried: BTreeSet<&str> = knobs::all().map(|knob| knob.name).collect();
    for word in OTHER_VALUES {
        let changed = one(word);
        assert_ne!(changed, calm, "{word}");
        let shown = knobs::difference(&calm, &changed);
        assert!(!shown.is_empty(), "{word}");
        let words: Vec<&str> = shown.iter().map(String::as_str).collect();
        assert_eq!(apply(&calm, &words).unwrap(), changed, "{word} is shown as {shown:?}");
        assert!(untried.remove(word.split('=').next().unwrap()), "{word}");
    }
    assert_eq!(untried, BTreeSet::new(), "a knob without a value in this test");
    assert_eq!(knobs::difference(&calm, &calm), [""; 0]);
    // All that can be set at once, and back to calm by what is shown of calm.
    let wild = apply(&calm, OTHER_VALUES).unwrap();
    let back: Vec<String> = knobs::all()
        .filter(|knob| !knob.is_shorthand())
        .map(|knob| format!("{}={}", knob.name, knob.value(&calm)))
        .collect();
    assert_eq!(apply(&wild, &back.iter().map(String::as_str).collect::<Vec<_>>()).unwrap(), calm);
}

#[test]
fn every_knob_is_explained_in_a_line_with_its_source() {
    let mut names = BTreeSet::new();
    for knob in knobs::all() {
        assert!(names.insert(knob.name), "{} twice", knob.name);
        assert!((10..=130).contains(&knob.says.len()) && !knob.says.ends_with('.'), "{}: {}", knob.name, knob.says);
        assert!(knob.source.len() > 5 && !knob.says.contains('\n'), "{}", knob.name);
        assert!(!knob.form().is_empty());
    }
}

#[test]
fn what_is_wrong_is_named_and_nothing_is_changed() {
    let settings = Settings::default();
    let message = |words: &[&str]| {
        let errors = apply(&settings, words).unwrap_err();
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(message(&["tag-lagg=1s", "lost-answer=3", "page-size", "colour=red", "tag-lag=0..30s"]), @r#"
    there is no knob "tag-lagg"; there is tag-lag, lag, tag-relapse, required-tag
    lost-answer=3: the value must be a rate such as 3%, 0.5%, or off
    "page-size" sets nothing: write KNOB=VALUE, such as tag-lag=0..30s
    there is no knob "colour"
    "#);
    insta::assert_snapshot!(message(&["lost-answer=60%", "truncated=50%"]), @"lost-answer, truncated come to 110 % together: a call meets one of them at most, so it must be 100 % or less");
    for wrong in [
        "capacity=t9.huge/a:1",
        "capacity=t2.micro/x:1",
        "capacity=t2.micro:1",
        "capacity=",
        "denied=MakeCoffee",
        "denied=",
        "account=12345678901",
        "account=off",
        "credentials=bad",
        "zone-outage=us-east-1a",
        "others=100%",
        "others=7.5%",
        "by-hand-deeds=dance",
        "endpoint-unavailable=soon",
        "terminated-listed=500ms",
        "page-size=-1",
        "throttling=maybe",
    ] {
        let errors = apply(&settings, &[wrong]).unwrap_err();
        let (knob, value) = wrong.split_once('=').unwrap();
        assert!(
            matches!(&errors[..], [KnobError::Value { knob: named, value: told, .. }] if *named == knob && told == value),
            "{wrong}: {errors:?}"
        );
    }
}

#[test]
fn shorthands_set_all_of_theirs() {
    let changed = one("lag=0..30s");
    assert_eq!(changed.lag, Lag::up_to(Span::seconds(0, 30)));
    assert_eq!(
        knobs::difference(&Settings::default(), &changed),
        ["id-lag=0..30s", "tag-lag=0..30s", "token-lag=0..30s"]
    );
    let relapse = one("relapse=2%").stale_reads;
    assert_eq!((relapse.id, relapse.tag, relapse.token), (20, 20, 20));
}

#[test]
fn a_length_of_unavailability_counts_from_now() {
    let until = |word: &str| one(word).endpoint.unavailable;
    let is = |word: &str, second| until(word).is_at(at(second));
    assert!(is("endpoint-unavailable=30s", 29) && !is("endpoint-unavailable=30s", 30));
    assert!(is("endpoint-unavailable=on", 1_000_000) && !is("endpoint-unavailable=off", 0));
    let end: Timestamp = at(77);
    assert!(is(&format!("endpoint-unavailable={end}"), 76) && !is(&format!("endpoint-unavailable={end}"), 77));
}

const DOCUMENT: &str = "../docs/chaos.md";

/// `UPDATE_DOCS=1 cargo xtask test cloudsim knobs` writes it.
#[test]
fn the_document_lists_every_knob() {
    let text = std::fs::read_to_string(DOCUMENT).unwrap();
    let (introduction, _) = text.split_once("## Knobs\n").unwrap();
    let mut expected =
        format!("{introduction}## Knobs\n\n| knob | what happens | value | source |\n|---|---|---|---|\n");
    for knob in knobs::all() {
        expected += &format!("| `{}` | {} | {} | {} |\n", knob.name, knob.says, knob.form(), knob.source);
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(DOCUMENT, &expected).unwrap();
    }
    assert!(
        text == expected || std::env::var_os("UPDATE_DOCS").is_some(),
        "UPDATE_DOCS=1 cargo xtask test cloudsim knobs"
    );
}
