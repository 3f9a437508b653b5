//! `gmr diff` prints what changed; what that is, the tests of the package `gmr-report` say.

mod support;

use serde_json::json;
use support::{Place, bad, good, section, stack};

#[test]
fn the_changes_are_printed() {
    let place = Place::new();
    let of = |threads| json!([section("pool", &json!([stack(&["wait", "main"], threads)]))]);
    let (old, new) = (place.report("old.json", &of(3)), place.report("new.json", &of(5)));
    let headline = "shop 1.2.3 on web-1, 2026-11-22T14:03:07.000Z";
    assert_eq!(
        good(&[&"diff", &old, &new]),
        format!("old  {headline}\nnew  {headline}\n\nPOOL\n  grew: 3 -> 5 stacks in wait < main\n")
    );
}

#[test]
fn what_is_no_report_is_refused() {
    let place = Place::new();
    let good = place.report("good.json", &json!([]));
    bad(&[&"diff", &good, &place.write("bad.json", "{}")], &["bad.json"]);
    bad(&[&"diff", &place.path("none.json"), &good], &["none.json"]);
}
