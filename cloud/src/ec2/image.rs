//! Images: the meaning of an alias, and the images of an answer.

use aws_sdk_ec2::types::{self as sdk, ArchitectureValues, Filter, ImageState};
use planner::ports::{Answer, Architecture, Image, Volume};
use planner::{CloudError, Failure};

use super::filter::{exactly, like};
use crate::sdk::failure::{incomplete, need};

/// An image family: alias, owner, pattern of the names. The owner is part of it because anybody may
/// publish an image of any name.
const ALIASES: &[(&str, &str, &str)] = &[
    // Minimal and ECS variants are named al2023-ami-minimal-... and al2023-ami-ecs-... One kernel line: AWS publishes
    // each release once per kernel at about the same time, and types that are compared must not get different ones.
    ("al2023", "amazon", "al2023-ami-2023.*-kernel-6.1-*"),
];

/// Owner and filters of the images of `alias`; `None` when it is not known.
pub(crate) fn search(alias: &str, architecture: Architecture) -> Option<(&'static str, Vec<Filter>)> {
    let (_, owner, pattern) = ALIASES.iter().find(|(known, ..)| *known == alias)?;
    let filters = vec![
        like("name", pattern),
        exactly("architecture", [architecture.name()]),
        exactly("virtualization-type", ["hvm"]),
        exactly("root-device-type", ["ebs"]),
        exactly("state", ["available"]),
    ];
    Some((owner, filters))
}

/// Whether a look-up by id failed because the image is not there (any more).
pub(crate) fn is_absent(error: &CloudError) -> bool {
    error.failure == Failure::NotFound || error.code == "InvalidAMIID.Unavailable"
}

/// The newest of those that can be launched.
pub(crate) fn newest(found: Vec<sdk::Image>) -> Answer<Option<Image>> {
    // The date is ISO 8601 in UTC with a fixed number of digits: its text sorts as its time does.
    let newest = found
        .into_iter()
        .filter(|image| image.state() == Some(&ImageState::Available))
        .max_by(|one, other| key(one).cmp(&key(other)));
    newest.map(image).transpose()
}

fn key(image: &sdk::Image) -> (Option<&str>, Option<&str>, Option<&str>) {
    (image.creation_date(), image.name(), image.image_id())
}

fn image(from: sdk::Image) -> Answer<Image> {
    let id = need(from.image_id, "id", "an image")?;
    let architecture = match need(from.architecture, "architecture", &id)? {
        ArchitectureValues::X8664 => Architecture::X86_64,
        ArchitectureValues::Arm64 => Architecture::Arm64,
        other => return Err(rejected(format!("the image {id} is for {}; use x86_64 or arm64", other.as_str()))),
    };
    let Some(root_device) = from.root_device_name else {
        return Err(rejected(format!("the image {id} has no root device; use one backed by EBS")));
    };
    let mut volumes = volumes(&id, from.block_device_mappings.unwrap_or_default())?;
    let Some(root) = volumes.iter().position(|volume| volume.device == root_device) else {
        return Err(rejected(format!(
            "the root device of the image {id} is no EBS volume; use an image backed by EBS"
        )));
    };
    let root_gib = volumes.remove(root).gib;
    Ok(Image { name: from.name.unwrap_or_default(), architecture, root_device, root_gib, volumes, id })
}

/// The EBS volumes of an image by device name, with or without a snapshot behind them. Left out is what makes no volume:
/// an instance store (`ephemeral0`), which ends with its instance, and a device that is suppressed (EC2 API reference,
/// BlockDeviceMapping: VirtualName, NoDevice).
fn volumes(image: &str, mappings: Vec<sdk::BlockDeviceMapping>) -> Answer<Vec<Volume>> {
    let mut volumes = Vec::new();
    for mapping in mappings.into_iter().filter(|mapping| mapping.no_device.is_none()) {
        let Some(ebs) = mapping.ebs else { continue };
        let device = need(mapping.device_name, "device name of a volume", image)?;
        let gib = need(ebs.volume_size, "size of a volume", image)?;
        let gib = u32::try_from(gib).map_err(|_| incomplete(format_args!("{image} with a volume of {gib} GiB")))?;
        volumes.push(Volume { device, gib });
    }
    volumes.sort();
    Ok(volumes)
}

