//! The plugin folders: which files are plugins, and what their names are. It reads directories, never what a plugin
//! contains.

use std::path::{Path, PathBuf};

use gmr_report::NativeSection;

/// A file larger than this is no plugin. A Python component, which holds an interpreter, has 18 MB.
pub const MOST_BYTES: u64 = 64 << 20;

/// Whether a file's name says that it is a plugin: `NAME.wasm` or `NAME.wat`, not hidden. Editors and installers write
/// hidden files before they rename them.
pub fn is_plugin(path: &Path) -> bool {
    let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    !hidden && path.extension().is_some_and(|extension| extension == "wasm" || extension == "wat")
}

/// The plugin's name: the file's without the extension. Sections are told apart by their names, and the
/// application's own sections come first: no plugin can have a name that is `taken`.
///
/// # Errors
///
/// What a name may consist of, if it does not, or whose it is.
pub fn name_of(path: &Path, taken: &[String]) -> Result<String, String> {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let allowed = |character: char| character.is_ascii_alphanumeric() || character == '-' || character == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
        let rule = "1 to 64 letters, digits, `-` and `_`, so that [gmr.plugins.NAME] can name it";
        return Err(format!(
            "the plugin's name, which is the file's without extension, has {rule}: rename the file"
        ));
    }
    if NativeSection::named(name).is_some() {
        return Err(format!("`{name}` is a section of the report's own: rename the file"));
    }
    if taken.iter().any(|taken| taken == name) {
        return Err(format!("`{name}` is a section that the application fills itself: rename the file"));
    }
    Ok(name.to_owned())
}

/// # Errors
///
/// How large a plugin may be, if this one is larger.
pub fn refuse_too_large(bytes: u64) -> Result<(), String> {
    if bytes > MOST_BYTES {
        return Err(format!("the file is larger than {} MiB", MOST_BYTES >> 20));
    }
    Ok(())
}

/// What is to be said of a folder that all users of the machine may write to: they can add plugins, and replace those that
/// have grants.
pub fn open_to_all(directory: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt as _;
    const WRITABLE_BY_OTHERS: u32 = 0o002;

    let mode = std::fs::metadata(directory).ok().filter(std::fs::Metadata::is_dir)?.mode();
    (mode & WRITABLE_BY_OTHERS != 0).then(|| {
        let (folder, mode) = (directory.display(), mode & 0o7777);
        format!("{folder}: every user may write there (mode {mode:04o}), and so add and replace plugins")
    })
}

/// The plugin files of a folder, sorted by name.
///
/// # Errors
///
/// Why the folder cannot be read. A folder that does not exist is empty: it may come.
pub fn list(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if is_plugin(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_are_told_by_their_extension() {
        assert!(is_plugin("/p/pool.wasm".as_ref()) && is_plugin("pool.wat".as_ref()));
        for other in ["/p/.pool.wasm", "/p/pool.wasm~", "/p/pool", "/p/pool.cwasm", "/p/.wasm", ".."] {
            assert!(!is_plugin(other.as_ref()), "{other}");
        }
    }

    #[test]
    fn names_can_stand_in_the_configuration() {
        let name_of = |path: &str| name_of(path.as_ref(), &["pool".to_owned()]);
        assert_eq!(name_of("/p/my-pool_2.wasm").unwrap(), "my-pool_2");
        assert_eq!(name_of(&format!("{}.wasm", "a".repeat(64))).unwrap().len(), 64);
        let longer = format!("{}.wasm", "a".repeat(65));
        for other in ["a b.wasm", "a.b.wasm", "ü.wasm", &longer] {
            assert!(name_of(other).unwrap_err().contains("rename the file"), "{other}");
        }
        assert!(name_of("threads.wasm").unwrap_err().contains("section of the report's own"));
        assert!(name_of("pool.wat").unwrap_err().contains("the application fills itself"));
    }

    #[test]
    fn sizes_are_allowed_up_to_the_limit() {
        assert!(refuse_too_large(64 << 20).is_ok());
        assert!(refuse_too_large((64 << 20) + 1).unwrap_err().contains("64 MiB"));
    }

    #[test]
    fn a_folder_is_listed_sorted_and_one_that_is_missing_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.wasm", "a.wat", ".c.wasm", "d.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let names = |files: Vec<PathBuf>| -> Vec<_> {
            files.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
        };
        assert_eq!(names(list(folder.path()).unwrap()), ["a.wat", "b.wasm"]);
        assert!(list(&folder.path().join("neither")).unwrap().is_empty());
    }
}
