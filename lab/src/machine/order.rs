//! The order in which units start and end (systemd.unit(5), "After=").

use std::collections::BTreeMap;

/// Those of the units that none of the others is after. Units in a ring are all of them: nobody waits for ever.
pub(super) fn last<'a>(units: &BTreeMap<&'a str, &[String]>) -> Vec<&'a str> {
    let is_last =
        |name: &&str| !units.iter().any(|(other, after)| other != name && after.iter().any(|one| one == name));
    let last: Vec<&str> = units.keys().copied().filter(is_last).collect();
    if last.is_empty() { units.keys().copied().collect() } else { last }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_end_before_those_that_they_started_after() {
        let after = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (none, of_worker, of_puller) = (after(&["network.target"]), after(&["worker"]), after(&["puller"]));
        let all = BTreeMap::from([("worker", &none[..]), ("puller", &of_worker[..]), ("boot", &none[..])]);
        assert_eq!(last(&all), ["boot", "puller"]);
        assert_eq!(last(&BTreeMap::from([("worker", &none[..])])), ["worker"]);
        let ring = BTreeMap::from([("worker", &of_puller[..]), ("puller", &of_worker[..])]);
        assert_eq!(last(&ring), ["puller", "worker"]);
        assert!(last(&BTreeMap::new()).is_empty());
    }
}
