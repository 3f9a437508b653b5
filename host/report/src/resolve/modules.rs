//! Modules of a report: the executables and libraries that its process had loaded, and which file serves for which. The
//! build id decides; a name alone does only where the report knows no build id.

use std::collections::BTreeMap;
use std::path::Path;

use crate::model::{Block, NativeSection, Report, Value};

/// The files that the process had loaded, by the paths that it loaded them from.
///
/// ```
/// use gmr_report::{Block, Header, NativeSection, Report, Section, Trigger, TriggerKind, resolve::LoadedFiles};
///
/// let trigger = Trigger::new(TriggerKind::Call, "");
/// let mut report = Report::new(Header::new("shop", "2026-11-22T14:03:07Z".parse().unwrap(), trigger));
/// let table = Block::table(["module", "build id"], [vec!["/srv/shop".into(), "c0ffee".into()]]);
/// report.sections.push(Section::native(NativeSection::Threads).with_blocks([table]));
///
/// let files = LoadedFiles::of(&report);
/// assert_eq!(files.served_by("copy-of-shop".as_ref(), Some("c0ffee")).unwrap()[0].path, "/srv/shop");
/// let error = files.served_by("/home/me/shop".as_ref(), Some("0dd")).unwrap_err();
/// assert!(error.contains("another build"), "{error}");
/// ```
#[derive(Clone, Debug)]
pub struct LoadedFiles(BTreeMap<String, Option<String>>);

/// A file that the process had loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadedFile {
    /// Where it was loaded from, as the report has it.
    pub path: String,
    /// Its build id in hexadecimal, if the report knows it.
    pub build_id: Option<String>,
}

impl LoadedFiles {
    /// All that the frames of a report lie in, with the build ids that its Threads section lists.
    pub fn of(report: &Report) -> LoadedFiles {
        let mut files = BTreeMap::new();
        for block in report.sections.iter().flat_map(|section| &section.blocks) {
            if let Block::Trace(trace) = block {
                files.extend(trace.frames.iter().filter_map(|frame| Some((frame.module.clone()?, None))));
            }
        }
        let threads = report.section(NativeSection::Threads.name());
        for block in threads.into_iter().flat_map(|threads| &threads.blocks) {
            let Block::Table { columns, rows } = block else { continue };
            if *columns != ["module", "build id"] {
                continue;
            }
            for row in rows {
                if let [Value::Text(path), Value::Text(build_id)] = &row[..] {
                    files.insert(path.to_string(), Some(build_id.to_string()));
                }
            }
        }
        LoadedFiles(files)
    }

    /// The files with a known build id, by which a file of the same build can be searched for.
    pub fn with_build_id(&self) -> impl Iterator<Item = LoadedFile> {
        let known = self.0.iter().filter(|(_, build_id)| build_id.is_some());
        known.map(|(path, build_id)| LoadedFile { path: path.clone(), build_id: build_id.clone() })
    }

    /// All of them in one line, each with its build id, for an error.
    pub fn list(&self) -> String {
        let file = |(path, build_id): (&String, &Option<String>)| match build_id {
            Some(build_id) => format!("{path} (build id {build_id})"),
            None => format!("{path} (build id not known)"),
        };
        if self.0.is_empty() {
            return "no modules".to_owned();
        }
        self.0.iter().map(file).collect::<Vec<_>>().join(", ")
    }

    /// What a file with this path and this build id serves for: the process may have loaded the same file from two
    /// paths.
    ///
    /// # Errors
    ///
    /// If it is another build of one of them, or none of them; in one line that begins with the file's path.
    pub fn served_by(&self, file: &Path, build_id: Option<&str>) -> Result<Vec<LoadedFile>, String> {
        let serves = |(path, wanted): (&String, &Option<String>)| {
            let fits = match (wanted, build_id) {
                (Some(wanted), Some(own)) => wanted.eq_ignore_ascii_case(own),
                (Some(_), None) => false,
                (None, _) => same_name(path, file),
            };
            fits.then(|| LoadedFile { path: path.clone(), build_id: wanted.clone() })
        };
        let found: Vec<LoadedFile> = self.0.iter().filter_map(serves).collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let shown = file.display();
        let own = build_id.map_or("no build id".to_owned(), |own| format!("build id {own}"));
        Err(match self.0.iter().find(|(path, build_id)| build_id.is_some() && same_name(path, file)) {
            Some((path, Some(wanted))) => format!(
                "{shown} is another build: it has {own}, and the process ran {path} with build id {wanted}; give \
                 the file of that build"
            ),
            _ => format!("{shown} ({own}) is none of the report's modules, which are {}", self.list()),
        })
    }
}

/// An executable that was replaced while it ran is listed with the kernel's remark.
fn same_name(module: &str, file: &Path) -> bool {
    let module = module.strip_suffix(" (deleted)").unwrap_or(module);
    Path::new(module).file_name().is_some_and(|name| Some(name) == file.file_name())
}
