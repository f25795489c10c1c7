#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wstap::hostile::plans(bytes));
