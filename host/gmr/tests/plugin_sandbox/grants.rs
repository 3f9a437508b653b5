//! What a plugin is let see: what is granted to it by name and its settings, and nothing beside.

use std::os::unix::fs::symlink;
use std::path::Path;

use gmr::plugin::{CheckOptions, Grant, PluginConfig, check};
use gmr::report::{Block, Field, Value};

use gmr_test_support::guests;

#[test]
fn what_is_not_granted_is_refused_to_a_plugin_that_still_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("asks.wasm");
    std::fs::write(&path, guests::component("asks-for-grants")).unwrap();
    let answer = |grants: &[&str]| {
        let grants = grants.iter().map(|grant| Grant::parse(grant).unwrap());
        let config = PluginConfig::default().with_grants(grants);
        let options = CheckOptions::default().with_config(config);
        options.facts.add("pool", || 8);
        let section = check(&path, options).unwrap().section;
        match &section.blocks[..] {
            [Block::Paragraph { text, .. }] => text.clone(),
            _ => panic!("{section:?}"),
        }
    };
    assert_eq!(answer(&[]), "11111");
    assert_eq!(answer(&["process"]), "01111");
    assert_eq!(answer(&["report", "facts:pool"]), "10011");
    assert_eq!(
        answer(&["facts:pools", "env:HOME", "read:/proc/self/limit"]),
        "11111",
        "others of these kinds"
    );
    assert_eq!(answer(&["process", "report", "facts:*", "env:PATH", "read:/proc/self/limits"]), "00000");
}

/// What a guest sees of a path in the first directory that the grants give it; see `looks-at-files.wat`.
fn look(grants: &[&Path], path: &str) -> String {
    let text = guests::text("looks-at-files");
    let text = text.replace("\"PATH\"", &format!("{path:?}")).replace("LENGTH", &path.len().to_string());
    let folder = tempfile::tempdir().unwrap();
    let plugin = folder.path().join("looks.wasm");
    std::fs::write(&plugin, guests::assemble_for("with-wasi", &text)).unwrap();
    let grants = grants.iter().map(|path| Grant::Read(path.to_path_buf()));
    let config = PluginConfig::default().with_grants(grants);
    let section = check(&plugin, CheckOptions::default().with_config(config)).unwrap().section;
    match &section.blocks[..] {
        [Block::Paragraph { text, .. }] => text.clone(),
        _ => panic!("{section:?}"),
    }
}

/// access, access, ...: the path is not seen at all. So is the list of what is there.
const UNSEEN: &str = "111111-";

#[test]
fn a_single_file_is_seen_through_wasi_and_nothing_beside_it() {
    // not-permitted for writing, invalid for the link that it is not, access for the list.
    assert_eq!(look(&["/proc/self/limits".as_ref()], "limits"), "0P00=1L");
    assert_eq!(look(&["/proc/self/limits".as_ref()], "./limits"), "0P00=1L");
    for other in
        ["status", "environ", ".", "", "..", "../self/limits", "/proc/self/limits", "limits/", "limits/.."]
    {
        assert_eq!(look(&["/proc/self/limits".as_ref()], other), UNSEEN, "{other:?}");
    }
    let both: [&Path; 2] = ["/proc/self/limits".as_ref(), "/proc/self/status".as_ref()];
    assert_eq!([look(&both, "limits"), look(&both, "status")], ["0P00=1L", "0P00=1N"]);
    assert_eq!(look(&both, "environ"), UNSEEN);
}

#[test]
fn links_and_renames_do_not_widen_the_grant_of_a_file() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("app");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(place.path().join("secret"), "S").unwrap();
    std::fs::write(folder.join("sibling"), "s").unwrap();
    let file = folder.join("file");
    std::fs::write(&file, "f").unwrap();
    let look = |path: &str| look(&[&file], path);
    assert_eq!(look("file"), "0P00=1f");
    assert_eq!(look("sibling"), UNSEEN);
    std::fs::rename(&file, folder.join("renamed")).unwrap();
    assert_eq!([look("renamed").as_str(), &look("file")[..1]], [UNSEEN, "E"], "no entry by the granted name");
    for out in ["../secret", place.path().join("secret").to_str().unwrap()] {
        symlink(out, &file).unwrap();
        let seen = look("file");
        assert!(seen.starts_with('P') && seen.ends_with('-'), "{out}: {seen}");
        std::fs::remove_file(&file).unwrap();
    }
    // As a ConfigMap of Kubernetes has it.
    symlink("renamed", &file).unwrap();
    assert_eq!(look("file"), "0P0001f");
}

#[test]
fn nothing_leads_out_of_a_directory_that_wasi_gives() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("granted");
    std::fs::create_dir_all(folder.join("below")).unwrap();
    std::fs::write(place.path().join("secret"), "S").unwrap();
    std::fs::write(folder.join("below/file"), "f").unwrap();
    symlink("below/file", folder.join("inward")).unwrap();
    symlink("../secret", folder.join("upward")).unwrap();
    symlink(place.path().join("secret"), folder.join("absolute")).unwrap();
    symlink("..", folder.join("above")).unwrap();
    let look = |path: &str| look(&[&folder], path);
    assert_eq!(look("below/file"), "0P00=0f");
    assert_eq!(look("inward"), "0P0000f");
    let secret = place.path().join("secret");
    for out in
        ["../secret", "below/../../secret", "upward", "absolute", "above/secret", secret.to_str().unwrap()]
    {
        let seen = look(out);
        assert!(seen.starts_with('P') && seen.ends_with('-') && !seen[2..4].contains('0'), "{out}: {seen}");
    }
}

#[test]
fn settings_of_every_type_reach_the_plugin() {
    let settings = gmr::Settings::from_toml(
        "[gmr.plugins.p.settings]
         text = 'ring'
         whole = -7
         real = 0.5
         endless = inf
         flag = true
         day = 2026-02-03
         moment = 2026-02-03T04:05:06Z
         list = [1, 'two', false]
         empty = []
         table.deep.key = 'value'
         tables = [{ a = 1 }, { a = 2 }]",
        "app.toml",
    );
    let config = settings.unwrap().plugins.remove("p").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.wasm");
    std::fs::write(&path, guests::component("tells-its-settings")).unwrap();
    let section = check(&path, CheckOptions::default().with_config(config)).unwrap().section;
    let list = |values: Vec<Value>| Value::List(values);
    let fields = [
        ("day", Value::from("2026-02-03")),
        ("empty", list(Vec::new())),
        ("endless", Value::from("inf")),
        ("flag", Value::Flag(true)),
        ("list", list(vec![Value::Integer(1), Value::from("two"), Value::Flag(false)])),
        ("moment", Value::from("2026-02-03T04:05:06Z")),
        ("real", Value::Number(0.5)),
        ("table.deep.key", Value::from("value")),
        ("tables.0.a", Value::Integer(1)),
        ("tables.1.a", Value::Integer(2)),
        ("text", Value::from("ring")),
        ("whole", Value::Integer(-7)),
    ];
    let fields = fields.map(|(key, value)| Field::new(key, value)).to_vec();
    assert_eq!((section.failure, section.blocks), (None, vec![Block::fields(fields)]));
}
