//! Which task each thread polls at this moment.
//!
//! tokio keeps the id of the task that a thread polls in a thread-local variable. Those of the executable lie at the
//! same distance from a thread's control block in every thread, and the kernel tells where the C library keeps a part of
//! that block: the list of robust locks. So a distance that was measured in one thread leads to the variable of each.
//! It is measured by experiment, not by name: tasks with known ids look at their own thread's variables, and where each
//! of them finds its id, and nothing is found outside of them, the variable is. It stops nobody, as all of the walk.

use std::fs;

use tokio::runtime::Builder;

use crate::memory::{self, Range};
use crate::tasks::decode::word_at;
use crate::tasks::model::Polling;

/// Tasks that take part in the experiment. Their ids follow each other, so that a counter could pass for the variable
/// if it were not found empty outside.
const TASKS: usize = 4;
/// Executables have some hundred bytes of thread-local variables; with more than this the experiment would take long.
const MAX_BYTES: u64 = 1 << 20;

/// How the variable is found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Polled {
    /// From a thread's list of robust locks to its variable, modulo 2^64.
    distance: u64,
    /// Whether a word of its own before it says that there is an id: tokio before 1.40 leaves the last one behind.
    has_tag: bool,
}

impl Polled {
    /// Does the experiment, in a runtime of its own. It must not run inside of another one.
    pub(crate) fn learn() -> Result<Polled, String> {
        let anchor = robust_list(0)?;
        let variables = own_variables()?;
        let runtime = Builder::new_current_thread().build().map_err(|error| error.to_string())?;
        let look = move || words(variables);
        let outside = look();
        let mut seen = Vec::new();
        for _ in 0..TASKS {
            let handle = runtime.spawn(async move { look() });
            let id = super::canary::task_id(&handle);
            let inside = runtime.block_on(handle).map_err(|error| error.to_string())?;
            seen.push((id, inside, look()));
        }
        let has_id = |at: usize| seen.iter().all(|(id, inside, _)| inside.get(at) == Some(id) && *id != 0);
        let is_empty = |at: usize| outside[at] == 0 && seen.iter().all(|(_, _, after)| after[at] == 0);
        let is_tag = |at: usize| is_empty(at) && seen.iter().all(|(_, inside, _)| inside[at] == 1);
        let variables_where = |is_one: &dyn Fn(usize) -> bool| -> Vec<usize> {
            (0..outside.len()).filter(|at| has_id(*at) && is_one(*at)).collect()
        };
        let plain = variables_where(&is_empty);
        let has_tag = plain.is_empty();
        let found = match has_tag {
            false => plain,
            true => variables_where(&|at| at.checked_sub(1).is_some_and(is_tag)),
        };
        match found[..] {
            [at] => {
                let distance = (variables.address + 8 * at as u64).wrapping_sub(anchor);
                Ok(Polled { distance, has_tag })
            }
            [] => Err("this tokio keeps the task's id elsewhere".to_owned()),
            _ => Err("several variables look like the task's id".to_owned()),
        }
    }

    /// Where each thread has the variable. A thread that the C library did not start has none.
    pub(crate) fn places(&self) -> Vec<(u32, u64)> {
        let threads = fs::read_dir("/proc/self/task").into_iter().flatten();
        let threads = threads.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
        threads
            .filter_map(|thread| Some((thread, robust_list(thread).ok()?.wrapping_add(self.distance))))
            .collect()
    }

    /// The threads that poll a task, by thread id.
    pub(crate) fn now(&self) -> Vec<Polling> {
        let places = self.places();
        let (before, length) = if self.has_tag { (8, 16) } else { (0, 8) };
        let range = |(_, address): &(u32, u64)| Range { address: address.wrapping_sub(before), length };
        let ranges: Vec<Range> = places.iter().map(range).collect();
        let (mut bytes, mut readable) = (Vec::new(), Vec::new());
        memory::read_many(&ranges, &mut bytes, &mut readable);
        let task = |variable: &[u8]| match self.has_tag && word_at(variable, 0) != 1 {
            true => 0,
            false => word_at(variable, before),
        };
        let tasks = bytes.chunks_exact(length).map(task).zip(readable);
        let mut polling: Vec<Polling> = places
            .iter()
            .zip(tasks)
            .filter(|(_, (task, readable))| *readable && *task != 0)
            .map(|((thread, _), (task, _))| Polling { thread: *thread, task })
            .collect();
        polling.sort_unstable();
        polling
    }
}

