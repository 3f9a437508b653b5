//! A made-up report, for use without a running service: the check of a plugin, tests, documentation.

use std::time::Duration;

use crate::model::graph::{Graph, Hold, Kind, Library, Node, Party, Role, Wait, Want};
use crate::model::{
    Block, Call, Detail, Field, Frame, Header, Member, NativeSection, Report, Section, Trace, Trigger,
    TriggerKind, Value,
};

/// The report of a service whose workers wait for a lock, and its tasks for a connection.
///
/// ```
/// let report = gmr_report::example::report();
/// let text = gmr_report::format::text::report(&report);
/// assert!(text.contains("example::cache::get") && text.contains("example::pool::acquire"));
/// assert!(text.contains("look at\n  2 threads wait for a Mutex that thread 4711 \"main\" holds\n"));
/// ```
pub fn report() -> Report {
    let trigger = Trigger::new(TriggerKind::Signal, "SIGUSR2");
    let mut header = Header::new("example", "2026-01-01T12:00:00Z".parse().unwrap_or_default(), trigger);
    header.version = "1.0.0".to_owned();
    header.host = "example-1".to_owned();
    header.process = 4711;
    header.uptime = Some(Duration::from_secs(7200));
    let mut report = Report::new(header);
    report.sections = vec![threads(), green_threads(), diagnosis()];
    report
}

fn threads() -> Section {
    let worker = |id, name| {
        member(
            id,
            name,
            vec![
                Field::new("state", "asleep"),
                Field::new("system_call", "futex"),
                Field::new("futex", Value::Address(0x5577_aabb_0010)),
            ],
        )
    };
    let mut waiting = Trace::stack("2 threads, worker-0 to worker-1");
    waiting.summary = vec!["asleep in futex on 0x5577aabb0010".to_owned()];
    waiting.members = vec![worker(4713, "worker-0"), worker(4714, "worker-1")];
    waiting.frames = vec![
        Frame::of("std::sys::sync::mutex::futex::Mutex::lock_contended"),
        Call::of("example::cache::get").at("src/cache.rs", 41).into(),
        Call::of("example::serve").at("src/main.rs", 97).into(),
    ];
    let mut running = Trace::stack("4711  \"main\"");
    running.members = vec![member(4711, "main", vec![Field::new("state", "running")])];
    running.frames = vec![
        Call::of("example::cache::refresh").at("src/cache.rs", 77).into(),
        Call::of("example::main").at("src/main.rs", 12).into(),
    ];
    Section::native(NativeSection::Threads).with_blocks([
        Block::paragraph("3 threads: 3 stacks, 2 of them different"),
        waiting.into(),
        running.into(),
    ])
}

fn green_threads() -> Section {
    let task = |id, seconds| {
        let mut task = Member::new(id);
        let idle = Field::new("idle", Duration::from_secs(seconds));
        task.fields = vec![Field::new("state", "waiting"), idle];
        task
    };
    let mut waiting = Trace::awaits("2 tasks");
    waiting.members = vec![task(17, 3), task(18, 12)];
    let at = |depth, call: Call| {
        let mut frame = Frame::from(call);
        frame.depth = depth;
        frame
    };
    let mut permit = at(2, Call::of("tokio::sync::batch_semaphore::Acquire"));
    permit.details = vec![Detail::Permits(0), Detail::Semaphore(0x5577_aabb_0200)];
    waiting.frames = vec![
        at(0, Call::of("example::handle").at("src/main.rs", 130)),
        at(1, Call::of("example::pool::acquire").at("src/pool.rs", 23)),
        permit,
    ];
    Section::native(NativeSection::GreenThreads).with_blocks([waiting.into()])
}

fn diagnosis() -> Section {
    let mut node = Node::at(Library::Std, Kind::Mutex, 0x5577_aabb_0010);
    let waiting = [(4713, "worker-0"), (4714, "worker-1")].map(|(id, name)| {
        let mut wait = Wait::new(Party::thread(id).named(name), Want::Exclusive);
        wait.place = Some(Call::of("example::cache::get").at("src/cache.rs", 41).into());
        wait
    });
    node.waits = waiting.into();
    let mut holder = Hold::new(Party::thread(4711).named("main"), Role::Exclusive);
    holder.variable = Some("entries".to_owned());
    holder.function = Some("example::cache::refresh".to_owned());
    holder.doing = Some("runs".to_owned());
    holder.place = Some(Call::of("example::cache::refresh").at("src/cache.rs", 77).into());
    node.holds.push(holder);
    let mut section = Section::native(NativeSection::Diagnosis).with_blocks([Graph::new([node]).into()]);
    let what = "2 threads wait for a Mutex that thread 4711 \"main\" holds";
    section.remarks.push(format!("{what}\nit runs in example::cache::refresh (src/cache.rs:77)"));
    section
}

fn member(id: u64, name: &str, fields: Vec<Field>) -> Member {
    let mut member = Member::new(id);
    member.name = Some(name.to_owned());
    member.fields = fields;
    member
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::json;

    #[test]
    fn it_reads_back_equal() {
        assert_eq!(json::read(&json::report(&report())).unwrap(), report());
    }
}
