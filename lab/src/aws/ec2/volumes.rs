//! DescribeVolumes.

use cloudsim::Outcome;
use cloudsim::ec2::{Attachment, Volume};
use serde::Serialize;

use super::shapes::{Items, Tag, tags, time};
use crate::aws::exchange::{Exchange, Sent};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Volumes {
    volume_set: Items<VolumeItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct VolumeItem {
    volume_id: String,
    size: u32,
    snapshot_id: String,
    availability_zone: String,
    status: &'static str,
    create_time: String,
    attachment_set: Items<AttachmentItem>,
    volume_type: String,
    encrypted: bool,
    tag_set: Items<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AttachmentItem {
    volume_id: String,
    instance_id: String,
    device: String,
    status: &'static str,
    attach_time: String,
    delete_on_termination: bool,
}

pub(crate) fn describe(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let query = exchange.params.query("VolumeId")?;
    let is_bare = query.is_bare();
    exchange.carry_out(
        |call| call.bare(is_bare),
        move |sim, now| sim.ec2(now).describe_volumes(&query),
        |page| Volumes { volume_set: Items::of(page.items, VolumeItem::of), next_token: page.next_token },
    )
}

impl VolumeItem {
    fn of(volume: Volume) -> Self {
        let (status, create_time) = (volume.state(), time(volume.created_at));
        let attachment = |one: Attachment| AttachmentItem {
            volume_id: volume.id.clone(),
            instance_id: one.instance_id,
            device: one.device,
            status: "attached",
            attach_time: create_time.clone(),
            delete_on_termination: one.delete_on_termination,
        };
        Self {
            attachment_set: Items::of(volume.attached, attachment),
            volume_id: volume.id,
            size: volume.gib,
            // EC2 writes an empty one.
            snapshot_id: volume.snapshot_id.unwrap_or_default(),
            availability_zone: volume.zone,
            status,
            create_time,
            volume_type: volume.volume_type,
            encrypted: volume.encrypted,
            tag_set: tags(&volume.tags),
        }
    }
}
