#![no_main]
#[path = "../oracle/memory.rs"]
mod memory;
#[path = "../oracle/names.rs"]
mod oracle;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| oracle::holds(bytes));
