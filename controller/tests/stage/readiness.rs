//! The moments that plays wait for: all is ready, or at rest as well.

use planner::scale::pool::scaling;

use super::play::Play;

impl Play {
    /// Whether status says that all is as the spec asks for, and it is.
    pub(crate) fn is_ready(&self) -> bool {
        let server = self.store.server();
        let Some(object) = &server.object else { return false };
        let Some(status) = &object.status else { return false };
        let is = |kind: &str| status.conditions.iter().any(|one| one.type_ == kind && one.status == "True");
        let begins_anew = status.conditions.iter().any(|one| one.reason == "LedgerLost");
        let nothing_left = status.conditions.iter().any(|one| one.reason == "NothingLeft");
        let wanted: usize = status.pools.iter().map(|pool| usize::try_from(pool.desired).unwrap()).sum();
        status.observed_generation == object.metadata.generation
            && is("Ready")
            && !begins_anew
            && (is("Provisioned") && is("Deployed") || wanted == 0 && nothing_left)
            && self.serving(&object.spec) == wanted
            && status.pools.iter().all(|pool| scaling(&object.spec, &pool.name).is_none() || pool.ready == pool.desired)
    }

    /// Whether it is ready and nobody is to be let go any more: a cluster that follows its queue has its fewest, and those that
    /// were let go have gone.
    pub(crate) fn is_at_rest(&self) -> bool {
        if !self.is_ready() {
            return false;
        }
        let server = self.store.server();
        let Some(object) = &server.object else { return false };
        let pools = object.status.iter().flat_map(|status| &status.pools);
        let has_fewest = |pool: &api::Pool| {
            let scaling = scaling(&object.spec, &pool.name);
            scaling.is_none_or(|scaling| pool.desired <= scaling.min.unwrap_or(0))
        };
        let mut instances = object.status.iter().flat_map(|status| &status.instances);
        let stays = |instance: &api::Instance| {
            scaling(&object.spec, &instance.pool).is_none() || ["ready", "stopped"].contains(&instance.state.as_str())
        };
        pools.into_iter().all(has_fewest) && instances.all(stays)
    }
}
