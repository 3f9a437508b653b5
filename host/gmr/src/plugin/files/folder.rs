//! The plugin folders: which files are plugins, and what their names are. It reads directories, never what a plugin
//! contains.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use gmr_report::{NativeSection, skeleton};

/// A file larger than this is no plugin. A Python component, which holds an interpreter, has 18 MB.
pub const MOST_BYTES: u64 = 64 << 20;

/// How many files of one folder are looked into. A hundred plugins fill a report; thousands of files are a mistake, or
/// meant to keep the reporter busy.
pub const MOST_FILES: usize = 256;

/// Which files of a folder come first, where there are more than are looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// The settings name the plugin.
    Named,
    /// It serves already: nobody takes its section by adding files.
    Serving,
    Unknown,
}

/// The plugin files of a folder.
#[derive(Debug, Default, PartialEq)]
pub struct Listing {
    /// At most [`MOST_FILES`], sorted by name; those that the settings name come first.
    pub files: Vec<PathBuf>,
    /// How many more there are.
    pub left_out: usize,
}

/// Whether a file's name says that it is a plugin: `NAME.wasm` or `NAME.wat`, not hidden. Editors and installers write
/// hidden files before they rename them.
pub fn is_plugin(path: &Path) -> bool {
    let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    !hidden && path.extension().is_some_and(|extension| extension == "wasm" || extension == "wat")
}

/// The plugin's name: the file's without the extension. Sections are told apart by their names, and the
/// application's own sections come first: no plugin can have a name that a reader could take for one that is `taken`.
///
/// # Errors
///
/// What a name may consist of, if it does not, or whose it is.
pub fn name_of(path: &Path, taken: &[String]) -> Result<String, String> {
    let name = stem(path);
    let allowed = |character: char| character.is_ascii_alphanumeric() || character == '-' || character == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
        let rule = "1 to 64 letters, digits, `-` and `_`, so that [gmr.plugins.NAME] can name it";
        return Err(format!(
            "the plugin's name, which is the file's without extension, has {rule}: rename the file"
        ));
    }
    if let Some(native) = NativeSection::resembling(name) {
        return Err(format!("`{}` is a section of the report's own: rename the file", native.name()));
    }
    if let Some(taken) = resembled(name, taken) {
        return Err(format!("`{taken}` is a section that the application fills itself: rename the file"));
    }
    Ok(name.to_owned())
}

/// The title that a plugin's section has: its own, with the plugin's name if a reader could take it for a section of the
/// report's own or the application's.
pub fn title_of(title: String, name: &str, taken: &[String]) -> String {
    if skeleton(&title).is_empty() {
        return name.to_owned();
    }
    if NativeSection::resembling(&title).is_none() && resembled(&title, taken).is_none() {
        return title;
    }
    format!("{} (plugin {name})", title.trim())
}

fn resembled<'t>(text: &str, taken: &'t [String]) -> Option<&'t String> {
    let text = skeleton(text);
    taken.iter().find(|taken| skeleton(taken) == text)
}

