//! Facts for plugins: values that the application offers by name, and that its configuration grants to
//! plugins by name. Build the plugins with `cargo xtask plugins`; then `kill -USR2` shows the facts in the
//! plugin `facts`' section.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const SETTINGS: &str = "
    [gmr]
    plugin_dir = 'target/plugins'

    [gmr.plugins.facts]
    grants = ['facts:requests', 'facts:pool.*']
";

fn main() -> Result<(), gmr::Error> {
    let requests = Arc::new(AtomicU64::new(0));
    let counted = requests.clone();
    let _gmr = gmr::Builder::new(gmr::package!())
        .settings(gmr::Settings::from_toml(SETTINGS, "the example's settings")?)
        .fact("requests", move || counted.load(Ordering::Relaxed))
        .fact("pool.connections", || BTreeMap::from([("idle", 6), ("busy", 2)]))
        .install()?;

    println!("READY {}", std::process::id());
    for _ in 0..600 {
        requests.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}
