//! The projects that `gmr plugin new` lays out, as they stand in `templates/` and `wit/` of this
//! package, which holds all that it is built from. A manifest is called `Cargo.toml.in` there: cargo leaves out of a
//! package what looks like another one.

use clap::ValueEnum;

/// A language that there is a template for. A further one is a folder in `templates/`, and an arm of
/// [`Language::template`].
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    Rust,
    Python,
    Javascript,
    C,
    Go,
    Assemblyscript,
}

/// A language's project.
pub struct Template {
    /// The template's own files, in which the name is replaced.
    pub files: &'static [File],
    /// The files that are copied as they are.
    pub interface: &'static [File],
}

/// A file's path within the project, and its text.
pub type File = (&'static str, &'static str);

macro_rules! files {
    ($folder:literal: $($path:literal),+ $(,)?) => {
        &[$(($path, include_str!(concat!("../../", $folder, "/", $path)))),+]
    };
}

const RUST: Template = Template {
    files: &[
        ("Cargo.toml", include_str!("../../templates/rust/Cargo.toml.in")),
        ("README.md", include_str!("../../templates/rust/README.md")),
        ("cases/example.toml", include_str!("../../templates/rust/cases/example.toml")),
        ("cases/example.txt", include_str!("../../templates/rust/cases/example.txt")),
        ("src/lib.rs", include_str!("../../templates/rust/src/lib.rs")),
    ],
    // It comes with the package `gmr-plugin`.
    interface: &[],
};

const PYTHON: Template = Template {
    files: files!(
        "templates/python":
        "README.md",
        "build.sh",
        "cases/example.toml",
        "cases/example.txt",
        "my_plugin.py",
        "requirements.txt",
    ),
    interface: INTERFACE,
};

const JAVASCRIPT: Template = Template {
    files: files!(
        "templates/javascript":
        ".npmrc",
        "README.md",
        "build.mjs",
        "cases/example.toml",
        "cases/example.txt",
        "my_plugin.js",
        "package.json",
    ),
    interface: INTERFACE,
};

const C: Template = Template {
    files: files!(
        "templates/c":
        "README.md",
        "bindings/plugin.c",
        "bindings/plugin.h",
        "build.sh",
        "cases/example.toml",
        "cases/example.txt",
        "my_plugin.c",
        "requirements.txt",
        "world.c",
    ),
    interface: INTERFACE,
};

const GO: Template = Template {
    files: files!(
        "templates/go":
        "README.md",
        "build.sh",
        "cases/example.toml",
        "cases/example.txt",
        "gmr/document.go",
        "gmr/host.go",
        "gmr/plugin.go",
        "go.mod",
        "main.go",
        "requirements.txt",
    ),
    interface: INTERFACE,
};

const ASSEMBLYSCRIPT: Template = Template {
    files: files!(
        "templates/assemblyscript":
        "README.md",
        "build.sh",
        "cases/example.toml",
        "cases/example.txt",
        "gmr.ts",
        "my_plugin.ts",
        "package.json",
        "requirements.txt",
    ),
    interface: INTERFACE,
};

/// The interface.
const INTERFACE: &[File] = files!(
    ".":
    "wit/clock.wit",
    "wit/diagnostics.wit",
    "wit/document.wit",
    "wit/environment.wit",
    "wit/facts.wit",
    "wit/files.wit",
    "wit/grants.wit",
    "wit/process.wit",
    "wit/report.wit",
    "wit/section.wit",
    "wit/settings.wit",
    "wit/state.wit",
    "wit/world.wit",
);

impl Language {
    pub fn template(self) -> &'static Template {
        match self {
            Language::Rust => &RUST,
            Language::Python => &PYTHON,
            Language::Javascript => &JAVASCRIPT,
            Language::C => &C,
            Language::Go => &GO,
            Language::Assemblyscript => &ASSEMBLYSCRIPT,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The files below a folder, as `a/b`.
    fn below(folder: &Path, prefix: &str) -> Vec<String> {
        let entries = folder.read_dir().unwrap().flatten();
        let mut paths: Vec<String> = entries
            .flat_map(|entry| {
                let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
                if entry.path().is_dir() { below(&entry.path(), &format!("{name}/")) } else { vec![name] }
            })
            .collect();
        paths.sort();
        paths
    }

    #[test]
    fn no_file_is_forgotten() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let listed = |files: &[File]| files.iter().map(|(path, _)| path.to_string()).collect::<Vec<_>>();
        for language in Language::value_variants() {
            let mut paths = listed(language.template().files);
            paths.sort();
            let folder = language.to_possible_value().unwrap();
            let mut files = below(&root.join("templates").join(folder.get_name()), "");
            files.iter_mut().for_each(|path| path.truncate(path.trim_end_matches(".in").len()));
            files.sort();
            assert_eq!(paths, files);
        }
        assert_eq!(listed(INTERFACE), below(&root.join("wit"), "wit/"));
    }
}
