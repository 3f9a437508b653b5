//! `process`: figures of this process, taken once a report when a plugin first asks. Granted by `process`.
//!
//! Only translation: what is read from where is [`gmr_inspect::process`]'s business.

use std::time::SystemTime;

use gmr_inspect::process as figures;
use jiff::Timestamp;
use wasmtime::Result;

use super::nanoseconds;
use crate::plugin::Grant;
use crate::plugin::interface::bindings::wit::document::Moment;
use crate::plugin::interface::bindings::wit::grants::Denial;
use crate::plugin::interface::bindings::wit::process as wit;
use crate::plugin::sandbox::store::State;

impl State {
    /// Counts the call, checks the grant and takes the figures.
    fn figures<T>(&mut self, take: impl FnOnce(&figures::Process) -> T) -> Result<Result<T, Denial>> {
        self.limiter.count_host_call()?;
        Ok(self.identity.allow(Grant::Process).map(|()| take(&self.subject.process)))
    }
}

impl wit::Host for State {
    fn identity(&mut self) -> Result<Result<wit::IdentityFigures, Denial>> {
        self.figures(|process| identity(process.identity()))
    }

    fn memory(&mut self) -> Result<Result<wit::MemoryFigures, Denial>> {
        self.figures(|process| memory(process.memory()))
    }

    fn cpu(&mut self) -> Result<Result<wit::CpuFigures, Denial>> {
        self.figures(|process| cpu(process.cpu()))
    }

    fn descriptors(&mut self) -> Result<Result<wit::DescriptorFigures, Denial>> {
        self.figures(descriptors)
    }

    fn limits(&mut self) -> Result<Result<Vec<wit::Limit>, Denial>> {
        self.figures(|process| process.limits().iter().map(limit).collect())
    }

    fn cgroup(&mut self) -> Result<Result<Option<wit::CgroupFigures>, Denial>> {
        self.figures(|process| process.cgroup().map(cgroup))
    }

    fn sockets(&mut self) -> Result<Result<Vec<wit::Socket>, Denial>> {
        self.figures(|process| process.sockets().iter().map(socket).collect())
    }

    fn mounts(&mut self) -> Result<Result<Vec<wit::Mount>, Denial>> {
        self.figures(|process| process.mounts().iter().map(mount).collect())
    }

    fn modules(&mut self) -> Result<Result<Vec<wit::Module>, Denial>> {
        self.figures(|_| gmr_inspect::modules::snapshot().modules.iter().map(module).collect())
    }
}

fn moment(time: SystemTime) -> Option<Moment> {
    Timestamp::try_from(time).ok().map(Moment::from)
}

fn identity(identity: &figures::Identity) -> wit::IdentityFigures {
    wit::IdentityFigures {
        id: identity.id,
        parent: identity.parent,
        parent_name: identity.parent_name.clone(),
        name: identity.name.clone(),
        executable: identity.executable.clone(),
        directory: identity.directory.clone(),
        user: identity.user,
        user_name: identity.user_name.clone(),
        group: identity.group,
        started: identity.started.and_then(moment),
        uptime: identity.uptime.map(nanoseconds),
        threads: identity.threads,
        more: Vec::new(),
    }
}

fn memory(memory: &figures::Memory) -> wit::MemoryFigures {
    wit::MemoryFigures {
        resident: memory.resident,
        peak_resident: memory.peak_resident,
        anonymous: memory.anonymous,
        file_backed: memory.file_backed,
        shared: memory.shared,
        swapped: memory.swapped,
        virtual_size: memory.virtual_size,
        peak_virtual_size: memory.peak_virtual_size,
        locked: memory.locked,
        page_tables: memory.page_tables,
        proportional: memory.proportional,
        more: Vec::new(),
    }
}

fn cpu(cpu: &figures::Cpu) -> wit::CpuFigures {
    wit::CpuFigures {
        user: cpu.user.map(nanoseconds),
        system: cpu.system.map(nanoseconds),
        processors: cpu.processors,
        voluntary_switches: cpu.voluntary_switches,
        involuntary_switches: cpu.involuntary_switches,
        minor_faults: cpu.minor_faults,
        major_faults: cpu.major_faults,
        read_from_devices: cpu.read_from_devices,
        written_to_devices: cpu.written_to_devices,
        load: cpu.load.map_or_else(Vec::new, Vec::from),
        more: Vec::new(),
    }
}

fn descriptors(process: &figures::Process) -> wit::DescriptorFigures {
    let descriptors = process.descriptors();
    let limit = process.limits().iter().find(|limit| limit.name == "open files");
    wit::DescriptorFigures {
        open: descriptors.open,
        limit: limit.and_then(|limit| limit.soft),
        kinds: descriptors
            .kinds
            .iter()
            .map(|(kind, count)| wit::DescriptorCount { kind: kind.to_string(), count: *count })
            .collect(),
        listed: descriptors
            .listed
            .iter()
            .map(|descriptor| wit::Descriptor {
                number: descriptor.number,
                kind: descriptor.kind.to_string(),
                target: descriptor.target.clone(),
            })
            .collect(),
    }
}

fn limit(limit: &figures::Limit) -> wit::Limit {
    wit::Limit {
        name: limit.name.clone(),
        unit: limit.unit.clone(),
        soft: limit.soft,
        hard: limit.hard,
        used: limit.used,
    }
}

fn cgroup(cgroup: &figures::Cgroup) -> wit::CgroupFigures {
    wit::CgroupFigures {
        path: Some(cgroup.path.clone()),
        version: cgroup.version,
        memory: cgroup.memory,
        peak_memory: cgroup.peak_memory,
        max_memory: cgroup.max_memory,
        high_memory: cgroup.high_memory,
        swap: cgroup.swap,
        max_swap: cgroup.max_swap,
        out_of_memory_kills: cgroup.out_of_memory_kills,
        processors: cgroup.processors,
        periods: cgroup.periods,
        throttled_periods: cgroup.throttled_periods,
        throttled: cgroup.throttled.map(nanoseconds),
        tasks: cgroup.tasks,
        max_tasks: cgroup.max_tasks,
        pressures: cgroup.pressures.iter().map(pressure).collect(),
        more: Vec::new(),
    }
}

fn pressure(pressure: &figures::Pressure) -> wit::Pressure {
    wit::Pressure {
        resource: pressure.resource.to_owned(),
        scope: if pressure.of_group { "cgroup" } else { "system" }.to_owned(),
        some: pressure.some.map(stall),
        full: pressure.full.map(stall),
    }
}

fn stall(stall: figures::Stall) -> wit::Stall {
    let [average_10, average_60, average_300] = stall.averages;
    wit::Stall { average_10, average_60, average_300, total: nanoseconds(stall.total) }
}

fn socket(socket: &figures::Socket) -> wit::Socket {
    wit::Socket {
        descriptor: socket.descriptor,
        protocol: socket.protocol.to_owned(),
        state: socket.state.to_owned(),
        local: socket.local.clone(),
        remote: socket.remote.clone(),
        receive_queue: socket.receive_queue,
        send_queue: socket.send_queue,
    }
}

fn module(module: &gmr_inspect::modules::Module) -> wit::Module {
    wit::Module {
        path: module.name.path.to_string_lossy().into_owned(),
        build_id: module.name.build_id.clone(),
        base: module.bias,
        size: module.range.end - module.range.start,
    }
}

fn mount(mount: &figures::Mount) -> wit::Mount {
    wit::Mount {
        path: mount.path.clone(),
        source: mount.source.clone(),
        kind: mount.kind.clone(),
        read_only: mount.read_only,
        size: mount.size,
        free: mount.free,
    }
}
