//! Tries the templates of `gmr plugin new`: lays out a project of each and runs the steps that the command prints, as an author
//! would, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::command::{Step, announce};

/// The plugin's name.
const NAME: &str = "my_plugin";

/// The languages, each with where its steps leave the component.
const LANGUAGES: [(&str, &str); 6] = [
    ("rust", "target/wasm32-wasip2/release/my_plugin.wasm"),
    ("python", "my_plugin.wasm"),
    ("javascript", "my_plugin.wasm"),
    ("c", "my_plugin.wasm"),
    ("go", "my_plugin.wasm"),
    ("assemblyscript", "my_plugin.wasm"),
];

/// What steps install or build in a project, which the next run finds again.
const KEPT: [&str; 3] = ["target", ".venv", "node_modules"];

/// Tries each template in a folder of its own within `guests`, and returns the components.
pub fn build(root: &Path, target: &Path, guests: &Path) -> Result<Vec<PathBuf>> {
    announce("building the command `gmr`");
    Step::new("cargo").args(["build", "--workspace", "--bin", "gmr"]).within(root).run()?;
    let gmr = target.join("debug/gmr");
    let projects = guests.join("templates");
    LANGUAGES
        .iter()
        .map(|(language, component)| {
            let project = projects.join(language);
            attempt(&gmr, language, &project, &guests.join("cache"))
                .with_context(|| format!("the template for {language}"))?;
            Ok(project.join(component))
        })
        .collect()
}

fn attempt(gmr: &Path, language: &str, project: &Path, cache: &Path) -> Result<()> {
    let before = project.with_extension("before");
    if project.exists() {
        fs::rename(project, &before).context("cannot put the project of the run before aside")?;
    }
    let lay_out = Step::new(gmr).args(["plugin", "new", NAME, "--lang", language, "--path"]).arg(project);
    let printed = lay_out.read()?;
    for kept in KEPT.iter().filter(|kept| before.join(kept).exists()) {
        fs::rename(before.join(kept), project.join(kept))
            .with_context(|| format!("cannot take {kept} over"))?;
    }
    if before.exists() {
        fs::remove_dir_all(&before).context("cannot remove the project of the run before")?;
    }
    // The first step is `cd` to the project.
    for step in steps(&printed).iter().skip(1) {
        announce(format_args!("{language}: {step}"));
        // The author's machine has its usual folders, and a cache of compiled plugins that nobody else has.
        let shell = Step::new("sh").args(["-c", step]).within(project).env("XDG_CACHE_HOME", cache);
        shell.without_env("CARGO_TARGET_DIR").without_env("CARGO_BUILD_TARGET").run()?;
    }
    Ok(())
}

/// The commands among what is printed: the lines that are indented.
fn steps(printed: &str) -> Vec<&str> {
    printed.lines().filter_map(|line| line.strip_prefix("    ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_the_lines_that_are_indented() {
        assert_eq!(steps("made p; next:\n\n    cd p\n    make\n"), ["cd p", "make"]);
    }
}
