//! `gmr plugin test`: what a plugin makes of given facts, settings, files and reports, compared with what it should.
//!
//! The plugin runs in the very host that a service has, so a case passes here exactly if it would there. What is not
//! given is not there: no fact, variable or file of this machine, but for figures of the process and the clock, which
//! are this command's own.

mod case;
mod expectation;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use gmr::Format;
use gmr::report::format::text::escape;

use self::case::Case;
use self::expectation::{Compared, Expectation};
use super::cache::Cache;
use super::project::Project;
use crate::output;

/// Compare what a plugin prints with what it should
///
/// A case is a file NAME.toml:
///
///     [gmr.plugins.my_plugin]     # as the application's configuration has it
///     grants = ["facts:pool.*", "read:/etc/shop"]
///     settings = { warn_percent = 90 }
///
///     [facts]                     # what the application registers
///     "pool.jobs" = { size = 8, idle = 3 }
///
///     [files]                     # what stands for files of the machine
///     "/etc/shop/pool.conf" = "size = 8"
///
///     [environment]               # and for its variables
///     LANG = "C"
///
/// and, at its top, `report = "FILE"` for the report that the plugin sees with the grant `report`, in JSON;
/// default: a made-up one. Each further table [[then]] is one more report, with what is other than in the one before;
/// the last one's section counts.
///
/// What must come of it stands beside it, as text in NAME.txt or as JSON in NAME.json; `[..]` in there stands for any
/// characters of a line, or for any value. --update writes what came.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Test {
    /// The project's folder, or the plugin itself: NAME.wasm or NAME.wat
    #[arg(default_value = ".")]
    plugin: PathBuf,
    /// A case, or a folder of cases; default: `cases` in the project's folder, or beside the plugin
    #[arg(long, value_name = "PATH")]
    cases: Option<PathBuf>,
    /// Write what came as what should come
    #[arg(long)]
    update: bool,
    /// How --update writes what should come of a case that says nothing of it yet
    #[arg(long, default_value = "text", value_parser = output::formats())]
    format: Format,
    #[command(flatten)]
    cache: Cache,
}

impl Test {
    pub fn run(self) -> Result<()> {
        let (component, folder) = if self.plugin.is_dir() {
            let project = Project::open(&self.plugin)?;
            (project.component()?, self.plugin.clone())
        } else {
            (self.plugin.clone(), self.plugin.parent().unwrap_or(Path::new("")).to_owned())
        };
        let cases = self.cases.clone().unwrap_or_else(|| folder.join("cases"));
        let files = files(&cases)?;
        let mut failed = 0;
        for file in &files {
            let shown = escape(&file.display().to_string());
            let (word, more) = match self.case(&component, file)? {
                Compared::Equal => ("ok", String::new()),
                Compared::Written(path) => ("wrote", format!(", in {}", escape(&path.display().to_string()))),
                Compared::Different(difference) => ("FAILED", format!("\n{difference}")),
            };
            failed += usize::from(word == "FAILED");
            output::print(&format!("{word:<8}{shown}{more}\n"))?;
        }
        let count = files.len();
        if failed > 0 {
            bail!("{failed} of {count} cases failed; --update writes what came, if that is right");
        }
        Ok(())
    }

    fn case(&self, component: &Path, file: &Path) -> Result<Compared> {
        let case = Case::read(file, component)?;
        let plugin = self.cache.load(component, case.config())?;
        let checked = case.run(&plugin).with_context(|| file.display().to_string())?;
        let expectation = Expectation::of(file, self.format, &checked);
        if self.update { expectation.update() } else { expectation.compare() }
    }
}

/// The cases at a path, sorted.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = path.read_dir().with_context(|| format!("cannot read cases in {}", path.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.with_context(|| format!("cannot read cases in {}", path.display()))?.path();
        if file.extension().is_some_and(|extension| extension == "toml") {
            files.push(file);
        }
    }
    if files.is_empty() {
        bail!("there is no case NAME.toml in {}", path.display());
    }
    files.sort();
    Ok(files)
}
