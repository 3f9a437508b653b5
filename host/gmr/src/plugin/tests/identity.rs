//! Whose file has a plugin's name, its grants and its section: what is pinned, what others may replace, and what passes for
//! another section.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;
use crate::plugin::Digest;

/// A configuration that grants the figures of the process, by which `asks-for-grants` answers with a 0 in front.
fn granted() -> PluginConfig {
    PluginConfig { grants: vec![Grant::Process], ..PluginConfig::default() }
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_pinned_plugin_is_replaced_by_nothing_else() {
    let (first, newer) = (says("first"), says("newer"));
    let cache = tempfile::tempdir().unwrap();
    let start = |pinned: &[u8]| {
        let config = PluginConfig::default().with_digest(Digest::of(pinned));
        Bench::with(|all| {
            all.plugins.insert("p".into(), config);
            all.cache_dir = Some(cache.path().join("cache"));
        })
    };
    let bench = start(&first);
    bench.install("p.wasm", &first);
    bench.check(&["p: first"]);
    assert_eq!(bench.remarks(), "");
    bench.install("p.wasm", &newer);
    bench.check(&["p: first"]);
    let refused = format!(
        "p.wasm does not load: its digest is {}, and the settings want {}: if this file is the one that is meant, set \
         `digest = \"{}\"` in [gmr.plugins.p]; the version before it serves",
        Digest::of(&newer),
        Digest::of(&first),
        Digest::of(&newer)
    );
    assert_eq!(bench.remarks(), refused);
    // Another that was compiled before is in the cache, which does not allow it either.
    let allowed = start(&newer);
    allowed.install("p.wasm", &newer);
    allowed.check(&["p: newer"]);
    let again = start(&first);
    again.install("p.wasm", &newer);
    again.check(&[]);
    assert!(again.remarks().contains("the settings want"), "{}", again.remarks());
}

#[test]
fn what_every_user_may_replace_has_no_grants_unless_it_is_pinned() {
    let guest = guests::component("asks-for-grants");
    let digest = Digest::of(&guest);
    let bench = Bench::with(|config| drop(config.plugins.insert("p".into(), granted())));
    bench.install("p.wasm", &guest);
    let path = bench.folder.path().join("p.wasm");
    bench.check(&["p: 01111"]);
    set_mode(&path, 0o666);
    bench.check(&["p: 11111"]);
    let remark = format!(
        "p has none of its grants: every user may write to {} (mode 0666); make that private, or set `digest = \
         \"{digest}\"` in [gmr.plugins.p]",
        path.display()
    );
    assert_eq!(bench.remarks(), remark);
    set_mode(&path, 0o644);
    bench.check(&["p: 01111"]);
    set_mode(bench.folder.path(), 0o777);
    bench.check(&["p: 11111"]);
    // Who may add files, and not replace those of others, is remarked only.
    set_mode(bench.folder.path(), 0o1777);
    bench.check(&["p: 01111"]);

    let pinned = Bench::with(|config| drop(config.plugins.insert("p".into(), granted().with_digest(digest))));
    pinned.install("p.wasm", &guest);
    set_mode(pinned.folder.path(), 0o777);
    pinned.check(&["p: 01111"]);
}

#[test]
fn no_link_shows_what_lies_outside_of_the_folder() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "hunter2-the-database-password").unwrap();
    std::fs::write(outside.path().join("p.wasm"), says("whole")).unwrap();
    // Text is allowed, so that nothing but the way there is refused.
    let bench = Bench::with(|config| config.text = true);
    let links = [
        ("environ.wasm", Path::new("/proc/self/environ").to_owned()),
        ("secret.wat", outside.path().join("secret")),
        ("plugin.wasm", outside.path().join("p.wasm")),
    ];
    for (name, target) in &links {
        symlink(target, bench.folder.path().join(name)).unwrap();
    }
    symlink(outside.path(), bench.folder.path().join("way")).unwrap();
    symlink("way/p.wasm", bench.folder.path().join("by-the-way.wasm")).unwrap();
    bench.check(&[]);
    let section = gmr_report::format::text::section(&bench.plugins.section());
    assert!(!section.contains("hunter2") && !section.contains("PATH="), "{section}");
    let remarks = bench.remarks();
    assert_eq!(remarks.matches("it is a link that leads out of its folder").count(), 4, "{remarks}");
}

#[test]
fn no_error_repeats_what_a_file_contains() {
    let bench = Bench::with(|config| config.text = true);
    bench.install("secret.wasm", "hunter2-the-database-password");
    bench.install("text.wat", "(component hunter2-the-database-password)");
    bench.check(&[]);
    assert_eq!(bench.remarks().lines().count(), 2, "{}", bench.remarks());
    assert!(!bench.remarks().contains("hunter2"), "{}", bench.remarks());
}

#[test]
fn no_name_and_no_title_passes_for_another_section() {
    let bench = Bench::with(|config| config.taken = vec!["pool0".to_owned()]);
    bench.install("THREADS.wasm", says("names"));
    bench.install("Po0l0.wasm", says("names"));
    bench.install("native.wasm", guests::assemble(&title_of_native()));
    bench.install("own.wasm", titled("PooLO"));
    bench.install("p.wasm", titled("Pumps"));
    let sections = bench.sections();
    let titles: Vec<&str> = sections.iter().map(|section| section.title.as_str()).collect();
    assert_eq!(titles, ["Threads (plugin native)", "PooLO (plugin own)", "Pumps"]);
    let remarks = bench.remarks();
    assert!(
        remarks.contains("THREADS.wasm does not load: `threads` is a section of the report's own"),
        "{remarks}"
    );
    assert!(
        remarks.contains("Po0l0.wasm does not load: `pool0` is a section that the application"),
        "{remarks}"
    );
}

/// The hello plugin under the title "Threads".
fn title_of_native() -> String {
    let place = r#"(; describe ;) (data (i32.const 600) "Threads") (data (i32.const 1024) "\58\02\00\00" "\07\00\00\00")"#;
    guests::text("hello").replace("(; describe ;)", place)
}
