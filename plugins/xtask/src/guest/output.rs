//! A folder of finished components.
//!
//! A file is replaced only when its content differs, and then by rename: its time of change tells when the
//! plugin last changed, and a watcher of the folder is not woken for nothing.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A folder, and the files put into it so far.
pub struct Output {
    folder: PathBuf,
    files: Vec<PathBuf>,
}

impl Output {
    pub fn new(folder: PathBuf) -> Result<Output> {
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        Ok(Output { folder, files: Vec::new() })
    }

    /// Puts a component of this name in place.
    pub fn put(&mut self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.folder.join(name).with_extension("wasm");
        if fs::read(&path).ok().as_deref() != Some(content) {
            replace(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        }
        self.files.push(path);
        Ok(())
    }

    /// Removes components that no longer have a source, except those named, and returns what was put, sorted.
    pub fn finish(mut self, keep: &[&str]) -> Result<Vec<PathBuf>> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let kept = path.file_stem().is_some_and(|stem| keep.iter().any(|name| stem == *name));
            let component = path.extension().is_some_and(|extension| extension == "wasm");
            if component && !kept && !self.files.contains(&path) {
                fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        self.files.sort();
        Ok(self.files)
    }
}

fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().context("a file has a folder")?;
    let mut builder = tempfile::Builder::new();
    // Temporary files are private by default; a service that loads plugins may run as another user.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(content)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_lost_its_source_goes_and_what_is_kept_by_name_stays() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["gone.wasm", "python.wasm", "notes.txt"] {
            fs::write(folder.path().join(name), "old").unwrap();
        }
        let mut output = Output::new(folder.path().to_owned()).unwrap();
        output.put("process", b"new").unwrap();
        assert_eq!(output.finish(&["python"]).unwrap(), [folder.path().join("process.wasm")]);
        assert_eq!(names(folder.path()), ["notes.txt", "process.wasm", "python.wasm"]);
    }

    #[cfg(unix)]
    #[test]
    fn owner_and_others_may_read() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mut output = Output::new(folder.path().to_owned()).unwrap();
        output.put("process", b"one").unwrap();
        // The umask decides on the others: a plain file shows what it leaves.
        fs::write(folder.path().join("plain"), "").unwrap();
        let mode = |name| fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode("process.wasm"), mode("plain"));
    }

    #[cfg(unix)]
    #[test]
    fn same_content_leaves_the_file_alone_and_other_content_replaces_it_by_rename() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let inode = |content: &[u8]| {
            let mut output = Output::new(folder.path().to_owned()).unwrap();
            output.put("process", content).unwrap();
            fs::metadata(&output.finish(&[]).unwrap()[0]).unwrap().ino()
        };
        // Held open, the first file keeps its inode number from being given out again.
        let first = inode(b"one");
        let _held = fs::File::open(folder.path().join("process.wasm")).unwrap();
        assert_eq!(first, inode(b"one"));
        assert_ne!(first, inode(b"two"));
    }
}
