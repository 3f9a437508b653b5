//! Of many futures in one task the odd ones are found, and all are counted.

#![cfg(target_os = "linux")]

use std::future::pending;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::FuturesUnordered;
use gmr_inspect::tasks::{Await, Chain, Fact, Inspector, Options, TaskState};
use gmr_test_support::wait_for;

/// More than are listed.
const PAGES: usize = 1000;
/// Neither among the first nor among the last.
const ODD: usize = 500;

async fn page(number: usize) {
    if number == ODD { retry().await } else { fetch().await }
}

async fn fetch() {
    pending::<()>().await;
}

async fn retry() {
    pending::<()>().await;
}

fn pages() -> impl Iterator<Item = impl Future<Output = ()>> {
    (0..PAGES).map(page)
}

/// The chain of the one task that this is.
fn chain_of(task: impl Future<Output = ()> + Send + 'static) -> Vec<Await> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let _task = runtime.spawn(task);
    let inspector = Inspector::new([runtime.handle().clone()]);
    let options = Options::default().with_deadline(Duration::from_secs(60));
    wait_for(|| match &inspector.look(&options).tasks[..] {
        [task] if task.state == TaskState::Idle => match &task.chain {
            Chain::Known(chain) => Ok(chain.to_vec()),
            other => Err(format!("{other:?}")),
        },
        tasks => Err(format!("{tasks:#?}")),
    })
}

#[track_caller]
fn check(chain: &[Await]) {
    let listed = |function: &str| chain.iter().filter(|step| step.future.ends_with(function)).count();
    let alike = chain.iter().flat_map(|step| &step.facts).filter_map(|fact| match fact {
        Fact::Alike(more) => Some(*more),
        _ => None,
    });
    let alike: Vec<u64> = alike.collect();
    let shown = &chain[..chain.len().min(12)];
    assert_eq!((listed("::fetch"), listed("::retry")), (64, 1), "{shown:#?}");
    assert_eq!(alike, [PAGES as u64 - 64 - 1], "{shown:#?}");
    assert!(!chain.iter().any(|step| step.facts.contains(&Fact::TooLarge)), "{:?}", chain.last());
}

#[test]
fn the_odd_one_of_a_thousand_is_found_and_all_are_counted() {
    check(&chain_of(async {
        join_all(pages()).await;
    }));
    let unordered = chain_of(async {
        let mut pages: FuturesUnordered<_> = pages().collect();
        while pages.next().await.is_some() {}
    });
    check(&unordered);
    let count = Fact::Futures { count: PAGES as u64, more: false };
    assert!(unordered.iter().any(|step| step.facts.contains(&count)));
}
