//! Volumes: made with an instance, gone or left with it.
//!
//! An image says which volumes an instance gets; a launch may say otherwise of each device, and what it does not say
//! stays as in the image (EC2 user guide, "Block device mappings for volumes on Amazon EC2 instances"). When the instance
//! is gone, a volume whose DeleteOnTermination is false is `available` and billed ("Preserve data when an instance is
//! terminated"; kubernetes-on-aws#2241, terraform-provider-aws#28648).

use std::collections::BTreeMap;

use jiff::Timestamp;
use planner::owner::Tags;
use rand::RngExt;

use super::Ec2;
use super::images::{Image, Mapping, Store};
use super::instance::{BlockDevice, InstanceVolume, RunInstances};
use crate::engine::audit::Origin;
use crate::engine::error::{Outcome, SimError};
use crate::engine::query::{Filtered, Page, Query, accepts, check, flag};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    pub id: String,
    pub origin: Origin,
    pub zone: String,
    pub gib: u32,
    /// Such as `gp3`.
    pub volume_type: String,
    pub encrypted: bool,
    /// The snapshot it was made of; nothing: it was empty.
    pub snapshot_id: Option<String>,
    pub created_at: Timestamp,
    pub attached: Option<Attachment>,
    pub tags: Tags,
}

/// The attachment of a volume to an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    pub instance_id: String,
    pub device: String,
    pub delete_on_termination: bool,
}

impl Volume {
    /// EC2's own name.
    pub fn state(&self) -> &'static str {
        if self.attached.is_some() { "in-use" } else { "available" }
    }
}

/// A volume before it is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Wanted {
    gib: u32,
    volume_type: Option<String>,
    encrypted: bool,
    snapshot_id: Option<String>,
    delete_on_termination: bool,
}

/// The volumes that an instance gets, by device.
fn wanted(image: &Image, request: &RunInstances) -> Outcome<BTreeMap<String, Wanted>> {
    let root = Wanted { gib: image.root_gib, delete_on_termination: true, ..Wanted::default() };
    let mut all = BTreeMap::from([(image.root_device.clone(), root)]);
    for Mapping { device, store } in &image.mappings {
        // An instance store is no volume, and ends with its instance.
        let Store::Volume { gib, snapshot_id, delete_on_termination } = store else { continue };
        let delete_on_termination = *delete_on_termination;
        let of_image =
            Wanted { gib: *gib, snapshot_id: snapshot_id.clone(), delete_on_termination, ..Wanted::default() };
        all.insert(device.clone(), of_image);
    }
    for asked in &request.block_devices {
        overlay(&mut all, image, asked)?;
    }
    Ok(all)
}

fn overlay(all: &mut BTreeMap<String, Wanted>, image: &Image, asked: &BlockDevice) -> Outcome<()> {
    let device = &asked.device_name;
    let wrong = |what: String| Err(SimError::new("InvalidBlockDeviceMapping", what));
    if asked.no_device {
        // EC2 does not boot without its root.
        if *device == image.root_device {
            return wrong(format!("The device '{device}' is the root device and cannot be suppressed"));
        }
        all.remove(device);
        return Ok(());
    }
    // Of a device that only the request knows the default is an empty volume that stays.
    let before = all.remove(device).unwrap_or_default();
    let gib = asked.size_gib.unwrap_or(before.gib);
    if gib == 0 {
        return Err(SimError::missing("VolumeSize"));
    }
    if gib < before.gib && (before.snapshot_id.is_some() || *device == image.root_device) {
        return wrong(format!("Volume of size {gib}GB is smaller than snapshot, expect size >= {}GB", before.gib));
    }
    let volume = Wanted {
        gib,
        volume_type: asked.volume_type.clone().or(before.volume_type),
        encrypted: asked.encrypted.unwrap_or(before.encrypted),
        snapshot_id: before.snapshot_id,
        delete_on_termination: asked.delete_on_termination.unwrap_or(before.delete_on_termination),
    };
    all.insert(device.clone(), volume);
    Ok(())
}

