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
    /// Who the process is.
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

/// `Default` for figures of which nothing is known, so that a test names only those it is about.
macro_rules! nothing_known {
    ($($figures:ident { $($field:ident),* $(,)? })*) => {$(
        impl Default for $figures {
            fn default() -> $figures {
                $figures { $($field: Default::default()),* }
            }
        }
    )*};
}

nothing_known! {
    IdentityFigures {
        id, parent, parent_name, name, executable, directory, user, user_name, group, started, uptime, threads, more,
    }
    MemoryFigures {
        resident, peak_resident, anonymous, file_backed, shared, swapped, virtual_size, peak_virtual_size, locked,
        page_tables, proportional, more,
    }
    CpuFigures {
        user, system, processors, voluntary_switches, involuntary_switches, minor_faults, major_faults,
        read_from_devices, written_to_devices, load, more,
    }
    DescriptorFigures { open, limit, kinds, listed }
    CgroupFigures {
        path, version, memory, peak_memory, max_memory, high_memory, swap, max_swap, out_of_memory_kills, processors,
        periods, throttled_periods, throttled, tasks, max_tasks, pressures, more,
    }
    Socket { descriptor, protocol, state, local, remote, receive_queue, send_queue }
    Stall { average_10, average_60, average_300, total }
}
