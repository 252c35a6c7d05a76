//! Any bytes: what the balancer takes for a request, hyper must take too, and read alike.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(differ) = balancer::differential::compare(bytes) {
        panic!("{differ}");
    }
});
