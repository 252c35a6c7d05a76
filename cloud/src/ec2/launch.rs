//! The RunInstances call: what a [`LaunchRequest`] says, in EC2's words.

use aws_sdk_ec2::operation::run_instances::builders::RunInstancesInputBuilder;
use aws_sdk_ec2::types::{
    BlockDeviceMapping, CreditSpecificationRequest, EbsBlockDevice, HttpTokensState, IamInstanceProfileSpecification,
    InstanceMetadataEndpointState, InstanceMetadataOptionsRequest, InstanceNetworkInterfaceSpecification, InstanceType,
    ResourceType, ShutdownBehavior, VolumeType,
};
use data_encoding::BASE64;
use planner::ports::{Addressing, Answer, Credits, LaunchRequest};
use planner::{CloudError, Failure};

use super::tags;

/// The request. Equal launches give equal bytes on the wire: nothing here is read from a clock, a setting or chance.
pub(crate) fn request(launch: &LaunchRequest) -> Answer<RunInstancesInputBuilder> {
    let count = number(launch.count, "count")?;
    let input = RunInstancesInputBuilder::default()
        .client_token(&launch.token)
        .min_count(count)
        .max_count(count)
        .image_id(&launch.image_id)
        .instance_type(InstanceType::from(launch.instance_type.as_str()))
        .network_interfaces(interface(launch))
        .set_block_device_mappings(Some(volumes(launch)?))
        .user_data(BASE64.encode(launch.user_data.as_bytes()))
        .metadata_options(metadata())
        // An instance that shuts itself down must not stay, stopped and paid for its volume.
        .instance_initiated_shutdown_behavior(ShutdownBehavior::Terminate)
        .set_iam_instance_profile(launch.instance_profile.as_deref().map(instance_profile))
        .set_credit_specification(launch.credits.map(credits))
        .tag_specifications(tags::on(ResourceType::Instance, &launch.tags))
        .tag_specifications(tags::on(ResourceType::Volume, &launch.tags))
        .tag_specifications(tags::on(ResourceType::NetworkInterface, &launch.tags));
    Ok(input)
}

/// Subnet and groups stand here and not at the top level: EC2 wants that of a request that says anything about
/// public addresses.
fn interface(launch: &LaunchRequest) -> InstanceNetworkInterfaceSpecification {
    InstanceNetworkInterfaceSpecification::builder()
        .device_index(0)
        .subnet_id(&launch.subnet_id)
        .set_groups(Some(launch.group_ids.clone()))
        .associate_public_ip_address(launch.public_address == Addressing::Public)
        .delete_on_termination(true)
        .build()
}

/// Every volume of the image: its own mapping may keep the volume after termination and leave it unencrypted, and holds
/// for each device that the request does not name.
fn volumes(launch: &LaunchRequest) -> Answer<Vec<BlockDeviceMapping>> {
    let others = launch.volumes.iter().map(|volume| mapping(&volume.device, volume.gib));
    std::iter::once(mapping(&launch.root_device, launch.root_gib)).chain(others).collect()
}

/// The image says what the volume is made of: a snapshot, or nothing.
fn mapping(device: &str, gib: u32) -> Answer<BlockDeviceMapping> {
    let volume = EbsBlockDevice::builder()
        .volume_type(VolumeType::Gp3)
        .volume_size(number(gib, "size of a volume")?)
        .encrypted(true)
        .delete_on_termination(true)
        .build();
    Ok(BlockDeviceMapping::builder().device_name(device).ebs(volume).build())
}

/// Metadata by session tokens only, and not across a hop: neither a container with a network of its own nor a request forged
/// through the worker can read it.
fn metadata() -> InstanceMetadataOptionsRequest {
    InstanceMetadataOptionsRequest::builder()
        .http_endpoint(InstanceMetadataEndpointState::Enabled)
        .http_tokens(HttpTokensState::Required)
        .http_put_response_hop_limit(1)
        .build()
}

/// The profile by its name: its ARN would hold the account, which a launch does not know.
fn instance_profile(name: &str) -> IamInstanceProfileSpecification {
    IamInstanceProfileSpecification::builder().name(name).build()
}

fn credits(credits: Credits) -> CreditSpecificationRequest {
    let name = match credits {
        Credits::Standard => "standard",
        Credits::Unlimited => "unlimited",
    };
    CreditSpecificationRequest::builder().cpu_credits(name).build()
}

fn number(value: u32, field: &str) -> Answer<i32> {
    i32::try_from(value).map_err(|_| {
        CloudError::new(Failure::Rejected, "InvalidParameterValue", format!("{field} {value} is too large"))
    })
}
