//! Any bytes: what the balancer takes for a member's answer, hyper must take too, and read alike; and what it would send
//! to a client, hyper must read as the same answer with the next one behind it.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(differ) = balancer::differential::fuzzed_answer(bytes) {
        panic!("{differ}");
    }
});
