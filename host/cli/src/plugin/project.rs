//! A plugin's project: a folder with its sources, known by what lies in it how it is built and where its component comes.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

/// What builds a project, by a file in it; the first that is there counts.
const BUILDS: [(&str, &str); 4] = [
    ("build.sh", "sh build.sh"),
    ("Cargo.toml", "cargo build --release --target wasm32-wasip2"),
    ("package.json", "npm run build"),
    ("Makefile", "make"),
];

/// Where cargo leaves components, within its target directory.
const OF_CARGO: &str = "wasm32-wasip2/release";

/// The folder of a plugin's sources.
pub struct Project {
    pub folder: PathBuf,
}

impl Project {
    pub fn open(folder: &Path) -> Result<Project> {
        let folder = folder.canonicalize().with_context(|| format!("cannot find {}", folder.display()))?;
        if !folder.is_dir() {
            bail!("{} is no folder", folder.display());
        }
        Ok(Project { folder })
    }

    /// The shell command that builds it.
    pub fn build_command(&self) -> Result<&'static str> {
        let found = BUILDS.iter().find(|(file, _)| self.folder.join(file).is_file());
        let (_, command) = found.with_context(|| {
            let files: Vec<&str> = BUILDS.iter().map(|(file, _)| *file).collect();
            format!(
                "{} has none of {}: say by --build how it is built",
                self.folder.display(),
                files.join(", ")
            )
        })?;
        Ok(command)
    }

    /// The component that was built last, in the folder itself or where cargo leaves it.
    pub fn component(&self) -> Result<PathBuf> {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
        let places = [self.folder.clone(), self.folder.join(target).join(OF_CARGO)];
        let newest = places.iter().flat_map(|place| components(place)).max();
        let (_, file) = newest.with_context(|| {
            format!("there is no component *.wasm in {} yet: build it first", self.folder.display())
        })?;
        Ok(file)
    }
}

/// The components in a folder, with the time when each was written.
fn components(folder: &Path) -> Vec<(SystemTime, PathBuf)> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let files = entries.filter_map(|entry| {
        let path = entry.path();
        let metadata = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
        (path.extension()? == "wasm").then(|| Some((metadata.modified().ok()?, path)))?
    });
    files.collect()
}

#[cfg(test)]
mod tests {
    use std::fs::{File, create_dir_all, write};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_build_is_known_by_what_lies_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::open(folder.path()).unwrap();
        let none = project.build_command().unwrap_err().to_string();
        assert!(none.contains("--build") && none.contains("Cargo.toml"), "{none}");
        write(folder.path().join("package.json"), "").unwrap();
        assert_eq!(project.build_command().unwrap(), "npm run build");
        write(folder.path().join("build.sh"), "").unwrap();
        assert_eq!(project.build_command().unwrap(), "sh build.sh", "what the author wrote comes first");
        assert!(Project::open(&folder.path().join("build.sh")).is_err());
    }

    #[test]
    fn the_component_is_the_one_that_was_built_last() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::open(folder.path()).unwrap();
        assert!(project.component().unwrap_err().to_string().contains("build it first"));
        let cargo = project.folder.join("target").join(OF_CARGO);
        create_dir_all(&cargo).unwrap();
        let (old, new) = (project.folder.join("old.wasm"), cargo.join("new.wasm"));
        write(cargo.join("new.d"), "").unwrap();
        for (file, age) in [(&old, 100), (&new, 50)] {
            write(file, "").unwrap();
            let time = SystemTime::now() - Duration::from_secs(age);
            File::options().write(true).open(file).unwrap().set_modified(time).unwrap();
        }
        assert_eq!(project.component().unwrap(), new);
        write(&old, "").unwrap();
        assert_eq!(project.component().unwrap(), old);
    }
}
