//! What leaves a process in a report, whoever said it: nothing shows a secret. A reporter belongs to a process, which is
//! why this has a file of its own.

use std::collections::BTreeMap;
use std::sync::mpsc::channel;

use gmr::report::{Block, Field, Format, Value};
use gmr::{Builder, Package, Track};

const SECRET: &str = "S3cr3tV4lue";

/// A future that is registered and never done.
fn tracked(name: String) -> impl Future<Output = ()> {
    std::future::pending::<()>().tracked(name)
}

#[test]
fn no_part_of_a_report_shows_a_secret() {
    let url = format!("redis://:{SECRET}@cache");
    let options = BTreeMap::from([
        ("db_pass", SECRET.to_owned()),
        ("cache", url.clone()),
        ("seed", "42".to_owned()),
        ("zone", "hidden".to_owned()),
    ]);
    let (end, ended) = channel::<()>();
    // Threads' names have 15 bytes.
    let thread = std::thread::Builder::new().name(format!("pw={SECRET}"));
    let thread = thread.spawn(move || ended.recv()).unwrap();
    let mut task = Box::pin(tracked(format!("GET /?token={SECRET}")));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(task.as_mut().poll(&mut context).is_pending());
    let fields = [Field::new("api_key", SECRET), Field::new("owner", "me"), Field::new("token", "shown")];
    let guard = Builder::new(Package::new("shop", "1").vendor(url.as_str()))
        .configuration(&options)
        .secret("zone")
        .secret("pool.owner")
        .show("seed")
        .show("pool.token")
        .section("Pool", move || vec![Block::fields(fields.clone()), Block::paragraph(url.as_str())])
        .section("Broken", || panic!("cannot connect with password={SECRET}"))
        .install()
        .unwrap();
    let report = guard.report().unwrap();
    drop(end);
    assert!(thread.join().unwrap().is_err(), "it waited until now");

    for shown in [Format::Text.render(&report), Format::Json.render(&report)] {
        assert!(!shown.contains(SECRET), "{shown}");
    }
    let text = Format::Text.render(&report);
    for line in ["pw=***", "token=***", "seed = 42", "zone = ***", "cache = redis://:***@cache", "panicked: "]
    {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
    let Block::Fields { fields, .. } = &report.section("pool").unwrap().blocks[0] else {
        panic!("no fields")
    };
    let values: Vec<&Value> = fields.iter().map(|field| &field.value).collect();
    assert_eq!(values, [&Value::Redacted, &Value::Redacted, &Value::from("shown")]);
}
