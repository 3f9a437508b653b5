//! `gmr resolve`: gives the frames of a report their functions, files and lines from executables (or their
//! debug files) that the process did not have. A file of another build is refused: it would name wrong
//! functions.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use gmr::Format;
use gmr::report::resolve::{self, LoadedFile, LoadedFiles};
use gmr::report::{Call, Report};
use gmr_inspect::debug_files::{self, ObjectFile};
use gmr_inspect::symbols::{self, CodeOffset, Symbol};

use crate::{input, output};

/// Give a report's frames their functions, files and lines
#[derive(clap::Args)]
pub struct Resolve {
    /// The report in JSON, or an emergency report in text, perhaps in a log; `-` for standard input
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
    #[arg(long, default_value = "text", value_parser = output::formats())]
    format: Format,
}

/// A file, and the module of the report that it serves for.
struct Match {
    loaded: LoadedFile,
    /// Where the symbols are.
    file: PathBuf,
}

impl Resolve {
    pub fn run(self) -> Result<()> {
        let mut report = input::report(&self.report)?;
        let wanted = resolve::wanted(&report, self.all);
        if wanted == 0 {
            output::note("no frame of this report can be looked up further");
        } else {
            let mut named = 0;
            for found in self.matches(&LoadedFiles::of(&report))? {
                named += self.resolve(&mut report, &found)?;
            }
            output::note(&format!("{named} of {wanted} frames were found"));
        }
        output::print(&self.format.render(&report))
    }

    /// The files to look into, and what they serve for.
    fn matches(&self, loaded: &LoadedFiles) -> Result<Vec<Match>> {
        let mut matches = Vec::new();
        for binary in &self.binary {
            let build_id = build_id(binary)?;
            let served = loaded.served_by(binary, build_id.as_deref()).map_err(|reason| anyhow!(reason))?;
            matches.extend(served.into_iter().map(|loaded| Match { loaded, file: binary.clone() }));
        }
        let separate: Vec<Match> = loaded
            .with_build_id()
            .filter(|loaded| matches.iter().all(|found: &Match| found.loaded.path != loaded.path))
            .filter_map(|loaded| {
                let build_id = loaded.build_id.as_ref()?.to_ascii_lowercase();
                let file = debug_files::find_by_build_id(&build_id, &self.debug_dir)?.path()?.into();
                Some(Match { loaded, file })
            })
            .collect();
        matches.extend(separate);
        if matches.is_empty() {
            bail!(
                "no file in the given directories belongs to this report; they are searched for \
                 .build-id/NN/REST.debug, and the report names {}",
                loaded.list()
            );
        }
        Ok(matches)
    }

    /// Returns how many frames got a name.
    fn resolve(&self, report: &mut Report, found: &Match) -> Result<usize> {
        let LoadedFile { path, build_id, .. } = &found.loaded;
        let named = resolve::resolve(report, path, self.all, |offsets| {
            let code: Vec<CodeOffset> = offsets.iter().map(code).collect();
            let symbols = symbols::resolve_file(&found.file, build_id.as_deref(), &self.debug_dir, &code)?;
            Ok::<_, symbols::ResolveError>(symbols.iter().map(|at| at.iter().map(call).collect()).collect())
        });
        named.with_context(|| format!("cannot resolve {path}"))
    }
}

fn build_id(file: &Path) -> Result<Option<String>> {
    let object = ObjectFile::open(file).with_context(|| {
        format!("{} cannot be read as an executable, library or debug file", file.display())
    })?;
    Ok(object.build_id())
}

fn code(offset: &resolve::CodeOffset) -> CodeOffset {
    match *offset {
        resolve::CodeOffset::Instruction(offset) => CodeOffset::Instruction(offset),
        resolve::CodeOffset::Return(offset) => CodeOffset::Return(offset),
    }
}

fn call(symbol: &Symbol) -> Call {
    let mut call = Call::of(symbol.function.as_str());
    call.file = symbol.file.as_ref().map(|file| file.display().to_string());
    (call.line, call.column) = (symbol.line, symbol.column);
    call
}
