//! `cargo xtask fuzz`: the fuzz tests with new inputs, one target after the other. `cargo test` gives each the same few in
//! every run.

use anyhow::{Result, ensure};

use crate::command::{Step, announce};
use crate::project;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only the targets that have this in their names, such as `reports` or `unwind::fuzz`
    target: Option<String>,
    /// How many minutes each target is given new inputs for, from 1
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
}

/// The variable that makes a run long: `gmr_test_fuzz::SECONDS`.
const SECONDS: &str = "GMR_FUZZ_SECONDS";

/// Where targets are: in modules of that name within the packages, and in integration tests of that name.
const PLACES: [(&[&str], &str); 2] = [(&["--lib"], "fuzz::"), (&["--test", "fuzz"], "")];

pub fn run(arguments: &Arguments) -> Result<()> {
    let wanted = arguments.target.as_deref().unwrap_or_default();
    let mut targets = Vec::new();
    for (place, part) in PLACES {
        let listed = test(place).args(["--", "--list", "--format", "terse"]).read()?;
        let names = targets_in(&listed).filter(|name| name.contains(part) && name.contains(wanted));
        targets.extend(names.map(|name| (place, name.to_owned())));
    }
    ensure!(!targets.is_empty(), "no fuzz test has `{wanted}` in its name");
    let seconds = arguments.minutes.saturating_mul(60).to_string();
    let mut failed = Vec::new();
    let plugins = project::target()?.join("plugins");
    for (place, target) in targets {
        announce(format_args!("{target}, for {} minutes", arguments.minutes));
        let step = test(place).args(["--", "--exact", &target]).env(SECONDS, &seconds);
        // What `cargo xtask plugins` has built: files of megabytes that are changed, too.
        let step = if plugins.is_dir() { step.env("GMR_TEST_PLUGINS", &plugins) } else { step };
        if step.run().is_err() {
            failed.push(target);
        }
    }
    ensure!(failed.is_empty(), "an input was found, and stands above, for {}", failed.join(", "));
    Ok(())
}

fn test(place: &[&str]) -> Step {
    Step::new("cargo").args(["test", "--quiet", "--workspace"]).args(place).within(&project::root())
}

/// The names in what test programs list.
fn targets_in(listed: &str) -> impl Iterator<Item = &str> {
    listed.lines().filter_map(|line| line.strip_suffix(": test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_told_from_other_lines() {
        let listed = "proc::fuzz::proc_files: test\n\nmask::tests::words: test\n2 tests, 0 benchmarks\n";
        assert_eq!(targets_in(listed).collect::<Vec<_>>(), ["proc::fuzz::proc_files", "mask::tests::words"]);
    }
}
