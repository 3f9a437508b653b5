//! What chains say by types alone: the function that a library's future was made for, and the span that a future runs in.

#![cfg(target_os = "linux")]

use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;

use gmr_inspect::tasks::{Await, Chain, Fact, Inspector, Options, Task, TaskState};
use gmr_test_support::wait_for;
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::with_default;
use tracing::{Event, Instrument, Metadata, Span, Subscriber, info_span};

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// The tasks of a runtime, as soon as all of so many wait.
fn settled(runtime: &Runtime, count: usize) -> Vec<Task> {
    let inspector = Inspector::new([runtime.handle().clone()]);
    wait_for(|| {
        let snapshot = inspector.look(&Options::default().with_deadline(Duration::from_secs(60)));
        let idle = snapshot.tasks.iter().filter(|task| task.state == TaskState::Idle).count();
        if idle == count { Ok(snapshot.tasks) } else { Err(format!("{snapshot:?}")) }
    })
}

fn chain(task: &Task) -> &[Await] {
    let Chain::Known(chain) = &task.chain else { panic!("{task:?}") };
    chain
}

/// The functions that awaits were made for, with what these awaits are.
fn made_for(task: &Task) -> Vec<(&str, &str)> {
    let facts = chain(task).iter().flat_map(|step| step.facts.iter().map(|fact| (&*step.future, fact)));
    facts
        .filter_map(|(of, fact)| if let Fact::MadeFor(name) = fact { Some((of, &**name)) } else { None })
        .collect()
}

async fn connect() -> u32 {
    pending().await
}

#[test]
fn a_librarys_future_tells_for_which_function_it_was_made_unless_it_awaits_it() {
    let runtime = runtime();
    let cell = Arc::new(OnceCell::new());
    for _ in 0..2 {
        let cell = Arc::clone(&cell);
        runtime.spawn(async move { *cell.get_or_init(connect).await });
    }
    let cell = Arc::new(OnceCell::new());
    for _ in 0..2 {
        let cell = Arc::clone(&cell);
        #[expect(clippy::redundant_closure, reason = "a closure has a name of its own")]
        runtime.spawn(async move { *cell.get_or_init(|| pending::<u32>()).await });
    }
    let tasks = settled(&runtime, 4);
    let initialises = |task: &&Task| chain(task).last().is_some_and(|last| last.future.contains("Pending"));
    let (first, second): (Vec<&Task>, Vec<&Task>) = tasks.iter().partition(initialises);
    let of = "tokio::sync::once_cell::OnceCell::get_or_init";
    let closure = "tasks_names::a_librarys_future_tells_for_which_function_it_was_made_unless_it_awaits_it::{async block#1}::{closure#0}";
    let mut waiting: Vec<_> = second.iter().flat_map(|task| made_for(task)).collect();
    waiting.sort_unstable();
    assert_eq!(waiting, [(of, closure), (of, "tasks_names::connect")], "{second:#?}");
    let awaited =
        first.iter().find(|task| chain(task).iter().any(|step| step.future == "tasks_names::connect"));
    assert_eq!(made_for(awaited.unwrap()), [], "{awaited:#?}");
    runtime.shutdown_background();
}

/// Wants all spans: those that nobody wants have no name.
struct Everything;

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn a_future_in_a_span_has_the_spans_name() {
    let runtime = runtime();
    let span = with_default(Everything, || info_span!("answer request", number = 7));
    runtime.spawn(pending::<()>().instrument(span));
    runtime.spawn(async {
        ready(()).instrument(Span::none()).await;
        pending::<()>().instrument(Span::none()).await
    });
    let tasks = settled(&runtime, 2);
    let spans = |task: &Task| -> Vec<(String, Fact)> {
        let own = task.particulars.iter();
        own.map(|own| (chain(task)[own.step].future.clone(), own.fact.clone())).collect()
    };
    let mut found: Vec<_> = tasks.iter().flat_map(spans).collect();
    assert_eq!(
        found.pop(),
        Some(("tracing::instrument::Instrumented".to_owned(), Fact::Span("answer request".into())))
    );
    assert_eq!(found, [], "a span without a name");
    for task in &tasks {
        assert!(chain(task).last().unwrap().future.contains("Pending"), "{task:#?}");
    }
    runtime.shutdown_background();
}
