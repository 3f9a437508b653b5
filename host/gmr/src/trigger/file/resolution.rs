//! Resolution of a path, link by link: every name that is looked up on the way to a file can make the path lead elsewhere.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// As many links as the kernel follows (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// What a path consists of at one moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Resolution {
    /// Every name that is looked up, with the folder that it is looked up in; no part of them but the last is a link.
    pub(super) names: Vec<PathBuf>,
    /// The folders in which a link, or the last name that could be looked up, stands.
    pub(super) folders: Vec<PathBuf>,
    /// The folders that are passed on the way.
    pub(super) above: Vec<PathBuf>,
}

impl Resolution {
    /// Of an absolute path, as far as it exists.
    pub(super) fn of(path: &Path) -> Resolution {
        let mut resolution = Resolution::default();
        let mut rest: VecDeque<OsString> = parts(path).collect();
        let mut folder = PathBuf::from("/");
        let mut links = 0;
        while let Some(part) = rest.pop_front() {
            if part == ".." {
                folder.pop();
                continue;
            }
            let here = folder.join(&part);
            add(&mut resolution.names, &here);
            match here.read_link() {
                Ok(target) if links < MOST_LINKS => {
                    links += 1;
                    add(&mut resolution.folders, &folder);
                    if target.is_absolute() {
                        folder = PathBuf::from("/");
                    }
                    for part in parts(&target).collect::<Vec<_>>().into_iter().rev() {
                        rest.push_front(part);
                    }
                }
                _ if !rest.is_empty() && here.is_dir() => {
                    add(&mut resolution.above, &here);
                    folder = here;
                }
                // The file itself; or what is missing, or no folder, on the way there.
                _ => {
                    add(&mut resolution.folders, &folder);
                    break;
                }
            }
        }
        resolution
    }
}

/// Names and `..`.
fn parts(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|component| match component {
        Component::Normal(_) | Component::ParentDir => Some(component.as_os_str().to_owned()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

fn add(paths: &mut Vec<PathBuf>, path: &Path) {
    if !paths.iter().any(|known| known == path) {
        paths.push(path.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// What is resolved below a folder, in words.
    fn resolved(folder: &Path, path: &str) -> [String; 2] {
        let Resolution { names, folders, .. } = Resolution::of(&folder.join(path));
        let below = |paths: &[PathBuf]| {
            let below = paths.iter().filter_map(|path| path.strip_prefix(folder).ok());
            below.map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
        };
        // The first name is the folder's own.
        [below(&names).trim_start().to_owned(), below(&folders)]
    }

    #[test]
    fn every_link_and_every_name_behind_it() {
        let folder = tempfile::tempdir().unwrap();
        // The path of the folder may have links of its own.
        let folder = folder.path().canonicalize().unwrap();
        fs::create_dir_all(folder.join("map/v1")).unwrap();
        fs::write(folder.join("map/v1/file"), "").unwrap();
        symlink("v1", folder.join("map/..data")).unwrap();
        symlink("..data/file", folder.join("map/file")).unwrap();
        symlink(folder.join("map/file"), folder.join("trigger")).unwrap();
        symlink("loop", folder.join("loop")).unwrap();
        let check = |path: &str, names: &str, folders: &str| {
            assert_eq!(resolved(&folder, path), [names, folders], "{path}");
        };
        check("map/v1/file", "map map/v1 map/v1/file", "map/v1");
        check("trigger", "trigger map map/file map/..data map/v1 map/v1/file", " map map/v1");
        check("map/v1/../v1/file", "map map/v1 map/v1/file", "map/v1");
        check("map/missing/file", "map map/missing", "map");
        check("map/v1/file/below", "map map/v1 map/v1/file", "map/v1");
        check("loop", "loop", "");
    }
}
