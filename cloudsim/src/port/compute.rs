//! Instances: list, launch, start, stop, terminate, console.

use std::sync::Arc;

use planner::CloudError;
use planner::owner;
use planner::ports::{
    self, Addressing, Answer, Compute, Credits, Identity, LaunchRequest, Refused, Selection, is_about_instances,
    start_or_stop_each, terminate_each,
};

use super::{SharedSim, tagged};
use crate::ec2::{About, Action, BlockDevice, Ec2, Instance, InterfaceRequest, RunInstances, Shutdown, StateChange};
use crate::engine::error::Outcome;
use crate::engine::query::{FILTER_VALUES, Filter, Query};
use crate::sim::Call;
use crate::sts;

impl Compute for SharedSim {
    async fn identity(&self) -> Answer<Identity> {
        let by = self.principal;
        let call = Call::new(sts::Action::GetCallerIdentity);
        let identity = self.call(call, move |sim, now| sim.sts(now).caller_identity(by))?;
        Ok(Identity { account: identity.account, arn: identity.arn })
    }

    async fn instances(&self, of: &Selection) -> Answer<Vec<ports::Instance>> {
        let found = match of {
            Selection::Owner(owner) => self.all_instances(Query::filtered(tagged(&owner.proof())))?,
            Selection::Installation(name) => {
                self.all_instances(Query::filtered(tagged(&owner::of_installation(name))))?
            }
            Selection::Tokens(tokens) => self.by_values("client-token", tokens)?,
            Selection::Ids(ids) => self.by_values("instance-id", ids)?,
        };
        Ok(found.iter().map(|instance| instance_of(instance)).collect())
    }

    async fn launch(&self, launch: &LaunchRequest) -> Answer<Vec<ports::Instance>> {
        CloudError::too_late(launch.not_after, self.now())?;
        let request = Arc::new(run_instances(launch));
        let call = Call::about(About::Launch(request.clone()));
        let made = self.call(call, move |sim, now| sim.ec2(now).run_instances(&request))?;
        Ok(made.iter().map(|instance| instance_of(instance)).collect())
    }

    async fn rehearse(&self, launch: &LaunchRequest) -> Answer<()> {
        let request = Arc::new(RunInstances { client_token: None, ..run_instances(launch) });
        let call = Call::about(About::Launch(request.clone()));
        let said = self.dry_run(call, move |sim, now| sim.ec2(now).check_launch(&request));
        if said.code == "DryRunOperation" { Ok(()) } else { Err(said) }
    }

    async fn terminate(&self, ids: &[String]) -> Answer<Vec<Refused>> {
        let together = |ids: Vec<String>| std::future::ready(self.terminate_together(&ids));
        terminate_each(ids, is_about_instances, together).await
    }

    async fn start(&self, ids: &[String]) -> Answer<()> {
        let together = |ids: Vec<String>| {
            std::future::ready(self.change_state(Action::StartInstances, &ids, |ec2, ids| ec2.start_instances(ids)))
        };
        start_or_stop_each(ids, is_about_instances, together).await
    }

    async fn stop(&self, ids: &[String]) -> Answer<()> {
        let together = |ids: Vec<String>| {
            std::future::ready(self.change_state(Action::StopInstances, &ids, |ec2, ids| ec2.stop_instances(ids)))
        };
        start_or_stop_each(ids, is_about_instances, together).await
    }

    async fn console(&self, id: &str) -> Answer<Option<String>> {
        let read = |latest: bool| {
            let id = id.to_owned();
            let call = Call::about(About::Instances(Action::GetConsoleOutput, vec![id.clone()]));
            self.call(call, move |sim, now| sim.ec2(now).console_output(&id, latest))
        };
        let output = match read(true) {
            Err(error) if matches!(error.code.as_str(), "UnsupportedOperation" | "Unsupported") => read(false)?,
            answer => answer?,
        };
        Ok(output.text)
    }
}

