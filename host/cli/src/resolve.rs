//! `gmr resolve`: gives the frames of a report their functions, files and lines from executables (or their
//! debug files) that the process did not have. A file of another build is refused: it would name wrong
//! functions.

mod frames;
mod modules;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use gmr::report::{Block, Report, Trace, TraceKind, fold_start};
use gmr_inspect::debug_files;
use gmr_inspect::symbols::{CodeOffset, resolve_file};

use crate::output::Format;
use crate::{input, output};
use frames::{Physical, physical};
use modules::{Match, Modules};

/// Give a report's frames their functions, files and lines
#[derive(clap::Args)]
pub struct Resolve {
    /// The report in JSON, or `-` for standard input
    report: PathBuf,
    /// An executable, a library or a debug file of the same build; may be repeated
    #[arg(long, value_name = "FILE", required_unless_present = "debug_dir")]
    binary: Vec<PathBuf>,
    /// A directory with separate debug files, laid out as /usr/lib/debug; may be repeated
    #[arg(long, value_name = "DIR")]
    debug_dir: Vec<PathBuf>,
    /// Also look up the frames that have a function already
    #[arg(long)]
    all: bool,
    /// How to print the report
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

impl Resolve {
    pub fn run(self) -> Result<()> {
        let mut report = input::report(&self.report)?;
        let wanted = count(&report, self.all);
        if wanted == 0 {
            output::note("no frame of this report can be looked up further");
        } else {
            let matches = self.matches(&Modules::of(&report))?;
            let mut named = 0;
            for found in &matches {
                named += self.resolve(&mut report, found)?;
            }
            output::note(&format!("{named} of {wanted} frames were found"));
        }
        output::print(&gmr::Format::from(self.format).render(&report))
    }

    /// The files to look into, and the modules that they are.
    fn matches(&self, modules: &Modules) -> Result<Vec<Match>> {
        let mut matches = Vec::new();
        for binary in &self.binary {
            matches.extend(modules.matching(binary)?);
        }
        let unmatched = modules.with_build_id().filter(|(path, _)| {
            let taken = |found: &Match| found.module == *path;
            !matches.iter().any(taken)
        });
        let apart = unmatched.filter_map(|(path, build_id)| {
            let file = debug_files::find_by_build_id(&build_id.to_ascii_lowercase(), &self.debug_dir)?;
            Some(Match {
                module: path.to_owned(),
                build_id: Some(build_id.to_owned()),
                file: file.path()?.into(),
            })
        });
        let apart: Vec<Match> = apart.collect();
        matches.extend(apart);
        if matches.is_empty() {
            bail!(
                "no file in the given directories belongs to this report; they are searched for \
                 .build-id/NN/REST.debug, and the report names {}",
                modules.list()
            );
        }
        Ok(matches)
    }

    /// Returns how many frames got a name.
    fn resolve(&self, report: &mut Report, found: &Match) -> Result<usize> {
        let lies_within =
            |frame: &Physical<'_>| frame.module() == Some(&found.module) && frame.is_wanted(self.all);
        let mut code: Vec<CodeOffset> = Vec::new();
        for trace in stacks(report) {
            code.extend(physical(&trace.frames).filter(lies_within).filter_map(|frame| frame.code()));
        }
        let symbols = resolve_file(&found.file, found.build_id.as_deref(), &self.debug_dir, &code)
            .with_context(|| format!("cannot resolve {}", found.module))?;
        // One answer for each question, and the questions come in the same order again.
        let mut answers = symbols.into_iter();
        let mut named = 0;
        for trace in stacks(report) {
            let mut frames = Vec::with_capacity(trace.frames.len());
            for frame in physical(&trace.frames) {
                let asked = lies_within(&frame) && frame.code().is_some();
                match asked.then(|| answers.next()).flatten().filter(|symbols| !symbols.is_empty()) {
                    Some(symbols) => {
                        named += 1;
                        frames.extend(frame.named(&symbols));
                    }
                    None => frames.extend(frame.lines().iter().cloned()),
                }
            }
            trace.frames = frames;
            // Folded as a whole is what stands there because of the report itself.
            if !trace.frames.iter().all(|frame| frame.folded) {
                fold_start(&mut trace.frames);
            }
        }
        Ok(named)
    }
}

/// How many frames are to be looked up.
fn count(report: &Report, all: bool) -> usize {
    let blocks = report.sections.iter().flat_map(|section| &section.blocks);
    let traces = blocks.filter_map(|block| match block {
        Block::Trace(trace) if trace.kind == TraceKind::Stack => Some(trace),
        _ => None,
    });
    traces
        .flat_map(|trace| physical(&trace.frames))
        .filter(|frame| frame.is_wanted(all) && frame.module().is_some() && frame.code().is_some())
        .count()
}

/// Awaits have no addresses.
fn stacks(report: &mut Report) -> impl Iterator<Item = &mut Trace> {
    report.sections.iter_mut().flat_map(|section| &mut section.blocks).filter_map(|block| match block {
        Block::Trace(trace) if trace.kind == TraceKind::Stack => Some(trace),
        _ => None,
    })
}
