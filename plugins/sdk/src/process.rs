//! Figures of the process that the report is about. Granted by `process`.
//!
//! They are taken when a plugin first asks in a report, once for all plugins. What the system does not tell is
//! `None`, never an error. Sizes are in bytes and times in nanoseconds unless another unit is named.

pub use crate::bindings::gmr::plugin::process::{
    CgroupFigures, CpuFigures, Descriptor, DescriptorCount, DescriptorFigures, IdentityFigures, Limit,
    MemoryFigures, Module, Mount, Pressure, Socket, Stall,
};
use crate::{Denial, imports};

macro_rules! figures {
    ($($(#[$doc:meta])* $name:ident -> $figures:ty;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        ///
        /// Without the grant `process`.
        pub fn $name() -> Result<$figures, Denial> {
            imports::process::$name()
        }
    )*};
}

figures! {
    /// What the process is, by its ids and names.
    identity -> IdentityFigures;
    /// Memory.
    memory -> MemoryFigures;
    /// Processor time, and what the process waited for.
    cpu -> CpuFigures;
    /// Open descriptors.
    descriptors -> DescriptorFigures;
    /// Resource limits.
    limits -> Vec<Limit>;
    /// The control group; `None` if it cannot be found.
    cgroup -> Option<CgroupFigures>;
    /// The process's sockets by descriptor, at most 4096 of them.
    sockets -> Vec<Socket>;
    /// Mounted file systems, at most 1024 of them.
    mounts -> Vec<Mount>;
    /// Files loaded as code, by address, the executable among them.
    modules -> Vec<Module>;
}
