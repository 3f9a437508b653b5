//! Settings of plugins that say which they have.

use gmr_test_support::guests;

use super::*;
use crate::Settings;
use crate::error::Error;
use crate::plugin::Candidate;

/// The configuration of `p` in a settings file.
fn configured(toml: &str) -> PluginConfig {
    Settings::from_toml(toml, "app.toml").unwrap().plugins.remove("p").unwrap()
}

fn bench(toml: &str) -> Bench {
    let plugin = configured(toml);
    let bench = Bench::with(|config| drop(config.plugins.insert("p".to_owned(), plugin)));
    bench.install("p.wasm", guests::component("describes-its-settings"));
    bench
}

const WRONG: &str = "[gmr.plugins.p.settings]\nwran = 5\n";
const REFUSED: &str = "app.toml:2:1: unknown setting `gmr.plugins.p.settings.wran`; did you mean `warn`?";

#[test]
fn what_is_not_set_has_its_default_and_what_is_set_is_as_it_was_set() {
    let shown = |toml| {
        let sections = bench(toml).sections();
        let [Block::Fields { fields, .. }] = &sections[0].blocks[..] else { panic!("{sections:?}") };
        fields.iter().map(|field| (field.key.to_string(), field.value.clone())).collect::<Vec<_>>()
    };
    assert_eq!(shown("[gmr.plugins.p]\n"), [("warn".to_owned(), Value::Integer(80))]);
    assert_eq!(shown("[gmr.plugins.p.settings]\nwarn = 100"), [("warn".to_owned(), Value::Integer(100))]);
}

#[test]
fn a_plugin_whose_settings_do_not_fit_is_not_called_and_says_why() {
    let bench = bench(WRONG);
    let sections = bench.sections();
    let failure = sections[0].failure.as_deref().unwrap();
    assert!(failure.starts_with(&format!("its settings are not right: {REFUSED} (p.wasm, ")), "{failure}");
    assert_eq!(bench.cell("p", "state"), Value::from("settings refused"));
}

#[test]
fn settings_of_a_plugin_that_is_in_the_cache_are_refused_at_once() {
    let (cache, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("p.wasm"), guests::component("describes-its-settings")).unwrap();
    let start = |toml: &str| {
        let config = Config {
            directories: vec![folder.path().to_owned()],
            cache_dir: Some(cache.path().join("cache")),
            plugins: [("p".to_owned(), configured(toml))].into(),
            ..Config::default()
        };
        Plugins::start(config, Arc::new(Facts::new()))
    };
    let first = start(WRONG).unwrap();
    assert!(first.settle(Instant::now() + BOUND), "what is not compiled yet is judged when it is");
    drop(first);
    let error: Error = start(WRONG).map(drop).unwrap_err();
    assert!(error.is_settings());
    assert_eq!(error.to_string(), REFUSED);
    assert!(start("[gmr.plugins.p.settings]\nwarn = 5\n").is_ok());
}

#[test]
fn a_candidate_tells_what_it_can_be_set_to_and_what_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.wasm");
    std::fs::write(&file, guests::component("describes-its-settings")).unwrap();
    let plugin = Candidate::load(&file, &PluginConfig::default()).unwrap();
    let [setting] = plugin.settings().unwrap() else { panic!("not one setting") };
    assert_eq!((&*setting.key, setting.expected()), ("warn", "a whole number from 1 to 100".to_owned()));
    assert_eq!(setting.default, Some(Value::Integer(80)));
    assert_eq!(plugin.refused_settings(&configured(WRONG)), [REFUSED]);
    assert_eq!(plugin.refused_settings(&configured("[gmr.plugins.p.settings]\nwarn = 1")), [""; 0]);
}

#[test]
fn a_plugin_that_describes_its_settings_wrongly_does_not_load() {
    let text = guests::text("describes-its-settings");
    // At least 1.0 becomes at least 256.0, and the default is 80.
    let wrong = text.replace(r#""\00\00\00\00\00\00\f0\3f""#, r#""\00\00\00\00\00\00\70\40""#);
    assert_ne!(text, wrong);
    let bench = Bench::new();
    bench.install("p.wasm", guests::assemble(&wrong));
    bench.check(&[]);
    let remarks = bench.remarks();
    assert!(remarks.contains("it describes its setting `warn` wrongly: its range is empty"), "{remarks}");
}