/// Whether the volumes of a launch can be made.
pub(crate) fn check_volumes(image: &Image, request: &RunInstances) -> Outcome<()> {
    wanted(image, request).map(drop)
}

impl Ec2<'_> {
    /// Makes the volumes of a new instance, by device.
    pub(crate) fn make_volumes(
        &mut self,
        image: &Image,
        request: &RunInstances,
        instance: (&str, Origin),
        zone: &str,
    ) -> Vec<InstanceVolume> {
        let (instance_id, origin) = instance;
        let mut made = Vec::new();
        for (device, volume) in wanted(image, request).unwrap_or_default() {
            let number: u64 = self.state.random.volume_ids.random();
            let id = format!("vol-0{number:016x}");
            let delete_on_termination = volume.delete_on_termination;
            made.push(InstanceVolume { device: device.clone(), volume_id: id.clone(), delete_on_termination });
            let volume = Volume {
                id: id.clone(),
                origin,
                zone: zone.to_owned(),
                gib: volume.gib,
                volume_type: volume.volume_type.unwrap_or_else(|| "gp2".into()), // EC2's own default
                encrypted: volume.encrypted,
                snapshot_id: volume.snapshot_id,
                created_at: self.engine.now(),
                attached: Some(Attachment { instance_id: instance_id.to_owned(), device, delete_on_termination }),
                tags: request.tags_of("volume"),
            };
            self.state.volumes.insert(id, volume);
        }
        made
    }

    /// Deletes or leaves behind the volumes of an instance that is terminated.
    pub(crate) fn release_volumes(&mut self, instance_id: &str) {
        let mut left = Vec::new();
        self.state.volumes.retain(|id, volume| {
            let Some(attached) = volume.attached.take_if(|attached| attached.instance_id == instance_id) else {
                return true;
            };
            if !attached.delete_on_termination {
                left.push(format!("{id} of {instance_id} stays: {} GiB at {}", volume.gib, attached.device));
            }
            !attached.delete_on_termination
        });
        left.into_iter().for_each(|what| self.engine.tell(what));
    }

    /// DescribeVolumes.
    pub fn describe_volumes(&mut self, query: &Query) -> Outcome<Page<Volume>> {
        check::<Volume>(&query.filters)?;
        self.list(query, |sim, query| {
            let here = |id: &String| sim.state.volumes.get(id).filter(|_| !sim.is_elsewhere());
            if let Some(id) = query.ids.iter().find(|id| here(id).is_none()) {
                return Err(SimError::new("InvalidVolume.NotFound", format!("The volume '{id}' does not exist.")));
            }
            let is_asked = |id: &String| query.ids.is_empty() || query.ids.contains(id);
            let all = sim.state.volumes.iter().filter(|(id, _)| is_asked(id) && !sim.is_elsewhere());
            Ok(all.map(|(_, volume)| volume).filter(|volume| accepts(&query.filters, *volume)).cloned().collect())
        })
    }
}

impl Filtered for Volume {
    const FILTERS: &'static [&'static str] = &[
        "volume-id",
        "status",
        "availability-zone",
        "volume-type",
        "encrypted",
        "size",
        "snapshot-id",
        "attachment.instance-id",
        "attachment.device",
        "attachment.delete-on-termination",
    ];

    fn any(&self, filter: &str, is: &dyn Fn(&str) -> bool) -> bool {
        let attached = self.attached.as_ref();
        match filter {
            "volume-id" => is(&self.id),
            "status" => is(self.state()),
            "availability-zone" => is(&self.zone),
            "volume-type" => is(&self.volume_type),
            "encrypted" => is(flag(self.encrypted)),
            "size" => is(&self.gib.to_string()),
            "snapshot-id" => self.snapshot_id.as_deref().is_some_and(is),
            "attachment.instance-id" => attached.is_some_and(|one| is(&one.instance_id)),
            "attachment.device" => attached.is_some_and(|one| is(&one.device)),
            _ => attached.is_some_and(|one| is(flag(one.delete_on_termination))),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}
