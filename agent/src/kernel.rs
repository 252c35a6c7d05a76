//! The identity of the machine that this process runs on.

use std::fs;

/// Drawn anew by the kernel at each boot, and the same for every process and container on it (random(4)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Two processes with the same value, which is not empty, share a machine. Empty: it cannot be read here.
pub fn kernel_boot() -> String {
    fs::read_to_string(BOOT_ID).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_stays_the_same_while_the_machine_runs() {
        let boot = super::kernel_boot();
        assert_eq!(boot.len(), 36, "{boot:?} is no UUID");
        assert_eq!(super::kernel_boot(), boot);
    }
}
