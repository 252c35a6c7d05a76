//! Instance types of an answer.

use aws_sdk_ec2::types::{ArchitectureType, InstanceTypeHypervisor, InstanceTypeInfo};
use planner::ports::{Answer, Architecture, Burstable, Hypervisor, InstanceType};

use crate::sdk::failure::{incomplete, need};

/// Facts of a type; `None` for one whose processors run none of our images, such as those for macOS.
pub(crate) fn instance_type(from: InstanceTypeInfo) -> Answer<Option<InstanceType>> {
    let name = need(from.instance_type, "name", "an instance type")?.as_str().to_owned();
    let supported = from.processor_info.and_then(|processor| processor.supported_architectures);
    let supported = need(supported, "architectures", &name)?;
    // The t2 family lists i386 beside x86_64; no type has both of ours.
    let architecture = if supported.contains(&ArchitectureType::Arm64) {
        Architecture::Arm64
    } else if supported.contains(&ArchitectureType::X8664) {
        Architecture::X86_64
    } else {
        return Ok(None);
    };
    let vcpus = need(from.v_cpu_info.and_then(|info| info.default_v_cpus), "number of vCPUs", &name)?;
    let memory = need(from.memory_info.and_then(|info| info.size_in_mib), "memory", &name)?;
    let negative = || incomplete(format_args!("{name} with a negative size"));
    Ok(Some(InstanceType {
        vcpus: u32::try_from(vcpus).map_err(|_| negative())?,
        memory_mib: u64::try_from(memory).map_err(|_| negative())?,
        architecture,
        burstable: match from.burstable_performance_supported {
            Some(true) => Burstable::Yes,
            _ => Burstable::No,
        },
        // Bare metal has none and behaves like Nitro, which is the same hardware.
        hypervisor: match from.hypervisor {
            Some(InstanceTypeHypervisor::Xen) => Hypervisor::Xen,
            _ => Hypervisor::Nitro,
        },
        free_tier: from.free_tier_eligible == Some(true),
        name,
    }))
}