/// The name that a file gives its plugin, if it may have that.
pub fn stem(path: &Path) -> &str {
    path.file_stem().and_then(|name| name.to_str()).unwrap_or_default()
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

/// The plugin files of a folder, in time that grows with their number and memory that does not. `rank` is asked by the file's
/// name.
///
/// # Errors
///
/// Why the folder cannot be read. A folder that does not exist is empty: it may come.
pub fn list(directory: &Path, rank: impl Fn(&Path) -> Rank) -> std::io::Result<Listing> {
    let entries = match std::fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Listing::default()),
        entries => entries?,
    };
    let mut first: BTreeSet<(Rank, OsString)> = BTreeSet::new();
    let mut left_out = 0;
    for entry in entries {
        let name = entry?.file_name();
        let path: &Path = name.as_ref();
        if is_plugin(path) {
            first.insert((rank(path), name));
            if first.len() > MOST_FILES {
                first.pop_last();
                left_out += 1;
            }
        }
    }
    let mut first: Vec<(bool, OsString)> =
        first.into_iter().map(|(rank, name)| (rank != Rank::Named, name)).collect();
    // Of two files that give one name the first has it, whichever of them serves.
    first.sort_unstable();
    let files = first.into_iter().map(|(_, name)| directory.join(name)).collect();
    Ok(Listing { files, left_out })
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
        for own in ["threads.wasm", "Threads.wasm", "GREEN-threads.wasm", "thread5_.wasm"] {
            let refusal = "section of the report's own";
            assert_eq!(
                name_of(own).is_err_and(|reason| reason.contains(refusal)),
                own != "thread5_.wasm",
                "{own}"
            );
        }
        for own in ["pool.wat", "POOL.wasm", "-p0ol-.wasm"] {
            assert!(name_of(own).unwrap_err().contains("the application fills itself"), "{own}");
        }
    }

    #[test]
    fn a_title_that_passes_for_another_section_has_the_plugins_name() {
        let title_of = |title: &str| title_of(title.to_owned(), "evil", &["job_pool".to_owned()]);
        for honest in ["Open files", "Thread pools", "Größe"] {
            assert_eq!(title_of(honest), honest);
        }
        assert_eq!(title_of("Threads"), "Threads (plugin evil)");
        assert_eq!(title_of(" job pool "), "job pool (plugin evil)");
        assert_eq!(title_of("Diagn\u{200b}osis"), "Diagn\u{200b}osis (plugin evil)");
        assert_eq!(title_of("\u{200b} "), "evil");
    }

    #[test]
    fn sizes_are_allowed_up_to_the_limit() {
        assert!(refuse_too_large(64 << 20).is_ok());
        assert!(refuse_too_large((64 << 20) + 1).unwrap_err().contains("64 MiB"));
    }

    /// That the settings name this plugin alone.
    fn named(plugin: &str) -> impl Fn(&Path) -> Rank {
        move |path| if stem(path) == plugin { Rank::Named } else { Rank::Unknown }
    }

    fn names(listing: &Listing) -> Vec<&str> {
        listing.files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect()
    }

    #[test]
    fn a_folder_is_listed_sorted_and_one_that_is_missing_is_empty() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.wasm", "a.wat", ".c.wasm", "d.txt", "z.wasm"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let listing = list(folder.path(), named("z")).unwrap();
        assert_eq!((names(&listing), listing.left_out), (vec!["z.wasm", "a.wat", "b.wasm"], 0));
        assert_eq!(list(&folder.path().join("neither"), |_| Rank::Unknown).unwrap(), Listing::default());
    }

    #[test]
    fn of_too_many_files_the_first_are_listed_and_those_that_are_configured() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| std::fs::write(folder.path().join(name), "").unwrap();
        (0..MOST_FILES).for_each(|number| write(&format!("p{number:03}.wasm")));
        let all = list(folder.path(), |_| Rank::Unknown).unwrap();
        assert_eq!((all.files.len(), all.left_out), (MOST_FILES, 0));
        write("zz.wasm");
        let without = list(folder.path(), |_| Rank::Unknown).unwrap();
        assert_eq!((without, 1), (Listing { left_out: 1, ..all }, 1));
        let listing = list(folder.path(), named("zz")).unwrap();
        assert_eq!((listing.files.len(), listing.left_out), (MOST_FILES, 1));
        assert_eq!(names(&listing)[..2], ["zz.wasm", "p000.wasm"]);
        assert_eq!(names(&listing).last(), Some(&"p254.wasm"));
    }
    #[test]
    fn of_too_many_files_those_that_serve_stay_and_the_order_is_that_of_the_names() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str| std::fs::write(folder.path().join(name), "").unwrap();
        (0..MOST_FILES).for_each(|number| write(&format!("p{number:03}.wasm")));
        ["q.wasm", "zz.wasm"].iter().for_each(|name| write(name));
        let rank = |path: &Path| match stem(path) {
            "zz" => Rank::Named,
            "p254" | "p255" | "q" => Rank::Serving,
            _ => Rank::Unknown,
        };
        let listing = list(folder.path(), rank).unwrap();
        assert_eq!((listing.files.len(), listing.left_out), (MOST_FILES, 2));
        let names = names(&listing);
        assert_eq!(names[..2], ["zz.wasm", "p000.wasm"]);
        assert_eq!(names[MOST_FILES - 4..], ["p251.wasm", "p254.wasm", "p255.wasm", "q.wasm"]);
    }
}
