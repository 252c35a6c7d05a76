//! Instances of an answer.

use std::net::Ipv4Addr;

use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types as sdk;
use jiff::Timestamp;
use planner::ports::{Answer, Instance, InstanceState};

use super::tags;
use crate::sdk::failure::{incomplete, need};

/// All instances of some reservations. One that cannot be read spoils the answer: leaving it out would make a
/// shorter list.
pub(crate) fn all(reservations: Option<Vec<sdk::Reservation>>) -> Answer<Vec<Instance>> {
    reservations
        .unwrap_or_default()
        .into_iter()
        .flat_map(|one| one.instances.unwrap_or_default())
        .map(instance)
        .collect()
}

pub(crate) fn instance(from: sdk::Instance) -> Answer<Instance> {
    let id = need(from.instance_id.filter(|id| !id.is_empty()), "id", "an instance")?;
    let state = state(&id, from.state)?;
    // Terminated instances lose fields one by one until they vanish; only live ones must have them all.
    let kept = |value: Option<String>, field| match value {
        None if state.is_dead() => Ok(String::new()),
        value => need(value, field, &id),
    };
    Ok(Instance {
        instance_type: kept(from.instance_type.map(|name| name.as_str().to_owned()), "type")?,
        image_id: kept(from.image_id, "image")?,
        zone: kept(from.placement.and_then(|placement| placement.availability_zone), "zone")?,
        subnet_id: from.subnet_id.filter(|subnet| !subnet.is_empty()),
        private_address: address(&id, from.private_ip_address)?,
        public_address: address(&id, from.public_ip_address)?,
        group_ids: from.security_groups.unwrap_or_default().into_iter().filter_map(|group| group.group_id).collect(),
        launched_at: launched_at(&id, from.launch_time)?,
        tags: tags::of(from.tags),
        state_reason: from.state_reason.and_then(reason),
        token: from.client_token.filter(|token| !token.is_empty()),
        state,
        id,
    })
}

fn state(id: &str, state: Option<sdk::InstanceState>) -> Answer<InstanceState> {
    match need(state.and_then(|state| state.name), "state", id)? {
        sdk::InstanceStateName::Pending => Ok(InstanceState::Pending),
        sdk::InstanceStateName::Running => Ok(InstanceState::Running),
        sdk::InstanceStateName::ShuttingDown => Ok(InstanceState::ShuttingDown),
        sdk::InstanceStateName::Terminated => Ok(InstanceState::Terminated),
        sdk::InstanceStateName::Stopping => Ok(InstanceState::Stopping),
        sdk::InstanceStateName::Stopped => Ok(InstanceState::Stopped),
        other => Err(incomplete(format_args!("{id} in the unknown state `{}`", other.as_str()))),
    }
}

fn address(id: &str, text: Option<String>) -> Answer<Option<Ipv4Addr>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| incomplete(format_args!("{id} with the address `{text}`")))
}

fn launched_at(id: &str, time: Option<DateTime>) -> Answer<Timestamp> {
    let time = need(time, "launch time", id)?;
    Timestamp::from_nanosecond(time.as_nanos()).map_err(|_| incomplete(format_args!("{id} launched at {time}")))
}

/// EC2's messages begin with their code most of the time, and not always.
fn reason(from: sdk::StateReason) -> Option<String> {
    match (from.code.filter(|code| !code.is_empty()), from.message.filter(|message| !message.is_empty())) {
        (Some(code), Some(message)) if message.starts_with(&code) => Some(message),
        (Some(code), Some(message)) => Some(format!("{code}: {message}")),
        (code, message) => code.or(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> sdk::builders::InstanceBuilder {
        sdk::Instance::builder()
            .instance_id("i-1")
            .state(sdk::InstanceState::builder().name(sdk::InstanceStateName::Running).build())
            .instance_type(sdk::InstanceType::from("t2.micro"))
            .image_id("ami-1")
            .launch_time(DateTime::from_secs(1_000))
            .placement(sdk::Placement::builder().availability_zone("eu-west-1a").build())
    }

    #[test]
    fn a_whole_instance_is_read() {
        let from = whole()
            .private_ip_address("10.0.0.5")
            .client_token("token")
            .tags(sdk::Tag::builder().key("a").value("b").build())
            .security_groups(sdk::GroupIdentifier::builder().group_id("sg-1").build())
            .state_reason(sdk::StateReason::builder().code("pending").message("pending").build())
            .build();
        let read = instance(from).unwrap();
        assert_eq!(read.id, "i-1");
        assert_eq!(read.state, InstanceState::Running);
        assert_eq!(read.private_address, Some(Ipv4Addr::new(10, 0, 0, 5)));
        assert_eq!(read.public_address, None);
        assert_eq!(read.launched_at.as_second(), 1_000);
        assert_eq!(read.tags["a"], "b");
        assert_eq!(read.group_ids, ["sg-1"]);
        assert_eq!(read.state_reason.as_deref(), Some("pending"));
    }

    #[test]
    fn one_without_id_or_state_spoils_the_answer() {
        let unreadable = [
            whole().set_instance_id(None).build(),
            whole().instance_id("").build(),
            whole().set_state(None).build(),
            whole().state(sdk::InstanceState::builder().code(16).build()).build(),
            whole().state(sdk::InstanceState::builder().name("melting".into()).build()).build(),
            whole().set_launch_time(None).build(),
            whole().set_image_id(None).build(),
            whole().private_ip_address("10.0.0").build(),
        ];
        for bad in unreadable {
            let reservation = sdk::Reservation::builder().instances(whole().build()).instances(bad.clone()).build();
            let error = all(Some(vec![reservation])).unwrap_err();
            assert_eq!((error.failure, error.code.as_str()), (planner::Failure::Unreachable, "Incomplete"), "{bad:?}");
        }
    }

    #[test]
    fn the_dead_may_lack_what_they_lose() {
        let dead = whole()
            .state(sdk::InstanceState::builder().name(sdk::InstanceStateName::Terminated).build())
            .set_placement(None)
            .set_image_id(None)
            .state_reason(sdk::StateReason::builder().code("Server.InternalError").message("Broken").build())
            .build();
        let read = instance(dead).unwrap();
        assert_eq!(read.zone, "");
        assert_eq!(read.state_reason.as_deref(), Some("Server.InternalError: Broken"));
    }
}
