//! One emergency report: from what the capture sees to what the report says, thread by thread. No allocation.

use std::borrow::Cow;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use gmr_inspect::emergency::{Capture, Frame, Module, Resource, Stack, Thread, Wait};
use gmr_inspect::threads::{Missing, State};
use gmr_report::format::emergency as written;
use gmr_report::format::emergency::{Head, Limit, Writer};
use gmr_report::{Format, NoStack, Reason};
use jiff::Timestamp;

use super::output::{Output, ReportDirectory, Sink};
use crate::section::package::Package;
use crate::section::threads::{incomplete, no_stack, state_of_thread};
use crate::settings::Settings;

/// How long one may take: 20,000 threads take a few seconds. The reader of standard error has as long again.
const LONGEST: Duration = Duration::from_secs(10);

/// How many bytes one may have: beyond them threads have no stacks. 20,000 threads of 30 frames take half as much
/// in JSON.
const MOST_BYTES: u64 = 128 << 20;

/// How many stacks are remembered, so that text says each only once.
const STACKS: usize = 256;

/// What makes emergency reports.
pub(super) struct Reporter {
    capture: Capture,
    format: Format,
    directory: Option<ReportDirectory>,
    service: String,
    version: String,
    /// The thread that it stands in for.
    reporter: u32,
    buffer: Box<[u8]>,
    stacks: Box<[Option<KnownStack>]>,
}

/// A stack that was written.
#[derive(Clone, Copy)]
struct KnownStack {
    hash: u64,
    thread: u32,
}

impl Reporter {
    /// Called on the thread that it stands in for.
    pub(super) fn new(capture: Capture, settings: &Settings, package: &Package, service: &str) -> Reporter {
        let directory = settings.log_dir.as_ref();
        Reporter {
            capture,
            format: settings.format,
            directory: directory.map(|path| ReportDirectory::new(path, service, settings.format.extension())),
            service: service.to_owned(),
            version: package.version.clone(),
            reporter: Capture::current_thread(),
            buffer: Output::buffer(),
            stacks: vec![None; STACKS].into_boxed_slice(),
        }
    }

    /// Writes a report, since another one is not finished after so long.
    pub(super) fn report(&mut self, after: Duration) {
        // A fault in it must not end the thread. The panic hook prints what it was, if it can.
        let _ = catch_unwind(AssertUnwindSafe(|| self.write(after)));
    }

    fn write(&mut self, after: Duration) {
        let (began, time) = (Instant::now(), Timestamp::now());
        let Reporter { capture, format, directory, service, version, reporter, buffer, stacks } = self;
        let host = rustix::system::uname();
        let head = Head {
            service,
            version,
            host: host.nodename().to_bytes(),
            process: std::process::id(),
            time,
            asked: time.checked_sub(after).unwrap_or(time),
            after,
            reporter: *reporter,
        };
        let reader = began + 2 * LONGEST;
        let created = directory.as_mut().map(|directory| directory.create(time));
        let (sink, refused) = match created {
            Some(Ok(file)) => (Sink::File(file), None),
            Some(Err(errno)) => (Output::stderr(reader), Some(errno)),
            None => (Output::stderr(reader), None),
        };
        let mut output = Output::new(sink, buffer);
        if let (Some(errno), Some(directory)) = (refused, directory) {
            let error = gmr_report::SystemError::Errno(errno.raw_os_error());
            let path = directory.path().to_bytes().escape_ascii();
            let _ = writeln!(
                output,
                "\ngmr: no emergency report could be written to {path}: {error}; it follows here"
            );
        }
        stacks.fill(None);
        capture.begin();
        // The output never fails.
        let _ = document(&mut output, *format, &head, capture, stacks, began);
        let _ = output.flush();
    }
}

