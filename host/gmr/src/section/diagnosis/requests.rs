//! Rule: requests whose body never comes. Handlers of axum and actix-web that wait for it.
//!
//! It fires for ten requests or more that stand in one handler, if no request of that handler is going on meanwhile. It does not for
//! connections without a request, nor for handlers that wait for anything else.

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

/// What a request does.
#[derive(Clone, Copy)]
enum Request<'a> {
    /// It waits for its body; the handler.
    Waits(&'a Await),
    GoesOn(&'a Await),
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
        match request {
            Some(Request::Waits(step)) if task.state == TaskState::Idle => {
                handlers.entry(&step.future).or_default().waiting.push(task);
            }
            Some(Request::Waits(step) | Request::GoesOn(step)) => {
                handlers.entry(&step.future).or_default().going_on += 1;
            }
            None => {}
        }
    }
    let stuck = handlers.into_iter().filter(|(_, of)| of.waiting.len() >= CROWD && of.going_on == 0);
    stuck.map(|(handler, of)| entry(handler, &of.waiting)).collect()
}

fn request(chain: &[Await]) -> Option<Request<'_>> {
    let at = chain.iter().position(|step| HANDLERS.iter().any(|name| step.future.contains(name)))?;
    let waits = chain[at..].iter().any(|step| BODIES.iter().any(|name| step.future.contains(name)));
    Some(if waits { Request::Waits(&chain[at]) } else { Request::GoesOn(&chain[at]) })
}

fn entry(handler: &str, tasks: &[&Task]) -> Entry {
    let count = tasks.len();
    let mut line = format!("{count} requests wait for the rest of their body in {}", short_function(handler));
    let chain = tasks.first().and_then(|task| known(task)).unwrap_or_default();
    if let Some(place) = place::of_chain(chain, Some(chain.len().saturating_sub(1)))
        && !place::is_library(place.function)
        && place.function != handler
    {
        line.push_str(&format!(", {place}"));
    }
    Entry { rank: Rank::Requests, weight: count, lines: vec![line] }
}