impl SharedSim {
    fn all_instances(&self, query: Query) -> Answer<Vec<Arc<Instance>>> {
        self.all(Action::DescribeInstances, query, |ec2, query| ec2.describe_instances(query))
    }

    /// A list by one filter with any number of values.
    fn by_values(&self, filter: &str, values: &[String]) -> Answer<Vec<Arc<Instance>>> {
        let mut all = Vec::new();
        for some in values.chunks(FILTER_VALUES) {
            all.extend(self.all_instances(Query::filtered([Filter::new(filter, some)]))?);
        }
        Ok(all)
    }

    /// One call: of what is refused for one, none is terminated.
    pub fn terminate_together(&self, ids: &[String]) -> Answer<()> {
        self.change_state(Action::TerminateInstances, ids, |ec2, ids| ec2.terminate_instances(ids))
    }

    /// One call that changes the state of these instances.
    fn change_state(
        &self,
        action: Action,
        ids: &[String],
        change: fn(&mut Ec2<'_>, &[String]) -> Outcome<Vec<StateChange>>,
    ) -> Answer<()> {
        let owned = ids.to_vec();
        let call = Call::about(About::Instances(action, owned.clone()));
        self.call(call, move |sim, now| change(&mut sim.ec2(now), &owned)).map(drop)
    }
}

fn run_instances(launch: &LaunchRequest) -> RunInstances {
    let resources = ["instance", "volume", "network-interface"];
    RunInstances {
        image_id: launch.image_id.clone(),
        instance_type: launch.instance_type.clone(),
        min_count: launch.count,
        max_count: launch.count,
        client_token: Some(launch.token.clone()),
        user_data: launch.user_data.clone(),
        interface: Some(InterfaceRequest {
            device_index: 0,
            subnet_id: Some(launch.subnet_id.clone()),
            group_ids: launch.group_ids.clone(),
            associate_public_address: Some(launch.public_address == Addressing::Public),
            delete_on_termination: Some(true),
        }),
        block_devices: std::iter::once((&launch.root_device, launch.root_gib))
            .chain(launch.volumes.iter().map(|volume| (&volume.device, volume.gib)))
            .map(|(device, gib)| block_device(device, gib))
            .collect(),
        tags: resources.map(|resource| (resource.to_owned(), launch.tags.clone())).into(),
        http_tokens: Some("required".into()),
        http_put_response_hop_limit: Some(1),
        instance_profile: launch.instance_profile.clone(),
        cpu_credits: launch.credits.map(|credits| {
            match credits {
                Credits::Standard => "standard",
                Credits::Unlimited => "unlimited",
            }
            .into()
        }),
        shutdown: Shutdown::Terminate,
        ..RunInstances::default()
    }
}

fn block_device(device: &str, gib: u32) -> BlockDevice {
    BlockDevice {
        device_name: device.to_owned(),
        volume_type: Some("gp3".into()),
        size_gib: Some(gib),
        encrypted: Some(true),
        delete_on_termination: Some(true),
        no_device: false,
    }
}

fn instance_of(instance: &Instance) -> ports::Instance {
    let network = instance.network.as_ref();
    ports::Instance {
        id: instance.id.clone(),
        state: instance.state,
        token: instance.token.clone(),
        instance_type: instance.instance_type.clone(),
        image_id: instance.image_id.clone(),
        zone: instance.zone.clone(),
        subnet_id: network.map(|network| network.subnet_id.clone()),
        private_address: network.map(|network| network.private_address),
        public_address: network.and_then(|network| network.public_address),
        group_ids: network
            .into_iter()
            .flat_map(|network| network.groups.iter().map(|group| group.id.clone()))
            .collect(),
        launched_at: instance.launched_at,
        tags: instance.tags.clone(),
        state_reason: instance.state_reason.as_ref().map(|reason| format!("{}: {}", reason.code, reason.message)),
    }
}
