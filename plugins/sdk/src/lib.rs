//! What a plugin of the Guru Meditation Report is written with.
//!
//! A plugin adds one section to the report of a running process. It is a WebAssembly component that is dropped into
//! a folder; it sees nothing of the process but what the application's configuration grants it by name.
//!
//! ```
//! use gmr_plugin::{Description, Failure, Plugin, Request, Section, facts};
//!
//! struct Pool;
//!
//! impl Plugin for Pool {
//!     fn describe() -> Description {
//!         Description::new("Pool", "How busy the connection pool is").wants("facts:pool.*")
//!     }
//!
//!     fn render(_: &Request) -> Result<Section, Failure> {
//!         let mut section = Section::new();
//!         section.fields(facts::read("pool.connections")?);
//!         Ok(section)
//!     }
//! }
//!
//! gmr_plugin::export!(Pool);
//! ```
//!
//! The package is a library of `crate-type = ["cdylib", "rlib"]`: the first is the component, the second is for its
//! tests. Build it with `cargo build --release --target wasm32-wasip2`; the component is
//! `target/wasm32-wasip2/release/NAME.wasm`. Its file name is the plugin's name in the configuration:
//!
//! ```toml
//! [gmr.plugins.pool]
//! grants = ["facts:pool.*"]
//! ```
//!
//! # What a plugin may ask
//!
//! | module | what | grant |
//! |---|---|---|
//! | [`settings`] | the table `[gmr.plugins.NAME.settings]` | none |
//! | [`state`] | values that are kept from one report to the next | none |
//! | [`clock`] | the time, and how much of the deadline is left | none |
//! | [`diagnostics`] | lines for the plugin's author | none |
//! | [`facts`] | values that the application registered | `facts:NAME`, `facts:pool.*` |
//! | [`process`] | figures of the process: memory, descriptors, limits, sockets | `process` |
//! | [`report`] | what the report has collected: threads, tasks, configuration | `report` |
//! | [`files`] | files of the host, read only | `read:/path` |
//! | [`environment`] | environment variables of the process | `env:NAME` |
//!
//! A call that is not granted returns an error that `?` turns into a [`Failure`] which tells the application's
//! operator what to write. A plugin may also do without: it is asked again in the next report.
//!
//! # What becomes of failures
//!
//! An `Err` stands under the section's title. So does a panic, with the plugin's stack and the panic's message; so
//! do a missed deadline and every other limit. None of these touches the process or another section.
//!
//! # Tests
//!
//! Off WebAssembly the same functions answer from made-up figures: see [`testing`]. A plugin's logic has ordinary
//! tests that run with `cargo test`.

pub mod bindings;
mod conversion;
mod description;
mod document;
mod failure;
mod imports;
mod section;
mod text;

pub mod clock;
pub mod diagnostics;
pub mod environment;
pub mod facts;
pub mod files;
pub mod graph;
pub mod process;
pub mod report;
pub mod settings;
pub mod state;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
pub mod words;

pub use bindings::exports::gmr::plugin::section::{Description, Failure, Request, Trigger};
pub use bindings::gmr::plugin::document::{
    Block, Call, Field, Frame, Member, Moment, Scalar, Table, Trace, TraceKind, Value,
};
pub use bindings::gmr::plugin::grants::Denial;
pub use section::Section;
pub use settings::Setting;

/// The report's own values, which made-up hosts take and tests compare with.
#[cfg(not(target_family = "wasm"))]
pub use gmr_report;

/// One section of the report.
pub trait Plugin {
    /// Says what the plugin is. Called once when the file is loaded, without any grant: a call to the host fails.
    fn describe() -> Description;

    /// Makes the section. Called in each report on a fresh instance: nothing is kept from the one before but what was put
    /// into [`state`].
    ///
    /// # Errors
    ///
    /// Why there is no section. It is shown where the section would have stood.
    fn render(request: &Request) -> Result<Section, Failure>;
}

/// The grants that this plugin has, as the configuration spells them.
pub fn granted() -> Vec<String> {
    imports::grants::granted()
}

/// Makes a component of a type that is a [`Plugin`]. Once in a package.
///
/// The version that the host shows is the package's, unless the description gives another.
#[macro_export]
macro_rules! export {
    ($plugin:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Component;

            impl $crate::bindings::exports::gmr::plugin::section::Guest for Component {
                fn describe() -> $crate::Description {
                    $crate::export::describe::<$plugin>(env!("CARGO_PKG_VERSION"))
                }

                fn render(request: $crate::Request) -> Result<Vec<$crate::Block>, $crate::Failure> {
                    $crate::export::render::<$plugin>(&request)
                }
            }

    $crate::bindings::export_component!(Component with_types_in $crate::bindings);
        };
        // Natively nothing is exported, but the type must be a plugin all the same.
        #[cfg(not(target_family = "wasm"))]
        const _: fn(&$crate::Request) -> Result<$crate::Section, $crate::Failure> =
            <$plugin as $crate::Plugin>::render;
    };
}

/// What [`export!`] calls.
#[cfg(target_family = "wasm")]
#[doc(hidden)]
pub mod export {
    use crate::{Block, Description, Failure, Plugin, Request, diagnostics};

    pub fn describe<P: Plugin>(version: &str) -> Description {
        tell_of_panics();
        let mut description = P::describe();
        if description.version.is_empty() {
            description.version = version.to_owned();
        }
        description
    }

    pub fn render<P: Plugin>(request: &Request) -> Result<Vec<Block>, Failure> {
        tell_of_panics();
        P::render(request).map(Vec::from)
    }

    /// A component without WASI has no standard error, so a panic's message takes the way that all have.
    fn tell_of_panics() {
        std::panic::set_hook(Box::new(|panic| diagnostics::print(&panic.to_string())));
    }
}
