//! Refuses zones that a run could not tell apart. Pure.

use std::collections::{BTreeMap, BTreeSet};

use wire::RunZone;

use crate::InvalidSpec;

/// Checks the zones of a run. A member may be named twice in its zone: it may serve two targets.
pub(crate) fn validate_zones(zones: &[RunZone]) -> Result<(), InvalidSpec> {
    let invalid = |field: String, problem: String| Err(InvalidSpec { field, problem });
    let mut names = BTreeSet::new();
    let mut known: BTreeMap<&str, &str> = BTreeMap::new();
    for (index, RunZone { zone, members }) in zones.iter().enumerate() {
        let name = format!("zones[{index}].zone");
        if zone.is_empty() {
            return invalid(name, "is empty: give the zone a name, such as us-east-1a".into());
        }
        if !names.insert(zone) {
            return invalid(name, format!("is {zone:?}, which is there twice: names must differ"));
        }
        for (number, member) in members.iter().enumerate() {
            let field = format!("zones[{index}].members[{number}]");
            if member.is_empty() {
                return invalid(field, "is empty: give the id of the instance".into());
            }
            let first = *known.entry(member).or_insert(zone);
            if first != zone {
                return invalid(
                    field,
                    format!("is {member:?}, which is in {first} as well: remove it from one of both"),
                );
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(zones: &[(&str, &[&str])]) -> String {
        let zone = |(zone, members): &(&str, &[&str])| RunZone {
            zone: (*zone).to_owned(),
            members: members.iter().map(|member| (*member).to_owned()).collect(),
        };
        let zones: Vec<RunZone> = zones.iter().map(zone).collect();
        validate_zones(&zones).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_member_is_in_one_zone_and_everything_has_a_name() {
        assert_eq!(problem(&[]), "");
        assert_eq!(problem(&[("a", &["i-1", "i-2", "i-1"]), ("b", &["i-3"]), ("c", &[])]), "");
        assert_eq!(
            problem(&[("a", &["i-1"]), ("b", &["i-2", "i-1"])]),
            "zones[1].members[1]: is \"i-1\", which is in a as well: remove it from one of both"
        );
        assert_eq!(problem(&[("", &["i-1"])]), "zones[0].zone: is empty: give the zone a name, such as us-east-1a");
        assert_eq!(problem(&[("a", &["i-1", ""])]), "zones[0].members[1]: is empty: give the id of the instance");
        assert_eq!(
            problem(&[("a", &[]), ("a", &[])]),
            "zones[1].zone: is \"a\", which is there twice: names must differ"
        );
    }
}
