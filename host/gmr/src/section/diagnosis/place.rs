//! Places in the application's own code: the function that waits, not the library's by which it does.

use std::fmt;

use gmr_inspect::tasks::{Await, Fact};
use gmr_inspect::threads::Frame;
use gmr_report::Call;
use gmr_report::words::{short_function, short_path};

/// A function of the application, with the line where it is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Place<'a> {
    pub(super) function: &'a str,
    line: Option<(&'a str, u32)>,
}

impl Place<'_> {
    /// The same as a report's call.
    pub(super) fn call(&self) -> Call {
        let call = Call::of(self.function);
        match self.line {
            Some((file, line)) => call.at(file, line),
            None => call,
        }
    }
}

impl fmt::Display for Place<'_> {
    /// `db::pool::acquire (src/db/pool.rs:71)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&short_function(self.function))?;
        match self.line {
            Some((file, line)) => write!(f, " ({}:{line})", short_path(file)),
            None => Ok(()),
        }
    }
}

/// Crates that others are written with: what waits in one of their functions waits for the function that called it.
const LIBRARIES: [&str; 66] = [
    "actix_codec",
    "actix_http",
    "actix_rt",
    "actix_server",
    "actix_service",
    "actix_web",
    "alloc",
    "async_channel",
    "async_executor",
    "async_global_executor",
    "async_io",
    "async_lock",
    "async_std",
    "async_stream",
    "async_task",
    "axum",
    "axum_core",
    "backtrace",
    "blocking",
    "core",
    "crossbeam",
    "crossbeam_channel",
    "crossbeam_deque",
    "crossbeam_epoch",
    "crossbeam_utils",
    "event_listener",
    "flume",
    "futures",
    "futures_channel",
    "futures_core",
    "futures_executor",
    "futures_lite",
    "futures_util",
    "gmr",
    "gmr_inspect",
    "h2",
    "http_body_util",
    "hyper",
    "hyper_util",
    "kanal",
    "lock_api",
    "mio",
    "once_cell",
    "parking_lot",
    "parking_lot_core",
    "pin_project_lite",
    "polling",
    "pollster",
    "rayon",
    "rayon_core",
    "reqwest",
    "rustix",
    "scopeguard",
    "smol",
    "std",
    "test",
    "thread_local",
    "tokio",
    "tokio_stream",
    "tokio_util",
    "tonic",
    "tower",
    "tower_http",
    "tower_service",
    "tracing",
    "warp",
];

/// Whether a function belongs to a library, or has no crate, as those of the C library.
pub(in crate::section) fn is_library(function: &str) -> bool {
    match crate_of(function) {
        Some(name) => LIBRARIES.binary_search(&name).is_ok(),
        None => true,
    }
}

/// The crate that a function or type belongs to: `shop` of `<&shop::Queue<T> as core::fmt::Debug>::fmt`. A trait's
/// function is the type's, unless that is a type parameter.
fn crate_of(function: &str) -> Option<&str> {
    let name = function.trim_start_matches(['<', '&', '(', '[', '*', '_']);
    let name =
        ["mut ", "const ", "dyn ", "impl "].iter().fold(name, |name, word| name.trim_start_matches(word));
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    let (name, rest) = name.split_at(end);
    // Mangled names may have the crate's hash: `shop[8f2c]::serve`.
    let rest = match rest.strip_prefix('[') {
        Some(hash) => hash.split_once(']')?.1,
        None => rest,
    };
    if rest.starts_with("::") {
        return Some(name);
    }
    crate_of(rest.strip_prefix(" as ")?)
}

/// Where a thread with these frames stands: the innermost function of the application.
pub(super) fn of_stack(frames: &[Frame]) -> Option<Place<'_>> {
    let mut symbols = frames.iter().flat_map(|frame| frame.symbols.iter());
    let symbol = symbols.find(|symbol| !is_library(&symbol.function))?;
    let file = symbol.file.as_deref().and_then(|file| file.to_str());
    Some(Place { function: &symbol.function, line: file.zip(symbol.line) })
}

/// The function of the application that was called by one of the library's, the outermost of these.
pub(super) fn within(frames: &[Frame], is_caller: impl Fn(&str) -> bool) -> Option<&str> {
    let names: Vec<&str> =
        frames.iter().flat_map(|frame| frame.symbols.iter().map(|symbol| symbol.function.as_str())).collect();
    let caller = names.iter().position(|name| is_caller(name))?;
    names[..caller].iter().rev().copied().find(|name| !is_library(name))
}

