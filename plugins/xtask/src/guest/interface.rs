//! Copies of the interface in `wit/`, for packages that must hold it to be published.
//!
//! Copies, not links: links do not survive every checkout. Nothing is built while a copy differs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// The folders that hold a copy.
const COPIES: [&str; 3] = ["plugins/sdk/wit", "host/gmr/wit", "host/cli/wit"];

/// Fails if a copy differs from the original.
pub fn check(root: &Path) -> Result<()> {
    let original = read(&root.join("wit"))?;
    for folder in COPIES {
        let copy = read(&root.join(folder))?;
        let differs = |name: &&String| original.get(*name) != copy.get(*name);
        let files: Vec<_> = original.keys().chain(copy.keys()).filter(differs).map(String::as_str).collect();
        if let [first, ..] = files[..] {
            bail!("{folder}/{first} differs from wit/{first}: run `cargo xtask plugins --copy-interface`");
        }
    }
    Ok(())
}

/// Makes every copy equal to the original.
pub fn copy(root: &Path) -> Result<()> {
    let original = read(&root.join("wit"))?;
    for folder in COPIES.map(|folder| root.join(folder)) {
        for stale in read(&folder)?.keys().filter(|name| !original.contains_key(*name)) {
            fs::remove_file(folder.join(stale))?;
        }
        for (name, text) in &original {
            fs::write(folder.join(name), text)
                .with_context(|| format!("cannot write to {}", folder.display()))?;
        }
    }
    Ok(())
}

/// The interface files of a folder, by name.
fn read(folder: &Path) -> Result<BTreeMap<String, String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = BTreeMap::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wit") {
            let name = path.file_name().context("a file has a name")?.to_string_lossy().into_owned();
            files.insert(
                name,
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?,
            );
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn difference_is_told_and_copying_ends_it() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("wit/world.wit", "world a {}");
        write("wit/clock.wit", "interface clock {}");
        for folder in COPIES {
            write(&format!("{folder}/world.wit"), "world b {}");
            write(&format!("{folder}/clock.wit"), "interface clock {}");
            write(&format!("{folder}/gone.wit"), "");
        }

        let error = check(root.path()).unwrap_err().to_string();
        assert!(error.starts_with("plugins/sdk/wit/world.wit differs"), "{error}");
        copy(root.path()).unwrap();
        check(root.path()).unwrap();
        for folder in COPIES {
            write(&format!("{folder}/more.wit"), "");
            assert!(
                check(root.path())
                    .unwrap_err()
                    .to_string()
                    .starts_with(&format!("{folder}/more.wit differs"))
            );
            copy(root.path()).unwrap();
        }
    }

    /// What cargo would publish, since what it leaves out cannot be built from there.
    #[test]
    fn packages_hold_the_interface_and_the_templates() {
        let root = crate::project::root();
        for copy in COPIES {
            let folder = root.join(copy).parent().unwrap().to_owned();
            let listed = std::process::Command::new(env!("CARGO"))
                .args(["package", "--list", "--allow-dirty", "--quiet"])
                .current_dir(&folder)
                .output()
                .unwrap();
            assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
            let listed = String::from_utf8(listed.stdout).unwrap();
            let mut wanted: Vec<String> =
                read(&root.join("wit")).unwrap().into_keys().map(|name| format!("wit/{name}")).collect();
            if folder.ends_with("cli") {
                let templates =
                    ["rust/Cargo.toml.in", "rust/src/lib.rs", "python/my_plugin.py", "javascript/build.mjs"];
                wanted.extend(templates.map(|path| format!("templates/{path}")));
            }
            for path in wanted {
                assert!(listed.lines().any(|line| line == path), "{} lacks {path}", folder.display());
            }
        }
    }

    /// Fails where a copy was forgotten.
    #[test]
    fn committed_copies_are_equal() {
        check(&crate::project::root()).unwrap();
    }
}