fn rejected(message: String) -> CloudError {
    CloudError::new(Failure::Rejected, "InvalidParameterValue", message)
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::builders::ImageBuilder;
    use aws_sdk_ec2::types::{BlockDeviceMapping, EbsBlockDevice};

    use super::*;

    fn built(id: &str, date: &str) -> ImageBuilder {
        let volume = EbsBlockDevice::builder().volume_size(8).build();
        sdk::Image::builder()
            .image_id(id)
            .name("al2023-ami-2023.1")
            .creation_date(date)
            .state(ImageState::Available)
            .architecture(ArchitectureValues::Arm64)
            .root_device_name("/dev/xvda")
            .block_device_mappings(BlockDeviceMapping::builder().device_name("/dev/xvda").ebs(volume).build())
    }

    #[test]
    fn the_newest_available_one_is_taken() {
        let images = vec![
            built("ami-2", "2026-03-01T00:00:00.000Z").build(),
            built("ami-4", "2026-10-01T00:00:00.000Z").state(ImageState::Pending).build(),
            built("ami-3", "2026-09-01T00:00:00.000Z").build(),
            built("ami-1", "2026-09-01T00:00:00.000Z").build(),
        ];
        let image = newest(images).unwrap().unwrap();
        assert_eq!((image.id.as_str(), image.root_gib), ("ami-3", 8));
        assert_eq!(image.architecture, Architecture::Arm64);
        assert_eq!(newest(vec![]).unwrap(), None);
    }

    /// Such an image is made by CreateImage of an instance with a data volume.
    #[test]
    fn every_volume_is_known_and_nothing_that_is_none() {
        let volume = |gib, snapshot: Option<&str>| {
            let kept = EbsBlockDevice::builder().volume_size(gib).delete_on_termination(false);
            kept.set_snapshot_id(snapshot.map(str::to_owned)).build()
        };
        let on = |device: &str| BlockDeviceMapping::builder().device_name(device);
        let image = built("ami-1", "2026-03-01T00:00:00.000Z")
            .block_device_mappings(on("/dev/sdg").ebs(volume(500, None)).build())
            .block_device_mappings(on("/dev/sdf").ebs(volume(100, Some("snap-1"))).build())
            .block_device_mappings(on("/dev/sdb").virtual_name("ephemeral0").build())
            .block_device_mappings(on("/dev/sdh").no_device("").ebs(volume(1, None)).build())
            .build();
        let image = newest(vec![image]).unwrap().unwrap();
        let volumes: Vec<_> = image.volumes.iter().map(|volume| (volume.device.as_str(), volume.gib)).collect();
        assert_eq!((image.root_gib, volumes), (8, vec![("/dev/sdf", 100), ("/dev/sdg", 500)]));

        let sizeless = on("/dev/sdf").ebs(EbsBlockDevice::builder().build()).build();
        let image = built("ami-1", "2026-03-01T00:00:00.000Z").block_device_mappings(sizeless).build();
        assert_eq!(newest(vec![image]).unwrap_err().failure, Failure::Unreachable);
    }

    #[test]
    fn an_image_that_cannot_boot_ours_is_refused_with_its_name() {
        let date = "2026-03-01T00:00:00.000Z";
        for bad in [
            built("ami-1", date).architecture(ArchitectureValues::I386).build(),
            built("ami-1", date).set_root_device_name(None).build(),
            built("ami-1", date).set_block_device_mappings(None).build(),
        ] {
            let error = newest(vec![bad]).unwrap_err();
            assert_eq!(error.failure, Failure::Rejected);
            assert!(error.message.contains("ami-1"), "{error}");
        }
    }
}
