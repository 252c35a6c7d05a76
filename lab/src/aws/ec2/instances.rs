//! RunInstances, DescribeInstances, StartInstances, StopInstances, TerminateInstances, GetConsoleOutput.

use std::sync::Arc;

use cloudsim::ec2::{
    About, Action, BlockDevice, Ec2, InterfaceRequest, RunInstances, Shutdown, StateChange, instance_profile_arn,
};
use cloudsim::{Call, Outcome, SimError};
use data_encoding::BASE64;
use planner::owner::Tags;

use super::instance_xml::{ConsoleOutput, Reservation, Reservations, StateChanges};
use crate::aws::exchange::{Exchange, Sent, not_simulated};
use crate::aws::protocol::query::{Params, missing};

pub(crate) fn run(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let account = exchange.account.clone();
    let request = Arc::new(run_request(&mut exchange.params, &account)?);
    let (about, asked) = (About::Launch(request.clone()), request.clone());
    exchange.carry_out_or_check(
        |call| Call { about: about.into(), ..call },
        |sim, now| sim.ec2(now).check_launch(&asked),
        move |sim, now| sim.ec2(now).run_instances(&request),
        |made| Reservation::of(&account, made.first().map(|first| first.reservation_id.clone()), &made),
    )
}

pub(crate) fn describe(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let account = exchange.account.clone();
    let query = exchange.params.query("InstanceId")?;
    exchange.params.is_set("IncludeManagedResources")?;
    let is_bare = query.is_bare();
    exchange.carry_out(
        |call| call.bare(is_bare),
        move |sim, now| sim.ec2(now).describe_instances(&query),
        |page| Reservations::of(&account, &page.items, page.next_token),
    )
}

pub(crate) fn start(exchange: Exchange<'_>) -> Outcome<Sent> {
    change(exchange, Action::StartInstances, |ec2, ids| ec2.start_instances(ids))
}

/// Always with a shutdown of the operating system, and never into hibernation.
pub(crate) fn stop(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    for other in ["Force", "Hibernate", "SkipOsShutdown"] {
        check_fixed(&mut exchange.params, other, "false")?;
    }
    change(exchange, Action::StopInstances, |ec2, ids| ec2.stop_instances(ids))
}

pub(crate) fn terminate(exchange: Exchange<'_>) -> Outcome<Sent> {
    change(exchange, Action::TerminateInstances, |ec2, ids| ec2.terminate_instances(ids))
}

