//! Instances in EC2's element names.

use std::sync::Arc;

use cloudsim::ec2::{Console, Instance, StateChange, instance_profile_arn, instance_profile_id};
use data_encoding::BASE64;
use planner::ports::InstanceState;
use serde::Serialize;

use super::shapes::{GroupItem, Items, Tag, groups, tags, time};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reservations {
    reservation_set: Items<Reservation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reservation {
    reservation_id: String,
    owner_id: String,
    group_set: Items<GroupItem>,
    instances_set: Items<InstanceItem>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct InstanceItem {
    instance_id: String,
    image_id: String,
    instance_state: State,
    private_dns_name: String,
    dns_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    ami_launch_index: u32,
    instance_type: String,
    launch_time: String,
    placement: Placement,
    monitoring: Monitoring,
    #[serde(skip_serializing_if = "Option::is_none")]
    subnet_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_ip_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<String>,
    source_dest_check: bool,
    group_set: Items<GroupItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state_reason: Option<Reason>,
    architecture: &'static str,
    root_device_type: &'static str,
    root_device_name: String,
    block_device_mapping: Items<MappingItem>,
    virtualization_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_token: Option<String>,
    tag_set: Items<Tag>,
    hypervisor: &'static str,
    network_interface_set: Items<InterfaceItem>,
    metadata_options: MetadataOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    iam_instance_profile: Option<InstanceProfile>,
}

#[derive(Debug, Serialize)]
struct InstanceProfile {
    arn: String,
    id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MappingItem {
    device_name: String,
    ebs: Ebs,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Ebs {
    volume_id: String,
    status: &'static str,
    attach_time: String,
    delete_on_termination: bool,
}

#[derive(Debug, Serialize)]
struct State {
    code: u8,
    name: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Placement {
    availability_zone: String,
    availability_zone_id: String,
    tenancy: &'static str,
}

#[derive(Debug, Serialize)]
struct Monitoring {
    state: &'static str,
}

#[derive(Debug, Serialize)]
struct Reason {
    code: &'static str,
    message: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MetadataOptions {
    state: &'static str,
    http_tokens: String,
    http_put_response_hop_limit: u32,
    http_endpoint: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct InterfaceItem {
    network_interface_id: String,
    subnet_id: String,
    vpc_id: String,
    status: &'static str,
    private_ip_address: String,
    group_set: Items<GroupItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    association: Option<Association>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Association {
    public_ip: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StateChanges {
    instances_set: Items<StateChangeItem>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StateChangeItem {
    instance_id: String,
    current_state: State,
    previous_state: State,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConsoleOutput {
    instance_id: String,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
}

impl Reservations {
    /// Instances of one launch stand together, as far as they are on one page.
    pub(crate) fn of(account: &str, instances: &[Arc<Instance>], next_token: Option<String>) -> Self {
        let mut ids: Vec<&String> = Vec::new();
        for instance in instances {
            if !ids.contains(&&instance.reservation_id) {
                ids.push(&instance.reservation_id);
            }
        }
        let reservation = |id: &String| {
            let of_it: Vec<_> = instances.iter().filter(|instance| instance.reservation_id == *id).cloned().collect();
            Reservation::of(account, Some(id.clone()), &of_it)
        };
        Self { reservation_set: Items::of(ids, reservation), next_token }
    }
}

impl Reservation {
    pub(crate) fn of(account: &str, id: Option<String>, instances: &[Arc<Instance>]) -> Self {
        Self {
            reservation_id: id.unwrap_or_default(),
            owner_id: account.to_owned(),
            group_set: Items { item: Vec::new() }, // only EC2-Classic had groups here
            instances_set: Items::of(instances, |instance| InstanceItem::of(account, instance)),
        }
    }
}

impl InstanceItem {
    fn of(account: &str, instance: &Instance) -> Self {
        let network = instance.network.as_ref();
        Self {
            instance_id: instance.id.clone(),
            image_id: instance.image_id.clone(),
            instance_state: State::of(instance.state),
            // The lab has no name server; an address that answers is worth more than a name that does not.
            private_dns_name: network.map(|network| network.private_address.to_string()).unwrap_or_default(),
            dns_name: network.and_then(|network| Some(network.public_address?.to_string())).unwrap_or_default(),
            reason: instance.state_reason.as_ref().map(|reason| reason.message.clone()),
            ami_launch_index: instance.launch_index,
            instance_type: instance.instance_type.clone(),
            launch_time: time(instance.launched_at),
            placement: Placement {
                availability_zone: instance.zone.clone(),
                availability_zone_id: instance.zone_id.clone(),
                tenancy: "default",
            },
            monitoring: Monitoring { state: "disabled" },
            subnet_id: network.map(|network| network.subnet_id.clone()),
            vpc_id: network.map(|network| network.vpc_id.clone()),
            private_ip_address: network.map(|network| network.private_address.to_string()),
            ip_address: network.and_then(|network| Some(network.public_address?.to_string())),
            source_dest_check: true,
            group_set: groups(network.map_or(&[], |network| &network.groups)),
            state_reason: instance
                .state_reason
                .as_ref()
                .map(|reason| Reason { code: reason.code, message: format!("{}: {}", reason.code, reason.message) }),
            architecture: instance.architecture.name(),
            root_device_type: "ebs",
            root_device_name: instance.root_device.clone(),
            block_device_mapping: Items::of(&instance.volumes, |volume| MappingItem {
                device_name: volume.device.clone(),
                ebs: Ebs {
                    volume_id: volume.volume_id.clone(),
                    status: "attached",
                    attach_time: time(instance.launched_at),
                    delete_on_termination: volume.delete_on_termination,
                },
            }),
            virtualization_type: "hvm",
            client_token: instance.token.clone(),
            tag_set: tags(&instance.tags),
            // EC2 says xen of Nitro instances too; the truth is in DescribeInstanceTypes.
            hypervisor: "xen",
            network_interface_set: Items::of(network, |network| InterfaceItem {
                network_interface_id: network.interface_id.clone(),
                subnet_id: network.subnet_id.clone(),
                vpc_id: network.vpc_id.clone(),
                status: "in-use",
                private_ip_address: network.private_address.to_string(),
                group_set: groups(&network.groups),
                association: network.public_address.map(|address| Association { public_ip: address.to_string() }),
            }),
            metadata_options: MetadataOptions {
                state: if instance.state == InstanceState::Pending { "pending" } else { "applied" },
                http_tokens: instance.http_tokens.clone(),
                http_put_response_hop_limit: 1,
                http_endpoint: "enabled",
            },
            iam_instance_profile: instance.instance_profile.as_ref().map(|name| InstanceProfile {
                arn: instance_profile_arn(account, name),
                id: instance_profile_id(name),
            }),
        }
    }
}

impl State {
    fn of(state: InstanceState) -> Self {
        let code = match state {
            InstanceState::Pending => 0,
            InstanceState::Running => 16,
            InstanceState::ShuttingDown => 32,
            InstanceState::Terminated => 48,
            InstanceState::Stopping => 64,
            InstanceState::Stopped => 80,
        };
        Self { code, name: state.name() }
    }
}

impl StateChanges {
    pub(crate) fn of(changes: &[StateChange]) -> Self {
        let item = |change: &StateChange| StateChangeItem {
            instance_id: change.id.clone(),
            current_state: State::of(change.current),
            previous_state: State::of(change.previous),
        };
        Self { instances_set: Items::of(changes, item) }
    }
}

impl ConsoleOutput {
    pub(crate) fn of(instance_id: String, console: Console) -> Self {
        Self {
            instance_id,
            timestamp: time(console.written_at),
            output: console.text.map(|text| BASE64.encode(text.as_bytes())),
        }
    }
}