fn document(
    output: &mut Output<'_>,
    format: Format,
    head: &Head<'_>,
    capture: &mut Capture,
    stacks: &mut [Option<KnownStack>],
    began: Instant,
) -> std::io::Result<()> {
    let writer = Writer::new(format);
    writer.begin(output, head)?;
    let module = |Module { path, build_id, .. }| written::Module { path, build_id };
    writer.modules(output, capture.modules().map(module))?;
    let (mut without_time, mut without_room) = (0, 0);
    // The one that is stuck comes first.
    for at in std::iter::once(None).chain((0..capture.ids().len()).map(Some)) {
        let id = match at.map(|at| capture.ids().get(at)) {
            None => head.reporter,
            Some(Some(id)) if *id != head.reporter => *id,
            Some(_) => continue,
        };
        if began.elapsed() >= LONGEST {
            without_time += 1;
            continue;
        }
        let has_room = output.total() < MOST_BYTES;
        without_room += u64::from(!has_room);
        thread(writer, output, &capture.thread(id), has_room, stacks)?;
    }
    let limits = [
        Limit::Threads(capture.ids_left_out() as u64),
        Limit::Time(without_time),
        Limit::Size(without_room),
        Limit::Modules(capture.modules_left_out() as u64),
    ];
    writer.end(output, head, began.elapsed(), &limits)
}

fn thread(
    writer: Writer,
    output: &mut Output<'_>,
    thread: &Thread<'_>,
    has_room: bool,
    stacks: &mut [Option<KnownStack>],
) -> std::io::Result<()> {
    let mut doubt;
    let frames = match &thread.stack {
        Stack::Captured { frames, incomplete } => {
            doubt = incomplete.map(|reason| Reason::StackIncomplete(self::incomplete(reason)));
            Some(frames.iter())
        }
        Stack::Missing(missing) => {
            doubt = Some(Reason::NoStack(match missing {
                Missing::NoSignal => NoStack::NotAsked,
                other => no_stack(other),
            }));
            None
        }
    };
    let frames = frames.filter(|_| has_room);
    let mut same_as = None;
    if let Some(frames) = &frames {
        if doubt.is_none() && frames.clone().any(|frame| !frame.verified) {
            doubt = Some(Reason::StackUnverified);
        }
        let addresses = frames.clone().map(|frame| frame.address.value());
        same_as = hash(addresses).and_then(|hash| known(stacks, hash, thread.id));
    }
    let thread = written::Thread {
        id: thread.id,
        name: thread.name,
        state: state(thread.state),
        cpu_user: thread.cpu_user,
        cpu_system: thread.cpu_system,
        wait: thread.wait.map(wait),
        frames: frames.into_iter().flatten().enumerate().map(frame),
        same_as,
        doubt: doubt.as_ref(),
    };
    writer.thread(output, &thread)
}

/// A hash of all addresses of a stack, if it has any.
fn hash(addresses: impl Iterator<Item = u64>) -> Option<u64> {
    addresses.fold(None, |hash, address| {
        let hash = hash.unwrap_or(0_u64);
        Some((hash.rotate_left(5) ^ address).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    })
}

/// The thread whose stack has the same hash; failing that, this one's is remembered.
fn known(stacks: &mut [Option<KnownStack>], hash: u64, thread: u32) -> Option<u32> {
    let count = stacks.len() as u64;
    let place = stacks.get_mut(usize::try_from(hash.checked_rem(count)?).ok()?)?;
    match place {
        Some(known) if known.hash == hash => Some(known.thread),
        _ => {
            *place = Some(KnownStack { hash, thread });
            None
        }
    }
}

fn state(state: State) -> &'static str {
    match state {
        // Its words would have to be allocated.
        State::Other(_) => "in an unknown state",
        known => match state_of_thread(known) {
            Cow::Borrowed(words) => words,
            Cow::Owned(_) => "in an unknown state",
        },
    }
}

fn wait(wait: Wait<'_>) -> written::Wait<'_> {
    let resource = wait.resource.and_then(|resource| match resource {
        Resource::Futex(address) => Some(written::Resource::Futex(address)),
        Resource::Descriptor { number, target } => Some(written::Resource::Descriptor(number, target)),
        Resource::Time(time) => Some(written::Resource::Time(time)),
        _ => None,
    });
    written::Wait { number: wait.number, name: wait.name, resource }
}

fn frame<'c>((depth, frame): (usize, Frame<'c>)) -> written::Frame<'c> {
    written::Frame {
        address: frame.address.value(),
        module: frame.module.map(|module| module.path),
        offset: frame.offset,
        interrupted: depth > 0 && frame.address.is_instruction(),
        unverified: !frame.verified,
    }
}
