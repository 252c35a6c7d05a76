//! The catalog of what may be launched: DescribeImages, DescribeInstanceTypes, DescribeInstanceTypeOfferings.

use cloudsim::ec2::{Image, LocationType, Mapping, Store};
use cloudsim::{Outcome, Page, SimError};
use planner::ports::{Burstable, Hypervisor, InstanceType};
use serde::Serialize;

use super::shapes::{Items, Tag, tags};
use crate::aws::exchange::{Exchange, Sent};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Images {
    images_set: Items<ImageItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageItem {
    image_id: String,
    image_location: String,
    image_state: &'static str,
    image_owner_id: String,
    image_owner_alias: String,
    creation_date: String,
    is_public: bool,
    architecture: &'static str,
    image_type: &'static str,
    name: String,
    root_device_type: &'static str,
    root_device_name: String,
    block_device_mapping: Items<MappingItem>,
    virtualization_type: &'static str,
    hypervisor: &'static str,
    ena_support: bool,
    imds_support: &'static str,
    tag_set: Items<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MappingItem {
    device_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    virtual_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ebs: Option<Volume>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Volume {
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_id: Option<String>,
    volume_size: u32,
    volume_type: &'static str,
    delete_on_termination: bool,
    encrypted: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Types {
    instance_type_set: Items<TypeItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TypeItem {
    instance_type: String,
    current_generation: bool,
    free_tier_eligible: bool,
    bare_metal: bool,
    hypervisor: &'static str,
    processor_info: ProcessorInfo,
    v_cpu_info: VCpuInfo,
    memory_info: MemoryInfo,
    burstable_performance_supported: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ProcessorInfo {
    supported_architectures: Items<&'static str>,
}

#[derive(Debug, Serialize)]
struct VCpuInfo {
    #[serde(rename = "defaultVCpus")]
    default_vcpus: u32,
}

#[derive(Debug, Serialize)]
struct MemoryInfo {
    #[serde(rename = "sizeInMiB")]
    size_in_mib: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Offerings {
    instance_type_offering_set: Items<OfferingItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OfferingItem {
    instance_type: String,
    location_type: &'static str,
    location: String,
}

pub(crate) fn images(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let query = exchange.params.query("ImageId")?;
    let owners = exchange.params.texts("Owner");
    // None of the images is deprecated or disabled.
    exchange.params.is_set("IncludeDeprecated")?;
    exchange.params.is_set("IncludeDisabled")?;
    exchange.carry_out(
        |call| call,
        move |sim, now| sim.ec2(now).describe_images(&query, &owners),
        |page: Page<Image>| Images { images_set: Items::of(page.items, ImageItem::of), next_token: page.next_token },
    )
}

pub(crate) fn instance_types(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let query = exchange.params.query("InstanceType")?;
    exchange.carry_out(
        |call| call,
        move |sim, now| sim.ec2(now).describe_instance_types(&query),
        |page| Types { instance_type_set: Items::of(page.items, TypeItem::of), next_token: page.next_token },
    )
}

pub(crate) fn offerings(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    // There is no list of ids here; the name below is never sent.
    let query = exchange.params.query("InstanceTypeOfferingId")?;
    let asked = exchange.params.text("LocationType").unwrap_or_else(|| "region".into());
    let (by, location_type) = match asked.as_str() {
        "region" => (LocationType::Region, "region"),
        "availability-zone" => (LocationType::Zone, "availability-zone"),
        "availability-zone-id" => (LocationType::ZoneId, "availability-zone-id"),
        other => {
            let message = format!("Invalid value '{other}' for locationType.");
            return Err(SimError::new("InvalidParameterValue", message));
        }
    };
    exchange.carry_out(
        |call| call,
        move |sim, now| sim.ec2(now).describe_instance_type_offerings(&query, by),
        |page| Offerings {
            instance_type_offering_set: Items::of(page.items, |offering| OfferingItem {
                instance_type: offering.instance_type,
                location_type,
                location: offering.location,
            }),
            next_token: page.next_token,
        },
    )
}

impl ImageItem {
    fn of(image: Image) -> Self {
        let root = Store::Volume { gib: image.root_gib, snapshot_id: None, delete_on_termination: true };
        let root = Mapping { device: image.root_device.clone(), store: root };
        let mappings = Items::of(std::iter::once(root).chain(image.mappings), MappingItem::of);
        Self {
            image_location: format!("{}/{}", image.owner_alias, image.name),
            image_id: image.id,
            image_state: "available",
            image_owner_id: image.owner_id,
            image_owner_alias: image.owner_alias,
            creation_date: image.created_at,
            is_public: true,
            architecture: image.architecture.name(),
            image_type: "machine",
            name: image.name,
            root_device_type: "ebs",
            root_device_name: image.root_device,
            block_device_mapping: mappings,
            virtualization_type: "hvm",
            hypervisor: "xen",
            ena_support: true,
            imds_support: "v2.0",
            tag_set: tags(&image.tags),
        }
    }
}

impl MappingItem {
    fn of(mapping: Mapping) -> Self {
        let (virtual_name, ebs) = match mapping.store {
            Store::Instance(name) => (Some(name), None),
            Store::Volume { gib, snapshot_id, delete_on_termination } => {
                let volume_type = "gp3";
                let encrypted = false;
                (None, Some(Volume { snapshot_id, volume_size: gib, volume_type, delete_on_termination, encrypted }))
            }
        };
        Self { device_name: mapping.device, virtual_name, ebs }
    }
}

impl TypeItem {
    fn of(kind: InstanceType) -> Self {
        Self {
            current_generation: true,
            free_tier_eligible: kind.free_tier,
            bare_metal: false,
            hypervisor: match kind.hypervisor {
                Hypervisor::Xen => "xen",
                Hypervisor::Nitro => "nitro",
            },
            processor_info: ProcessorInfo { supported_architectures: Items { item: vec![kind.architecture.name()] } },
            v_cpu_info: VCpuInfo { default_vcpus: kind.vcpus },
            memory_info: MemoryInfo { size_in_mib: kind.memory_mib },
            burstable_performance_supported: kind.burstable == Burstable::Yes,
            instance_type: kind.name,
        }
    }
}