/// Where the C library keeps a thread's list of robust locks, which it tells the kernel when the thread starts; of the
/// calling thread for 0.
fn robust_list(thread: u32) -> Result<u64, String> {
    let (mut head, mut length) = (0_usize, 0_usize);
    // SAFETY: the kernel writes one word to each of two variables of ours.
    let done = unsafe { libc::syscall(libc::SYS_get_robust_list, thread, &raw mut head, &raw mut length) };
    match (done, head) {
        (0, 1..) => Ok(head as u64),
        (0, 0) => Err("the C library keeps no list of robust locks".to_owned()),
        _ => Err(format!("the kernel does not tell it: {}", std::io::Error::last_os_error())),
    }
}

fn words(range: Range) -> Vec<u64> {
    let mut bytes = vec![0; range.length];
    // What cannot be read stays zero, and so is no task's id.
    memory::read_some(range.address, &mut bytes);
    bytes.chunks_exact(8).map(|word| word_at(word, 0)).collect()
}

/// Where this thread has the executable's variables. The executable is always the first module, so that its block lies
/// next to the thread pointer (ELF Handling For Thread-Local Storage, Drepper, 3.4).
fn own_variables() -> Result<Range, String> {
    let (size, align) = segment().ok_or("the executable has no thread-local variables")?;
    let room = size.checked_next_multiple_of(align).filter(|room| *room <= MAX_BYTES && align <= MAX_BYTES);
    let room = room.ok_or("the executable's thread-local variables are too large")?;
    let pointer = thread_pointer().ok_or("their place is not known on this architecture")?;
    let address = match cfg!(target_arch = "x86_64") {
        true => pointer.wrapping_sub(room) & !7,
        // Two words for the thread's control block.
        false => pointer.wrapping_add(16).next_multiple_of(align.max(8)),
    };
    let length = usize::try_from(room.next_multiple_of(8)).map_err(|error| error.to_string())?;
    Ok(Range { address, length })
}

/// Size and alignment of the executable's thread-local variables.
fn segment() -> Option<(u64, u64)> {
    // A 64-bit program header: kind in the first half word, size in memory and alignment in the last two words.
    const HEADER: u64 = 56;
    // SAFETY: the calls take a number and return one.
    let headers = unsafe { libc::getauxval(libc::AT_PHDR) };
    // SAFETY: as above.
    let count = unsafe { libc::getauxval(libc::AT_PHNUM) };
    (0..count.min(0xffff)).find_map(|number| {
        let mut header = [0; HEADER as usize];
        memory::read(headers.wrapping_add(number * HEADER), &mut header).ok()?;
        let kind = word_at(&header, 0) & u64::from(u32::MAX);
        let align = word_at(&header, 48).max(1);
        (kind == u64::from(libc::PT_TLS) && align.is_power_of_two()).then(|| (word_at(&header, 40), align))
    })
}

#[cfg(target_arch = "x86_64")]
fn thread_pointer() -> Option<u64> {
    let pointer: u64;
    // SAFETY: the ABI has the thread pointer's own value in the word that it points to; a register is written.
    unsafe { std::arch::asm!("mov {}, fs:0", out(reg) pointer, options(nostack, preserves_flags, readonly)) };
    Some(pointer)
}

#[cfg(target_arch = "aarch64")]
fn thread_pointer() -> Option<u64> {
    let pointer: u64;
    // SAFETY: the register is readable everywhere; a register is written.
    unsafe {
        std::arch::asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nostack, preserves_flags, nomem))
    };
    Some(pointer)
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn thread_pointer() -> Option<u64> {
    None
}
