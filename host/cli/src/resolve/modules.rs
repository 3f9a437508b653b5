//! Which file serves for which module of a report. The build id decides; a name alone does only where the
//! report knows no build id.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use gmr::report::{Block, Report, Value};
use gmr_inspect::debug_files::ObjectFile;

/// The files that the process had loaded, by the paths that it loaded them from.
pub struct Modules(BTreeMap<String, Option<String>>);

/// A file that serves for a module.
pub struct Match {
    /// As the report names it.
    pub module: String,
    /// What the report says of its build.
    pub build_id: Option<String>,
    /// Where the symbols are.
    pub file: PathBuf,
}

impl Modules {
    pub fn of(report: &Report) -> Modules {
        let mut modules = BTreeMap::new();
        for block in report.sections.iter().flat_map(|section| &section.blocks) {
            if let Block::Trace(trace) = block {
                modules.extend(trace.frames.iter().filter_map(|frame| Some((frame.module.clone()?, None))));
            }
        }
        let tables = report.section("threads").into_iter().flat_map(|threads| &threads.blocks);
        for block in tables {
            let Block::Table { columns, rows } = block else { continue };
            if *columns != ["module", "build id"] {
                continue;
            }
            for row in rows {
                if let [Value::Text(path), Value::Text(build_id)] = &row[..] {
                    modules.insert(path.to_string(), Some(build_id.to_string()));
                }
            }
        }
        Modules(modules)
    }

    pub fn with_build_id(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(path, build_id)| Some((path.as_str(), build_id.as_deref()?)))
    }

    /// The modules, each with the beginning of its build id, for an error.
    pub fn list(&self) -> String {
        let module = |(path, build_id): (&String, &Option<String>)| match build_id {
            Some(build_id) => format!("{path} (build id {build_id})"),
            None => format!("{path} (build id not known)"),
        };
        match self.0.is_empty() {
            true => "no modules".to_owned(),
            false => self.0.iter().map(module).collect::<Vec<_>>().join(", "),
        }
    }

    /// What a file is in this report; the same file may have been loaded from two paths.
    ///
    /// # Errors
    ///
    /// If it is no object file, another build of a module, or none of them.
    pub fn matching(&self, file: &Path) -> Result<Vec<Match>> {
        let shown = file.display();
        let object = ObjectFile::open(file)
            .with_context(|| format!("{shown} cannot be read as an executable, library or debug file"))?;
        let own = object.build_id();
        let matches = |(path, build_id): (&String, &Option<String>)| {
            let fits = match (build_id, &own) {
                (Some(wanted), Some(own)) => wanted.eq_ignore_ascii_case(own),
                (Some(_), None) => false,
                (None, _) => same_name(path, file),
            };
            fits.then(|| Match { module: path.clone(), build_id: build_id.clone(), file: file.to_owned() })
        };
        let found: Vec<Match> = self.0.iter().filter_map(matches).collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let own = own.map_or("no build id".to_owned(), |own| format!("build id {own}"));
        match self.with_build_id().find(|(path, _)| same_name(path, file)) {
            Some((path, wanted)) => bail!(
                "{shown} is another build: it has {own}, and the process ran {path} with build id {wanted}; give \
                 the file of that build"
            ),
            None => bail!("{shown} ({own}) is none of the report's modules, which are {}", self.list()),
        }
    }
}

/// An executable that was replaced while it ran is listed with the kernel's remark.
fn same_name(module: &str, file: &Path) -> bool {
    let module = module.strip_suffix(" (deleted)").unwrap_or(module);
    Path::new(module).file_name().is_some_and(|name| Some(name) == file.file_name())
}