/// Changes the state of the instances that the call names.
fn change(
    mut exchange: Exchange<'_>,
    action: Action,
    change: fn(&mut Ec2<'_>, &[String]) -> Outcome<Vec<StateChange>>,
) -> Outcome<Sent> {
    let ids = exchange.params.texts("InstanceId");
    let about = About::Instances(action, ids.clone());
    exchange.carry_out(
        |call| Call { about: about.into(), ..call },
        move |sim, now| change(&mut sim.ec2(now), &ids),
        |changes| StateChanges::of(&changes),
    )
}

pub(crate) fn console(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let id = exchange.params.need("InstanceId")?;
    let latest = exchange.params.is_set("Latest")?;
    let asked = id.clone();
    exchange.served.refresh_console(&id);
    let about = About::Instances(Action::GetConsoleOutput, vec![id.clone()]);
    exchange.carry_out(
        |call| Call { about: about.into(), ..call },
        move |sim, now| sim.ec2(now).console_output(&id, latest),
        |console| ConsoleOutput::of(asked, console),
    )
}

fn run_request(params: &mut Params, account: &str) -> Outcome<RunInstances> {
    let count = |params: &mut Params, name: &str| params.value(name)?.ok_or_else(|| missing(name));
    if let Some(key) = params.text("KeyName") {
        return Err(SimError::new("InvalidKeyPair.NotFound", format!("The key pair '{key}' does not exist")));
    }
    check_fixed(params, "Placement.Tenancy", "default")?;
    check_fixed(params, "MetadataOptions.HttpEndpoint", "enabled")?;
    check_fixed(params, "Monitoring.Enabled", "false")?;
    check_fixed(params, "DisableApiTermination", "false")?;
    // Every type of the catalogue is as optimised for EBS as it can be.
    params.is_set("EbsOptimized")?;
    Ok(RunInstances {
        image_id: params.need("ImageId")?,
        instance_type: params.text("InstanceType").unwrap_or_else(|| "m1.small".into()), // EC2's own default
        min_count: count(params, "MinCount")?,
        max_count: count(params, "MaxCount")?,
        client_token: params.text("ClientToken"),
        user_data: user_data(params)?,
        subnet_id: params.text("SubnetId"),
        zone: params.text("Placement.AvailabilityZone"),
        group_ids: params.texts("SecurityGroupId"),
        interface: interface(params)?,
        block_devices: block_devices(params)?,
        tags: tags(params)?,
        http_tokens: params.text("MetadataOptions.HttpTokens"),
        http_put_response_hop_limit: params.value("MetadataOptions.HttpPutResponseHopLimit")?,
        instance_profile: instance_profile(params, account)?,
        cpu_credits: params.text("CreditSpecification.CpuCredits"),
        shutdown: shutdown(params)?,
    })
}

/// A parameter that may be given, but only with the value that everything here has.
fn check_fixed(params: &mut Params, name: &str, only: &str) -> Outcome<()> {
    match params.text(name) {
        Some(value) if value != only => Err(not_simulated(name, &value)),
        _ => Ok(()),
    }
}

fn user_data(params: &mut Params) -> Outcome<String> {
    let Some(encoded) = params.text("UserData") else { return Ok(String::new()) };
    let wrong = || SimError::new("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data");
    let bytes = BASE64.decode(encoded.as_bytes()).map_err(|_| wrong())?;
    String::from_utf8(bytes).map_err(|_| not_simulated("UserData", "bytes that are no text"))
}

/// The profile by name or by ARN, of which one may be given.
fn instance_profile(params: &mut Params, account: &str) -> Outcome<Option<String>> {
    let name = params.text("IamInstanceProfile.Name");
    let Some(arn) = params.text("IamInstanceProfile.Arn") else { return Ok(name) };
    if name.is_some() {
        let message =
            "The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'";
        return Err(SimError::new("InvalidParameterCombination", message));
    }
    match arn.strip_prefix(&instance_profile_arn(account, "")) {
        Some(name) => Ok(Some(name.to_owned())),
        None => {
            let message = format!(
                "Value ({arn}) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN"
            );
            Err(SimError::new("InvalidParameterValue", message))
        }
    }
}

fn interface(params: &mut Params) -> Outcome<Option<InterfaceRequest>> {
    let items = params.items("NetworkInterface");
    let [item] = items.as_slice() else {
        return match items.len() {
            0 => Ok(None),
            count => Err(not_simulated("NetworkInterface", &format!("{count} interfaces"))),
        };
    };
    Ok(Some(InterfaceRequest {
        device_index: params.value(&format!("{item}.DeviceIndex"))?.ok_or_else(|| missing("DeviceIndex"))?,
        subnet_id: params.text(&format!("{item}.SubnetId")),
        group_ids: params.texts(&format!("{item}.SecurityGroupId")),
        associate_public_address: params.value(&format!("{item}.AssociatePublicIpAddress"))?,
        delete_on_termination: params.value(&format!("{item}.DeleteOnTermination"))?,
    }))
}

fn block_devices(params: &mut Params) -> Outcome<Vec<BlockDevice>> {
    let items = params.items("BlockDeviceMapping");
    items
        .iter()
        .map(|item| {
            Ok(BlockDevice {
                device_name: params.need(&format!("{item}.DeviceName"))?,
                volume_type: params.text(&format!("{item}.Ebs.VolumeType")),
                size_gib: params.value(&format!("{item}.Ebs.VolumeSize"))?,
                encrypted: params.value(&format!("{item}.Ebs.Encrypted"))?,
                delete_on_termination: params.value(&format!("{item}.Ebs.DeleteOnTermination"))?,
                no_device: params.is_there(&format!("{item}.NoDevice")),
            })
        })
        .collect()
}

fn tags(params: &mut Params) -> Outcome<Vec<(String, Tags)>> {
    let tags = params.tag_specifications()?;
    match tags.iter().find(|(kind, _)| !["instance", "volume", "network-interface"].contains(&kind.as_str())) {
        Some((kind, _)) => {
            Err(SimError::new("InvalidParameterValue", format!("'{kind}' is not a valid taggable resource type")))
        }
        None => Ok(tags),
    }
}

fn shutdown(params: &mut Params) -> Outcome<Shutdown> {
    match params.text("InstanceInitiatedShutdownBehavior").as_deref() {
        None | Some("stop") => Ok(Shutdown::Stop),
        Some("terminate") => Ok(Shutdown::Terminate),
        Some(other) => Err(SimError::new(
            "InvalidParameterValue",
            format!("Value ({other}) for parameter instanceInitiatedShutdownBehavior is invalid."),
        )),
    }
}
