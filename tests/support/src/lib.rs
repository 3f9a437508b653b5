//! What the tests of several packages share. Never published; each part is a feature of its own.

#[cfg(target_os = "linux")]
mod compilers;
#[cfg(all(feature = "conditions", target_os = "linux"))]
pub mod conditions;
#[cfg(target_os = "linux")]
mod descriptors;
#[cfg(feature = "guests")]
pub mod encoding;
mod golden;
#[cfg(feature = "guests")]
pub mod guests;
#[cfg(target_os = "linux")]
mod hanging_library;
#[cfg(target_os = "linux")]
mod in_child;
#[cfg(feature = "load")]
pub mod load;
#[cfg(feature = "memory")]
pub mod memory;
mod panic_words;
mod skip;
#[cfg(feature = "subject")]
pub mod subject;
#[cfg(feature = "tasks")]
pub mod tasks;
#[cfg(all(feature = "trouble", target_os = "linux"))]
pub mod trouble;
mod wait;
#[cfg(all(feature = "threads", target_os = "linux"))]
pub mod workload;

use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
pub use compilers::compilers_of;
#[cfg(target_os = "linux")]
pub use descriptors::close_all_from;
pub use golden::assert_golden;
#[cfg(target_os = "linux")]
pub use hanging_library::HangingLibrary;
#[cfg(target_os = "linux")]
pub use in_child::{in_child, succeeds_in_child};
pub use panic_words::{panic_words, remember_where_panics_are};
pub use skip::skip;
pub use wait::{wait_for, wait_for_compiler, wait_until};

/// The project's top folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("this package is two folders down")
        .to_owned()
}

/// The folder of a program in tests/fixtures.
pub fn fixture(name: &str) -> PathBuf {
    root().join("tests/fixtures").join(name)
}
