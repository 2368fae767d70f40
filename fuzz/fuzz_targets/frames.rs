#![no_main]
libfuzzer_sys::fuzz_target!(|input: &[u8]| troupe::untrusted::frames(input));
