//! What an emergency capture sees: values that borrow from its buffers.

use crate::modules::CodeAddress;
use crate::proc::stat::State;
use crate::threads::{Incomplete, Missing};
use std::time::Duration;

/// A loaded file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Module<'c> {
    /// Where it was loaded from, as the kernel prints it: bytes of any kind, a line feed as `\012`.
    pub path: &'c [u8],
    /// Its build id; empty if it has none.
    pub build_id: &'c [u8],
}

/// One thread.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Thread<'c> {
    /// The kernel's thread id.
    pub id: u32,
    /// The kernel's name of it, at most 15 bytes of any kind.
    pub name: &'c [u8],
    /// What the scheduler said of it.
    pub state: State,
    /// CPU time spent in user mode, in the kernel's clock ticks (10 ms).
    pub cpu_user: Duration,
    /// CPU time spent in the kernel, in the kernel's clock ticks (10 ms).
    pub cpu_system: Duration,
    /// The system call it is in, if it is in one and that can be read.
    pub wait: Option<Wait<'c>>,
    /// Its stack, or why there is none.
    pub stack: Stack<'c>,
}

/// The system call that a thread is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait<'c> {
    /// Its number on this architecture.
    pub number: u64,
    /// Its name, if this crate knows it.
    pub name: Option<&'static str>,
    /// On what, where the arguments tell.
    pub resource: Option<Resource<'c>>,
}

/// What a system call waits on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resource<'c> {
    /// The address of the futex word.
    Futex(u64),
    /// A file descriptor, and what the kernel says it is, if it does.
    Descriptor {
        /// The descriptor's number.
        number: i32,
        /// The target of its link in `/proc/self/fd`: bytes of any kind.
        target: Option<&'c [u8]>,
    },
    /// A time to pass, as the call asked for it.
    Time(Duration),
}

/// A thread's stack, or the reason why there is none.
#[derive(Clone, Debug)]
pub enum Stack<'c> {
    /// Read and unwound.
    Captured {
        /// The frames, innermost first.
        frames: Frames<'c>,
        /// Why they do not reach the thread's start; `None` if they do.
        incomplete: Option<Incomplete>,
    },
    /// Not read.
    Missing(Missing),
}

/// One frame of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame<'c> {
    /// Its address, which is the instruction itself in the innermost frame and in those that a signal
    /// interrupted, and the return address in all others.
    pub address: CodeAddress,
    /// The loaded file that it lies in.
    pub module: Option<Module<'c>>,
    /// The address as the module's own file counts it.
    pub offset: Option<u64>,
    /// False where the frame rests on a frame pointer, be it read or worked out, instead of unwind tables.
    pub verified: bool,
}

/// The frames of a stack, to be gone through more than once.
#[derive(Clone, Debug)]
pub struct Frames<'c> {
    #[cfg(stacks)]
    pub(super) frames: &'c [crate::unwind::RawFrame],
    #[cfg(stacks)]
    pub(super) modules: &'c super::modules::LoadedModules,
    #[cfg(not(stacks))]
    pub(super) none: std::marker::PhantomData<&'c ()>,
}

impl<'c> Frames<'c> {
    /// From the innermost one on.
    #[cfg(stacks)]
    pub fn iter(&self) -> impl Iterator<Item = Frame<'c>> + Clone + use<'c> {
        let modules = self.modules;
        self.frames.iter().map(move |frame| {
            let place = modules.place(frame.address.lookup());
            let (module, bias) = place.map_or((None, None), |(module, bias)| (Some(module), bias));
            let offset = bias.map(|bias| frame.address.without_bias(bias).value());
            Frame { address: frame.address, module, offset, verified: frame.verified }
        })
    }

    /// There are none.
    #[cfg(not(stacks))]
    pub fn iter(&self) -> impl Iterator<Item = Frame<'c>> + Clone + use<'c> {
        std::iter::empty()
    }
}
