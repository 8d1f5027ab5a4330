//! The chain as a whole, on real files in a directory of its own.

mod faults;
mod home;
mod races;
mod stories;
