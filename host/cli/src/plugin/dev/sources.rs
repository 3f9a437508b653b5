//! The sources of a project: the files whose change asks for a build. What builds make is left out, or each build would
//! ask for the next.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

/// Folders in which languages keep what they install or build. Hidden ones are left out too, and those that say by
/// `CACHEDIR.TAG` that they hold nothing of value, as cargo's target directory does.
const FOLDERS: [&str; 4] = ["node_modules", "target", "__pycache__", "venv"];

/// A file larger than this is told apart by its time and size alone.
const MOST_BYTES: u64 = 1 << 20;

/// More files than any plugin has: a folder that is watched by mistake, such as a home directory, costs no more.
const MOST_FILES: usize = 10_000;

/// The sources as they were when they were last looked at.
pub struct Sources {
    folder: PathBuf,
    /// Names of files and folders that are left out beside the usual ones.
    ignored: Vec<String>,
    files: BTreeMap<PathBuf, u64>,
}

impl Sources {
    pub fn of(folder: PathBuf, ignored: Vec<String>) -> Sources {
        let mut sources = Sources { folder, ignored, files: BTreeMap::new() };
        sources.files = sources.look().files;
        sources
    }

    /// The files that are other than at the last look; that is this one from now on.
    pub fn changed(&mut self) -> Vec<PathBuf> {
        let now = self.look().files;
        let new = now.iter().filter(|(path, stamp)| self.files.get(*path) != Some(*stamp));
        let gone = self.files.keys().filter(|path| !now.contains_key(*path));
        let changed = new.map(|(path, _)| path).chain(gone).cloned().collect();
        self.files = now;
        changed
    }

    /// Whether files are other than at the last look.
    pub fn have_changed(&self) -> bool {
        self.look().files != self.files
    }

    /// A build has ended: files that it has made are no change.
    pub fn built(&mut self) {
        for (path, stamp) in self.look().files {
            if let Entry::Vacant(made) = self.files.entry(path) {
                made.insert(stamp);
            }
        }
    }

    /// The folders that hold sources.
    pub fn folders(&self) -> Vec<PathBuf> {
        self.look().folders
    }

    fn look(&self) -> Look {
        let mut look = Look { files: BTreeMap::new(), folders: vec![self.folder.clone()] };
        let mut next = 0;
        while let Some(folder) = look.folders.get(next) {
            next += 1;
            for entry in folder.read_dir().into_iter().flatten().flatten() {
                let (path, name) = (entry.path(), entry.file_name());
                let name = name.to_string_lossy();
                let Ok(kind) = entry.file_type() else { continue };
                if name.starts_with('.') || self.ignored.iter().any(|ignored| *ignored == name) {
                    continue;
                }
                if kind.is_dir() && !FOLDERS.contains(&&*name) && !path.join("CACHEDIR.TAG").exists() {
                    look.folders.push(path);
                } else if kind.is_file() && !name.ends_with(".wasm") && look.files.len() < MOST_FILES {
                    look.files.extend(stamp(&path).map(|stamp| (path, stamp)));
                }
            }
        }
        look
    }
}

struct Look {
    files: BTreeMap<PathBuf, u64>,
    folders: Vec<PathBuf>,
}

/// What tells one state of a file from another: what is written anew and the same is no change.
fn stamp(path: &Path) -> Option<u64> {
    let metadata = path.metadata().ok()?;
    let mut hasher = DefaultHasher::new();
    if metadata.len() > MOST_BYTES {
        (metadata.len(), metadata.modified().ok()?).hash(&mut hasher);
    } else {
        std::fs::read(path).ok()?.hash(&mut hasher);
    }
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, remove_file, write};

    use super::*;

    #[test]
    fn sources_change_and_what_is_built_does_not_count() {
        let place = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = place.path().join(path);
            create_dir_all(path.parent().unwrap()).unwrap();
            write(path, text).unwrap();
        };
        write("src/lib.rs", "1");
        let mut sources = Sources::of(place.path().to_owned(), vec!["build.log".to_owned()]);
        assert!(sources.changed().is_empty());

        for made in [
            "pool.wasm",
            "target/release/x.d",
            "out/CACHEDIR.TAG",
            "out/x.d",
            "node_modules/a/b.js",
            ".venv/x.py",
            ".lib.rs.swp",
            "build.log",
        ] {
            write(made, "made");
        }
        write("src/lib.rs", "1");
        assert!(sources.changed().is_empty(), "written anew and the same");
        write("src/lib.rs", "2");
        assert_eq!(sources.changed(), [place.path().join("src/lib.rs")]);
        assert!(sources.changed().is_empty());

        write("Cargo.lock", "made by the build");
        sources.built();
        assert!(sources.changed().is_empty());
        write("src/lib.rs", "3");
        sources.built();
        assert_eq!(sources.changed().len(), 1, "what changed while it was built is built again");
        remove_file(place.path().join("src/lib.rs")).unwrap();
        assert_eq!(sources.changed(), [place.path().join("src/lib.rs")]);
        assert_eq!(sources.folders(), [place.path().to_owned(), place.path().join("src")]);
    }
}
