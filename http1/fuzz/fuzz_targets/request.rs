//! Any bytes: what is taken for a request, hyper must take too, and read alike; and what the balancer would send to a
//! member, hyper must read as the same request with the next one behind it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(differ) = balancer::differential::requests(bytes) {
        panic!("{differ}");
    }
});
