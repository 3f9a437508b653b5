//! The interface in `wit/`, which packages hold as a link so that they can be published: cargo follows the link when it
//! makes a package.
//!
//! A checkout without symbolic links has files in their place, with the path as their text. Nothing is built then.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

/// The links.
const LINKS: [&str; 3] = ["plugins/sdk/wit", "host/gmr/wit", "host/cli/wit"];

/// Fails if a package does not have the interface.
pub fn check(root: &Path) -> Result<()> {
    let interface = fs::canonicalize(root.join("wit")).context("cannot find wit/")?;
    for link in LINKS {
        let found = fs::canonicalize(root.join(link)).with_context(|| format!("cannot find {link}"))?;
        ensure!(
            found == interface,
            "{link} is no link to wit/: check out with symbolic links (`git config core.symlinks true`)"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_copy_and_a_text_are_no_links() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("wit")).unwrap();
        for link in LINKS {
            let link = root.path().join(link);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink("../../wit", link).unwrap();
        }
        check(root.path()).unwrap();

        let last = root.path().join(LINKS[2]);
        fs::remove_file(&last).unwrap();
        fs::write(&last, "../../wit").unwrap();
        let error = check(root.path()).unwrap_err().to_string();
        assert!(error.starts_with("host/cli/wit is no link to wit/"), "{error}");
        fs::remove_file(&last).unwrap();
        fs::create_dir(&last).unwrap();
        assert!(check(root.path()).is_err());
    }

    #[test]
    fn committed_links_are_links() {
        check(&crate::project::root()).unwrap();
    }

    /// What cargo would publish, since what it leaves out cannot be built from there.
    #[test]
    fn packages_hold_the_interface_and_the_templates() {
        let root = crate::project::root();
        let files = fs::read_dir(root.join("wit")).unwrap();
        let interface: Vec<String> =
            files.map(|file| format!("wit/{}", file.unwrap().file_name().to_str().unwrap())).collect();
        for link in LINKS {
            let folder = root.join(link).parent().unwrap().to_owned();
            let listed = std::process::Command::new(env!("CARGO"))
                .args(["package", "--list", "--allow-dirty", "--quiet"])
                .current_dir(&folder)
                .output()
                .unwrap();
            assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
            let listed = String::from_utf8(listed.stdout).unwrap();
            let mut wanted = interface.clone();
            if folder.ends_with("cli") {
                let templates = [
                    "rust/Cargo.toml.in",
                    "rust/src/lib.rs",
                    "python/my_plugin.py",
                    "javascript/build.mjs",
                    "javascript/.npmrc",
                ];
                wanted.extend(templates.map(|path| format!("templates/{path}")));
            }
            for path in wanted {
                assert!(listed.lines().any(|line| line == path), "{} lacks {path}", folder.display());
            }
        }
    }
}
