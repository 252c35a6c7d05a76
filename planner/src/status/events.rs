//! The events about an object: new reasons in its status, and effects that were carried out. Pure.

use std::collections::BTreeMap;

use api::{ConditionType, Status};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::cost::summary;
use crate::conditions::{ConditionStatus, Reason, Stored};
use crate::cost::spent::so_far;
use crate::effect::{Action, Kind, Outcome};
use crate::plan::Plan;
use crate::world::World;

/// Bytes of an event's note that the API server takes (events.k8s.io/v1 validation).
const NOTE: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Normal,
    /// Somebody should look.
    Warning,
}

/// One event about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub severity: Severity,
    /// Reason of the condition, or name of the action.
    pub reason: String,
    /// The condition's type: what the operator was about.
    pub action: String,
    /// At most 1024 bytes.
    pub note: String,
}

impl Event {
    pub fn new(severity: Severity, reason: &str, action: &str, note: &str) -> Self {
        Self { severity, reason: reason.to_owned(), action: action.to_owned(), note: cut(note) }
    }
}

/// One event for each reason that is new, in the order of the conditions. `Ready` and `Reconciling` repeat others and
/// cause none; when nothing moves until somebody acts, that is the one said of its reason.
pub fn events(old: &Status, new: &Status) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    for condition in new.conditions.iter().filter(|condition| is_told(condition) && is_new(old, condition)) {
        let severity = severity(condition);
        let event = Event::new(severity, &condition.reason, &condition.type_, &condition.message);
        match events.iter_mut().find(|other| other.reason == event.reason) {
            Some(other) if other.severity < event.severity => *other = event,
            Some(_) => {}
            None => events.push(event),
        }
    }
    events
}

/// One event for each kind of action that made or removed something, with the arithmetic that led to each. One and not
/// several: the API server's events of one reason are counted, and the notes of all but the first are lost. The finalizer has
/// none: the object goes with it.
pub fn done(outcomes: &[Outcome]) -> Vec<Event> {
    let mut notes: BTreeMap<(Kind, ConditionType), Vec<String>> = BTreeMap::new();
    for Outcome { action, because, result } in outcomes {
        let nature = action.nature();
        let (Ok(done), Some(about), true) = (result, nature.concern.condition(), nature.is_grave) else { continue };
        let words = match (action, done.refused().len()) {
            (_, 0) => action.words(),
            (Action::Terminate(ids), refused) if refused < ids.len() => {
                format!("{}, {refused} refused", action.words())
            }
            _ => continue,
        };
        notes.entry((nature.kind, about)).or_default().push(format!("{words}: {because}"));
    }
    let event = |((kind, about), notes): ((Kind, ConditionType), Vec<String>)| {
        Event::new(Severity::Normal, kind.name(), about.name(), &notes.join("; "))
    };
    notes.into_iter().map(event).collect()
}

/// The last word about an object whose finalizer went: what it cost. Status goes with it, the events stay for a while.
pub fn farewell(world: &World, plan: &Plan, outcomes: &[Outcome]) -> Option<Event> {
    let is_over = |one: &Outcome| matches!(one.action, Action::RemoveFinalizer) && one.result.is_ok();
    let placement = plan.placement.as_ref().filter(|_| outcomes.iter().any(is_over))?;
    let spent = so_far(placement, &plan.ledger, world.now);
    let note = format!("nothing is left in AWS; it cost {}", summary(placement, &spent));
    Some(Event::new(Severity::Normal, "Cost", "Delete", &note))
}

/// What stalls, what cannot be seen, and what AWS refuses: somebody may have to do something.
fn severity(condition: &Condition) -> Severity {
    let Stored { kind, status, reason } = Stored::of(condition);
    let is_refused = status == Some(ConditionStatus::False) && reason.is_some_and(Reason::is_refusal);
    let is_stalled = kind == Some(ConditionType::Stalled);
    let is_unknown = status == Some(ConditionStatus::Unknown);
    if is_stalled || is_refused || is_unknown { Severity::Warning } else { Severity::Normal }
}

fn is_told(condition: &Condition) -> bool {
    let Stored { kind, reason, .. } = Stored::of(condition);
    let repeats = matches!(kind, Some(ConditionType::Ready | ConditionType::Reconciling));
    !repeats && reason != Some(Reason::Pending)
}

fn is_new(old: &Status, condition: &Condition) -> bool {
    !old.conditions.iter().any(|before| {
        before.type_ == condition.type_ && before.status == condition.status && before.reason == condition.reason
    })
}