/// Where a task with this chain stands: the innermost function of the application on the way to an await; if there
/// is none, the innermost one with a line.
pub(super) fn of_chain(chain: &[Await], at: Option<usize>) -> Option<Place<'_>> {
    let way: Vec<&Await> = match at.filter(|at| *at < chain.len()) {
        Some(at) => way_to(chain, at),
        None => stem(chain).iter().rev().collect(),
    };
    let own = way.iter().find(|step| !is_library(&step.future));
    if own.is_none()
        && let Some(function) = way.iter().find_map(|step| made_for(step))
    {
        return Some(Place { function, line: None });
    }
    let step = own.or_else(|| way.iter().find(|step| step.location.is_some())).or(way.last())?;
    let line = step.location.as_ref().map(|place| (place.file.as_str(), place.line));
    Some(Place { function: &step.future, line })
}

/// The function of the application that a library's async function or block was made for, and does not await at present.
pub(super) fn made_for(step: &Await) -> Option<&str> {
    step.facts.iter().find_map(|fact| match fact {
        Fact::MadeFor(function) if !is_library(function) => Some(&**function),
        _ => None,
    })
}

/// An await and those around it, innermost first.
fn way_to(chain: &[Await], at: usize) -> Vec<&Await> {
    let mut way = vec![&chain[at]];
    for step in chain[..at].iter().rev() {
        if way.last().is_some_and(|inner| step.depth < inner.depth) {
            way.push(step);
        }
    }
    way
}

/// What all awaits of a chain have in common: down to the first that awaits several things.
pub(super) fn stem(chain: &[Await]) -> &[Await] {
    let deepest = chain.iter().map(|step| step.depth).max().unwrap_or(0);
    let mut count = vec![0_u32; usize::from(deepest) + 1];
    chain.iter().for_each(|step| count[usize::from(step.depth)] += 1);
    let is_alone = |step: &Await| count[usize::from(step.depth)] == 1;
    let end = chain.iter().position(|step| !is_alone(step)).unwrap_or(chain.len());
    &chain[..end]
}

#[cfg(test)]
mod tests {
    use gmr_inspect::tasks::SourceLine;

    use super::*;

    #[test]
    fn libraries_are_in_order() {
        assert!(LIBRARIES.is_sorted());
    }

    #[test]
    fn crates_of_functions() {
        #[track_caller]
        fn check(function: &str, expected: Option<&str>) {
            assert_eq!(crate_of(function), expected, "{function}");
        }
        check("shop::serve", Some("shop"));
        check("shop[8f2c1d]::serve::{closure#0}", Some("shop"));
        check("<shop::Queue<T> as core::iter::Iterator>::next", Some("shop"));
        check("<&mut shop::Queue as shop::Take>::take", Some("shop"));
        check("<F as shop::Handler>::call", Some("shop"));
        check("<alloc::boxed::Box<F> as core::ops::FnOnce<()>>::call_once", Some("alloc"));
        check("dyn shop::Job", Some("shop"));
        for without in ["clone3", "__GI___clock_nanosleep", "", "main", "<F>", "F as shop"] {
            check(without, None);
        }
    }

    fn chain() -> Vec<Await> {
        let step = |depth, future: &str, line: Option<u32>| {
            let mut step = Await::new(depth, future);
            step.location = line.map(|line| SourceLine::new("/home/me/shop/src/db.rs", line));
            step
        };
        vec![
            step(0, "shop::serve", Some(1)),
            step(1, "tokio::time::timeout::Timeout<shop::query>", None),
            step(2, "shop::query", Some(7)),
            step(3, "tokio::sync::semaphore::Semaphore::acquire", Some(480)),
            step(4, "tokio::sync::batch_semaphore::Acquire", None),
            step(2, "tokio::time::sleep::Sleep", None),
        ]
    }

    #[test]
    fn a_task_stands_where_the_application_awaits() {
        let chain = chain();
        assert_eq!(of_chain(&chain, Some(4)).unwrap().to_string(), "shop::query (shop/src/db.rs:7)");
        assert_eq!(of_chain(&chain, Some(5)).unwrap().to_string(), "shop::serve (shop/src/db.rs:1)");
        assert_eq!(of_chain(&chain, None).unwrap().to_string(), "shop::serve (shop/src/db.rs:1)");
        assert_eq!(stem(&chain).len(), 2);
        assert_eq!(stem(&chain[..5]).len(), 5);
        assert_eq!(
            of_chain(&chain[3..4], None).unwrap().function,
            "tokio::sync::semaphore::Semaphore::acquire"
        );
    }
}
