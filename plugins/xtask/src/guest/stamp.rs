//! Digests of what a guest was built from, for builders that do not tell whether it is up to date; and copies of its
//! files.
//!
//! By content, not by time: a fresh checkout of the same files is up to date.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// What a guest was built from, in short.
pub struct Stamp {
    path: PathBuf,
    digest: String,
}

impl Stamp {
    /// Of the files in these folders, not of folders within; kept in the file at `path`. `builder` stands for what else
    /// decides the outcome, such as a command line.
    pub fn new(path: PathBuf, folders: &[&Path], builder: &str) -> Result<Stamp> {
        let mut hash = Sha256::new();
        add(&mut hash, builder.as_bytes());
        for folder in folders {
            for file in files(folder)? {
                add(&mut hash, file.file_name().context("a file has a name")?.as_encoded_bytes());
                add(&mut hash, &fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?);
            }
        }
        let digest = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Stamp { path, digest })
    }

    /// Whether `set` was called with the same inputs.
    pub fn is_set(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|digest| digest == self.digest)
    }

    /// Says that the guest was built from these inputs.
    pub fn set(&self) -> Result<()> {
        fs::write(&self.path, &self.digest).with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// The files of a folder, sorted.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Copies the files of a folder.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for file in files(from)? {
        let to = to.join(file.file_name().context("a file has a name")?);
        fs::copy(&file, &to).with_context(|| format!("cannot write {}", to.display()))?;
    }
    Ok(())
}

/// With its length first, so that no two sequences of parts are the same bytes.
fn add(hash: &mut Sha256, part: &[u8]) {
    hash.update((part.len() as u64).to_le_bytes());
    hash.update(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_change_of_inputs_is_noticed() {
        let source = tempfile::tempdir().unwrap();
        let kept = tempfile::tempdir().unwrap();
        let stamp = |builder| Stamp::new(kept.path().join("stamp"), &[source.path()], builder).unwrap();
        let write = |name: &str, text: &str| fs::write(source.path().join(name), text).unwrap();

        write("a", "1");
        assert!(!stamp("one").is_set());
        stamp("one").set().unwrap();
        assert!(stamp("one").is_set());
        assert!(!stamp("two").is_set());
        write("a", "2");
        assert!(!stamp("one").is_set());
        write("a", "1");
        assert!(stamp("one").is_set());
        fs::rename(source.path().join("a"), source.path().join("b")).unwrap();
        assert!(!stamp("one").is_set());
    }
}
