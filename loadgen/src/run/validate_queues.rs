//! Refuses a run behind queues that could not be carried out as written. Pure.

use wire::{Metric, RunSpec};

use crate::InvalidSpec;

/// Checks what needs a front: clusters that grow and shrink, and what right answers cost.
pub(crate) fn validate_queues(spec: &RunSpec) -> Result<(), InvalidSpec> {
    let (scaled, priced) = (scaled(spec), priced(spec));
    let Some(field) = scaled.clone().or_else(|| priced.clone()) else { return Ok(()) };
    let invalid = |field: String, problem: &str| Err(InvalidSpec { field, problem: problem.to_owned() });
    if spec.balancer_control.is_none() {
        return invalid(
            field,
            "needs the front that the clusters are behind, which tells what is there and what was used: give its balancerControl",
        );
    }
    if spec.slice.count == 1 {
        return Ok(());
    }
    match (scaled, priced) {
        (Some(field), _) => invalid(
            field,
            "is true: several generators keep to a timetable, and nobody knows before when a scaled cluster is at rest again: let one generator send the load",
        ),
        (None, Some(field)) => invalid(
            field,
            "is what right answers cost, of which each of several generators sees a part and the cost of all: let one generator send the load, or choose another metric",
        ),
        (None, None) => Ok(()),
    }
}

/// The field that makes a target a scaled one.
fn scaled(spec: &RunSpec) -> Option<String> {
    let at = spec.targets.iter().position(|target| target.scaled)?;
    Some(format!("targets[{at}].scaled"))
}

/// The field that asks for what right answers cost.
fn priced(spec: &RunSpec) -> Option<String> {
    let asks = |metric: Metric| metric == Metric::UsdMicrosPerThousand;
    if asks(spec.judging.metric) {
        return Some("judging.metric".to_owned());
    }
    let at = spec.judging.thresholds.iter().position(|threshold| asks(threshold.metric))?;
    Some(format!("judging.thresholds[{at}].metric"))
}

#[cfg(test)]
mod tests {
    use wire::{Limit, Slice, Target, Threshold};

    use super::*;

    fn refused(change: impl FnOnce(&mut RunSpec)) -> Option<String> {
        let mut spec = RunSpec { balancer_control: Some("http://h:1".into()), ..RunSpec::default() };
        spec.targets = vec![Target::default(), Target::default()];
        change(&mut spec);
        validate_queues(&spec).err().map(|error| error.to_string())
    }

    #[test]
    fn a_front_and_one_generator_are_needed() {
        assert_eq!(refused(|_| ()), None);
        let scaled = |spec: &mut RunSpec| spec.targets[1].scaled = true;
        let priced = |spec: &mut RunSpec| spec.judging.metric = Metric::UsdMicrosPerThousand;
        assert_eq!((refused(scaled), refused(priced)), (None, None));
        let alone = |spec: &mut RunSpec| spec.balancer_control = None;
        let two = |spec: &mut RunSpec| spec.slice = Slice { index: 0, count: 2 };
        let both = |one: fn(&mut RunSpec), other: fn(&mut RunSpec)| {
            refused(|spec| {
                one(spec);
                other(spec);
            })
            .unwrap()
        };
        let begins = |text: String, with: &str| assert!(text.starts_with(with), "{text}");
        begins(both(scaled, alone), "targets[1].scaled: needs the front");
        begins(both(priced, alone), "judging.metric: needs the front");
        begins(both(scaled, two), "targets[1].scaled: is true: several generators");
        begins(both(priced, two), "judging.metric: is what right answers cost");
        let threshold = |spec: &mut RunSpec| {
            let (metric, limit) = (Metric::UsdMicrosPerThousand, Limit::AtMost(1));
            spec.judging.thresholds = vec![Threshold { cluster: "a".into(), metric, limit }];
        };
        begins(both(threshold, two), "judging.thresholds[0].metric: is what");
        assert_eq!(refused(two), None, "several generators may send to fixed numbers of instances");
    }
}
