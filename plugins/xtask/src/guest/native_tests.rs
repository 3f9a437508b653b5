//! The guests' own tests, which need no WebAssembly: a made-up host answers them.

use std::env;
use std::path::Path;

use anyhow::{Context, Result};

use crate::command::{Step, announce};

/// Runs the tests of the Rust plugins and of what they are written with.
pub fn test_rust(root: &Path, target: &Path) -> Result<()> {
    announce("testing the Rust plugins natively");
    Step::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--quiet", "--workspace", "--target-dir"])
        .arg(target)
        .within(&root.join("plugins"))
        .run()
}

/// Runs the tests of the plugins in other languages.
pub fn test_others(root: &Path) -> Result<()> {
    announce("testing the Python and JavaScript plugins natively");
    Step::new("python3")
        // Compiled files would lie in the source tree.
        .args(["-B", "-m", "unittest", "--quiet"])
        .within(&root.join("plugins/python"))
        .run()
        .context("the Python plugin's tests")?;
    Step::new("node")
        .arg("--test")
        .within(&root.join("plugins/javascript"))
        .run()
        .context("the JavaScript plugin's tests")
}
