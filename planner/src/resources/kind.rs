//! Kinds of resources: their order of teardown, and what proves that nothing of a kind is left.

use api::Placement;

/// A kind of resource in AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceKind {
    LoadBalancer,
    Instance,
    TargetGroup,
    Queue,
    Bucket,
    SecurityGroup,
}

/// What proves that nothing of a kind is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Each line of the ledger is closed and its instances were seen terminated; or two complete lists do not show what a
    /// launch may have made, the first one later than anything late can appear ([`crate::provision`]).
    Ledger,
    /// Each name of the kind was seen and its deletion answered, or two complete lists do not show it; both only after the
    /// window of creation and the settling time ([`super::removal`]).
    Name,
    /// Two complete lists show no name with the owner's stem, after the window of creation and the settling time. Which
    /// names of the kind were ever used is not written anywhere, so no single deletion proves anything.
    Stem,
}

impl ResourceKind {
    /// Every kind, each behind those that may use it.
    pub const TEARDOWN: &[Self] =
        &[Self::LoadBalancer, Self::Instance, Self::TargetGroup, Self::Queue, Self::Bucket, Self::SecurityGroup];

    /// Kinds that may use this one: nothing of it is deleted before all of these are seen to be gone.
    pub(crate) fn users(self) -> &'static [Self] {
        match self {
            // A load balancer does not mind that its targets end, and its end is what stops its price.
            Self::LoadBalancer | Self::Instance => &[],
            // Its rules name target groups (ELBv2 API reference, DeleteTargetGroup: ResourceInUse).
            Self::TargetGroup => &[Self::LoadBalancer],
            // Front and workers write to it.
            Self::Queue => &[Self::Instance],
            // What is in a queue names objects, and whoever reads it writes others.
            Self::Bucket => &[Self::Queue, Self::Instance],
            // Its interfaces are in the groups, and go some time after it.
            Self::SecurityGroup => &[Self::LoadBalancer, Self::Instance],
        }
    }

    /// Its name in `status.placement.kinds`, which has no instances: the ledger has a line for each launch of them.
    pub fn name(self) -> &'static str {
        match self {
            Self::LoadBalancer => "LoadBalancer",
            Self::Instance => "Instance",
            Self::TargetGroup => "TargetGroup",
            Self::Queue => "Queue",
            Self::Bucket => "Bucket",
            Self::SecurityGroup => "SecurityGroup",
        }
    }

    pub fn proof(self) -> Proof {
        match self {
            Self::LoadBalancer | Self::TargetGroup | Self::Queue | Self::Bucket => Proof::Stem,
            Self::Instance => Proof::Ledger,
            Self::SecurityGroup => Proof::Name,
        }
    }

    /// Whether the placement says that something of this kind may have been created.
    pub fn is_written(self, placement: &Placement) -> bool {
        placement.kinds.iter().any(|kind| kind == self.name())
    }
}

/// Kinds in a placement that this operator does not know. A later one wrote them; this one can neither list nor delete
/// what there is of them.
pub fn unknown_kinds(placement: Option<&Placement>) -> Vec<&str> {
    let is_known = |name: &str| ResourceKind::TEARDOWN.iter().any(|kind| kind.name() == name);
    let written = placement.into_iter().flat_map(|placement| &placement.kinds);
    written.map(String::as_str).filter(|name| !is_known(name)).collect()
}

/// Unknown kinds in words, with the way out. `None`: all are known.
pub(crate) fn unknown_kinds_sentence(placement: Option<&Placement>) -> Option<String> {
    let unknown = unknown_kinds(placement);
    if unknown.is_empty() {
        return None;
    }
    Some(format!(
        "status.placement.kinds names {}, which this operator does not know and cannot remove: run the later version of the operator that wrote it",
        unknown.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_place_in_the_teardown_and_a_name_of_its_own() {
        let mut kinds = ResourceKind::TEARDOWN.to_vec();
        kinds.dedup();
        assert_eq!(kinds, ResourceKind::TEARDOWN);
        let mut names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), kinds.len());
        // What uses others goes before them.
        for (place, kind) in kinds.iter().enumerate() {
            assert!(kind.users().iter().all(|user| kinds[..place].contains(user)), "{}", kind.name());
        }
    }

    #[test]
    fn what_a_later_operator_wrote_is_not_known() {
        let kinds = ["SecurityGroup", "Carousel"].map(str::to_owned).to_vec();
        let placement = Placement { kinds, ..Placement::default() };
        assert_eq!(unknown_kinds(Some(&placement)), ["Carousel"]);
        let sentence = unknown_kinds_sentence(Some(&placement)).unwrap_or_default();
        assert!(sentence.contains("names Carousel,") && sentence.contains("run the later version"), "{sentence}");
        let known = Placement { kinds: vec!["SecurityGroup".into()], ..Placement::default() };
        assert_eq!((unknown_kinds_sentence(Some(&known)), unknown_kinds_sentence(None)), (None, None));
    }
}
