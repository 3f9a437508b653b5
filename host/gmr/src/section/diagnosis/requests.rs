//! Rule: requests whose body never comes. Handlers of axum and actix-web that wait for it.
//!
//! It fires for ten requests or more that stand in one handler, if no request of that handler is going on
//! meanwhile. It does not for connections without a request, nor for handlers that wait for anything else.

use std::collections::BTreeMap;

use gmr_inspect::tasks::{Await, Task, TaskState};
use gmr_report::words::short_function;

use super::scene::Scene;
use super::{Entry, Rank, place};
use crate::section::green_threads::known;

/// Fewer are how a service works.
const CROWD: usize = 10;

/// Functions that run an application's handler.
const HANDLERS: [&str; 2] = ["axum::handler::", "actix_web::handler::"];

/// Functions and futures by which a handler's arguments are read from the body.
const BODIES: [&str; 4] = ["http_body_util::", "from_request", "axum::body::", "actix_web::types::"];

/// A request that has come to a handler.
#[derive(Clone, Copy)]
struct Request<'a> {
    /// The library's function that runs handlers.
    runs: &'a str,
    /// The application's that is the handler, if it is known.
    handler: Option<&'a str>,
    waits_for_body: bool,
}

#[derive(Default)]
struct Handler<'a> {
    waiting: Vec<&'a Task>,
    going_on: usize,
}

pub(super) fn find(scene: &Scene<'_>) -> Vec<Entry> {
    let mut handlers: BTreeMap<&str, Handler<'_>> = BTreeMap::new();
    // Most tasks share their chain with the one before.
    let mut last = None;
    for task in &scene.snapshot.tasks {
        let Some(chain) = known(task) else { continue };
        let request = match last {
            Some((same, request)) if same == chain.as_ptr() => request,
            _ => request(chain),
        };
        last = Some((chain.as_ptr(), request));
        let Some(request) = request else { continue };
        if request.waits_for_body && task.state == TaskState::Idle {
            handlers.entry(request.handler.unwrap_or(request.runs)).or_default().waiting.push(task);
        } else {
            // Where the handlers of those that wait are not known, it may be any.
            let any = std::iter::once(request.runs).chain(request.handler);
            any.for_each(|handler| handlers.entry(handler).or_default().going_on += 1);
        }
    }
    let stuck = handlers.into_iter().filter(|(_, of)| of.waiting.len() >= CROWD && of.going_on == 0);
    stuck.map(|(handler, of)| entry(handler, &of.waiting)).collect()
}

fn request(chain: &[Await]) -> Option<Request<'_>> {
    let runs_handler = |step: &&Await| HANDLERS.iter().any(|name| step.future.contains(name));
    let at = chain.iter().position(|step| runs_handler(&step))?;
    let made_for = chain[at..].iter().filter(runs_handler).find_map(place::made_for);
    let own = || chain[at..].iter().map(|step| &*step.future).find(|name| !place::is_library(name));
    let waits_for_body = chain[at..].iter().any(|step| BODIES.iter().any(|name| step.future.contains(name)));
    Some(Request { runs: &chain[at].future, handler: made_for.or_else(own), waits_for_body })
}

fn entry(handler: &str, tasks: &[&Task]) -> Entry {
    let count = tasks.len();
    let chain = tasks.first().and_then(|task| known(task)).unwrap_or_default();
    let place = place::of_chain(chain, Some(chain.len().saturating_sub(1)));
    let at = match place.filter(|place| !place::is_library(place.function)) {
        Some(place) if place.function == handler => place.to_string(),
        Some(place) => format!("{}, {place}", short_function(handler)),
        None => short_function(handler).into_owned(),
    };
    let line = format!("{count} requests wait for the rest of their body in {at}");
    Entry { rank: Rank::Requests, weight: count, lines: vec![line] }
}
