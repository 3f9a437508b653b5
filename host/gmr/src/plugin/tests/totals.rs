//! What plugins share: the time of a report, what it may hold, and the memory of the process.

use super::*;

/// A component that answers with as much text as it may: blocks of 64 KiB.
fn flood() -> Vec<u8> {
    guests::component("flood")
}

#[test]
fn many_plugins_that_fill_their_output_leave_one_its_section() {
    let bench = Bench::with(|config| config.output_bytes = 256 << 10);
    for number in 0..40 {
        bench.install(&format!("flood{number}.wasm"), flood());
    }
    bench.install("zz.wasm", says("whole"));
    bench.settle();
    let sections = bench.sections_within(BOUND);
    assert_eq!(sections.len(), 41, "each has a section");
    assert_eq!(words(sections.last().unwrap()), "zz: whole");
    let bytes: usize = sections.iter().map(|section| serde_json::to_string(section).unwrap().len()).sum();
    assert!(bytes < 2 * (256 << 10), "{bytes} bytes of sections");
    let cut = sections[..40].iter().filter_map(|section| section.failure.as_deref());
    let shared = "plugins may hand over 256.0 KiB in all for one report";
    assert_eq!(cut.filter(|failure| failure.contains(shared)).count(), 40);
}

#[test]
fn plugins_that_overran_are_called_last_and_with_less_time_until_one_is_well() {
    let bench = Bench::with(|config| {
        let limits = Limits { deadline: Duration::from_millis(800), ..Limits::default() };
        config.plugins.insert("hang".into(), PluginConfig { limits, ..PluginConfig::default() });
    });
    bench.install("hang.wasm", guests::component("loop-in-render"));
    bench.install("p.wasm", says("whole"));
    bench.settle();
    for expected in [
        "ready; called last, with 1/2 of its time, since it overran it",
        "ready; called last, with 1/4 of its time, since it overran it",
        "ready; called last, with 1/8 of its time, since it overran it",
        "ready; called last, with 1/8 of its time, since it overran it",
    ] {
        bench.sections_within(BOUND);
        assert_eq!(bench.cell("hang", "state"), Value::from(expected));
    }
    assert_eq!(bench.cell("p", "state"), Value::from("ready"));
    bench.install("hang.wasm", says("again"));
    bench.check(&["hang: again", "p: whole"]);
    assert_eq!(bench.cell("hang", "state"), Value::from("ready"));
}

#[test]
fn plugins_that_fill_their_memory_do_not_take_the_turn_of_the_last_one() {
    let bench = Bench::with(|config| config.parallel = 1);
    for number in 10..30 {
        bench.install(&format!("eat{number}.wasm"), guests::component("fills-memory"));
    }
    bench.install("z.wasm", says("whole"));
    bench.settle();
    for _ in 0..3 {
        let sections = bench.sections_within(Duration::from_secs(8));
        assert_eq!(sections.len(), 21, "each has a section");
        assert_eq!(words(&sections[20]), "z: whole");
    }
}