/// At most [`NOTE`] bytes, at the boundary of a character.
fn cut(text: &str) -> String {
    if text.len() <= NOTE {
        return text.to_owned();
    }
    let end = (0..=NOTE - 3).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", &text[..end])
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;
    use crate::effect::{Done, Effect};
    use crate::ports::Refused;
    use crate::{CloudError, Failure};

    fn status(conditions: &[(&str, &str, &str, &str)]) -> Status {
        let condition = |(kind, truth, reason, message): &(&str, &str, &str, &str)| Condition {
            type_: (*kind).into(),
            status: (*truth).into(),
            reason: (*reason).into(),
            message: (*message).into(),
            observed_generation: Some(1),
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
        };
        Status { conditions: conditions.iter().map(condition).collect(), ..Status::default() }
    }

    fn told(old: &[(&str, &str, &str, &str)], new: &[(&str, &str, &str, &str)]) -> Vec<String> {
        let line = |event: Event| format!("{:?} {} {}: {}", event.severity, event.action, event.reason, event.note);
        events(&status(old), &status(new)).into_iter().map(line).collect()
    }

    #[test]
    fn a_new_reason_is_told_once_and_a_new_message_is_not() {
        let launching =
            [("Provisioned", "False", "Launching", "0 of 4"), ("Reconciling", "True", "Launching", "0 of 4")];
        let further = [("Provisioned", "False", "Launching", "3 of 4"), ("Ready", "False", "Launching", "3 of 4")];
        let done = [("Provisioned", "True", "Running", "4 of 4"), ("Measured", "False", "Waiting", "for members")];
        assert_eq!(told(&[], &launching), ["Normal Provisioned Launching: 0 of 4"]);
        assert_eq!(told(&launching, &further), [""; 0]);
        assert_eq!(
            told(&further, &done),
            ["Normal Provisioned Running: 4 of 4", "Normal Measured Waiting: for members"]
        );
        assert_eq!(told(&done, &done), [""; 0]);
    }

    #[test]
    fn a_deletion_is_one_event_and_not_yet_looked_at_is_none() {
        let deleted = |kind| (kind, "False", "Deleted", "the benchmark is being deleted");
        assert_eq!(
            told(&[], &[deleted("Accepted"), deleted("Deployed"), deleted("Measured")]),
            ["Normal Accepted Deleted: the benchmark is being deleted"]
        );
        assert_eq!(told(&[], &[("Accepted", "Unknown", "Pending", "not looked at yet")]), [""; 0]);
    }

    #[test]
    fn what_stalls_and_what_cannot_be_seen_are_warnings() {
        let failed =
            [("Provisioned", "False", "BootFailed", "wrong hash"), ("Stalled", "True", "BootFailed", "wrong hash")];
        assert_eq!(told(&[], &failed), ["Warning Stalled BootFailed: wrong hash"]);
        let blind = [("Provisioned", "Unknown", "Unauthorized", "ec2:DescribeInstances")];
        assert_eq!(told(&[], &blind), ["Warning Provisioned Unauthorized: ec2:DescribeInstances"]);
    }

    #[test]
    fn what_aws_refuses_is_a_warning_and_what_passes_by_itself_is_none() {
        let provisioned = |reason| told(&[], &[("Provisioned", "False", reason, "why")]);
        for reason in ["Unauthorized", "QuotaReached", "NoCapacity", "Rejected", "AccountRestricted"] {
            assert_eq!(provisioned(reason), [format!("Warning Provisioned {reason}: why")]);
        }
        for reason in ["Throttled", "DependencyViolation", "Launching", "TearingDown"] {
            assert_eq!(provisioned(reason), [format!("Normal Provisioned {reason}: why")]);
        }
    }

    fn told_of(outcomes: &[Outcome]) -> Vec<String> {
        done(outcomes).into_iter().map(|event| format!("{} {}: {}", event.action, event.reason, event.note)).collect()
    }

    fn terminated(ids: [&str; 2], refused: &[&str], because: &str) -> Outcome {
        let error = || CloudError::new(Failure::Unauthorized, "UnauthorizedOperation", "no");
        let refused = refused.iter().map(|id| Refused { id: (*id).to_owned(), error: error() }).collect();
        let action = Action::Terminate(ids.map(str::to_owned).into());
        Outcome::new(Effect { action, because: because.to_owned() }, Ok(Done::Terminated(refused)))
    }

    #[test]
    fn what_was_removed_is_one_event_with_all_that_led_to_it() {
        let outcomes = [terminated(["i-1", "i-2"], &[], "two"), terminated(["i-3", "i-4"], &["i-4"], "other two")];
        let note = "terminate 2 instances: two; terminate 2 instances, 1 refused: other two";
        assert_eq!(told_of(&outcomes), [format!("Provisioned Terminate: {note}")]);
    }

    #[test]
    fn what_was_refused_or_failed_is_told_as_done_nowhere() {
        let failed = Outcome::new(
            Action::DeleteGroup { id: "sg-1".into(), name: "members".into() },
            Err(CloudError::new(Failure::DependencyViolation, "DependencyViolation", "in use")),
        );
        let let_go = Outcome::new(Action::RemoveFinalizer, Ok(Done::Ok));
        assert_eq!(told_of(&[terminated(["i-1", "i-2"], &["i-1", "i-2"], "all"), failed, let_go]), [""; 0]);
    }

    #[test]
    fn a_note_fits_into_an_event() {
        let event = Event::new(Severity::Normal, "R", "A", &"\u{e4}".repeat(600));
        assert_eq!(event.note.len(), 1023);
        assert!(event.note.ends_with("\u{e4}..."));
    }
}
