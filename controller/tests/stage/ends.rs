//! The ends of instances that a play waits for: those that an operator can bring about, and those that only people can.

use cloudsim::ec2::Instance;
use planner::owner::{BENCHMARK_UID, INSTALLATION, KUBERNETES_CLUSTER};
use planner::ports::InstanceState;
use planner::world::Settings;

use crate::stage::play::{Play, settings};

impl Play {
    /// Instances that nothing forbids to terminate and that nobody told to, of those that can be known to be ours: by
    /// their tags or by status.
    pub(crate) fn left_alive(&self) -> Vec<String> {
        self.untold(true)
    }

    /// The same of those of this installation that nothing names any more: somebody gave them the uid of another benchmark, and
    /// status was wiped.
    pub(crate) fn strays(&self) -> Vec<String> {
        self.untold(false)
    }

    fn untold(&self, is_known: bool) -> Vec<String> {
        let server = self.store.server();
        let lines = server.object.iter().flat_map(|object| &object.status).flat_map(|status| &status.launches);
        let lines: Vec<_> = lines.cloned().collect();
        let Settings { installation, kubernetes_cluster, .. } = settings(1, false);
        let owned =
            [(INSTALLATION, installation), (KUBERNETES_CLUSTER, kubernetes_cluster), (BENCHMARK_UID, "uid-1".into())];
        let sim = self.sim.lock();
        let has = |instance: &Instance, (key, value): &(&str, String)| instance.tags.get(*key) == Some(value);
        let is_wanted = |instance: &Instance| {
            let is_written = lines
                .iter()
                .any(|line| Some(&line.token) == instance.token.as_ref() || line.instance_ids.contains(&instance.id));
            let is_named = owned.iter().all(|tag| has(instance, tag));
            (is_written || is_named) == is_known && (is_known || owned[..2].iter().all(|tag| has(instance, tag)))
        };
        let live = sim.truth().ec2.live_instances();
        let told = |instance: &Instance| instance.state == InstanceState::ShuttingDown;
        let left = live.iter().filter(|one| !told(one) && is_wanted(one) && sim.can_be_terminated(&one.id));
        left.map(|instance| instance.id.clone()).collect()
    }

    /// What IAM forbids or a protection spares, only people can end: of these states they do as the condition says.
    pub(crate) fn end_what_only_people_can(&mut self, states: &[InstanceState]) {
        let now = self.now();
        let mut sim = self.sim.lock();
        let all = sim.truth().ec2.live_instances();
        for instance in all.iter().filter(|one| states.contains(&one.state)) {
            if !sim.can_be_terminated(&instance.id) {
                sim.ec2(now).protect_by_hand(&instance.id, false);
                drop(sim.ec2(now).terminate_instances(std::slice::from_ref(&instance.id)));
            }
        }
    }
}
