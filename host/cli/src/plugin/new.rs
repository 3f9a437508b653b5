//! `gmr plugin new`: a project that builds. It writes into a directory that it makes itself, never into one
//! that exists.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use gmr::report::NativeSection;

use super::templates::Language;
use crate::output;

/// Lay out a plugin's project
#[derive(clap::Args)]
pub struct New {
    /// The plugin's name: lower-case letters, digits and underscores
    #[arg(value_parser = name)]
    name: String,
    /// The language
    #[arg(long, value_enum)]
    lang: Language,
    /// The directory to make; default: the plugin's name
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// For Rust: take the package `gmr-plugin` from this directory instead of the registry
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

/// What the templates are called until they get a name.
const PLACEHOLDER: &str = "my_plugin";

/// The template's dependency, which `--sdk` replaces.
const SDK: &str = "gmr-plugin = \"0.1.0\"";

impl New {
    pub fn run(self) -> Result<()> {
        let sdk = self.sdk()?;
        let project = self.path.clone().unwrap_or_else(|| PathBuf::from(&self.name));
        make(&project)?;
        for (path, text) in self.lang.files() {
            write(&project, &self.named(path), &self.named(text).replace(SDK, &sdk))?;
        }
        for (path, text) in self.lang.interface() {
            write(&project, path, text)?;
        }
        output::print(&self.next(&project))
    }

    /// The dependency as the project's manifest has it.
    fn sdk(&self) -> Result<String> {
        let Some(sdk) = &self.sdk else { return Ok(SDK.to_owned()) };
        if self.lang != Language::Rust {
            bail!(
                "--sdk is for --lang rust: the others have all that they need of gmr in their folder `wit`"
            );
        }
        let sdk = fs::canonicalize(sdk).with_context(|| format!("cannot find {}", sdk.display()))?;
        if !sdk.join("Cargo.toml").is_file() {
            bail!("{} is no package: it has no Cargo.toml", sdk.display());
        }
        let path = sdk.to_str().with_context(|| format!("{} is no text", sdk.display()))?;
        // A string of JSON is one of TOML too.
        Ok(format!("gmr-plugin = {{ path = {} }}", serde_json::Value::from(path)))
    }

    fn named(&self, text: &str) -> String {
        text.replace(PLACEHOLDER, &self.name)
    }

    /// The commands that the project's README names: the lines that are indented before its first
    /// sentence about installing.
    fn next(&self, project: &Path) -> String {
        let readme = self.lang.files().iter().find(|(path, _)| *path == "README.md");
        let readme = self.named(readme.map_or("", |(_, text)| text));
        let commands = readme.lines().skip_while(|line| !line.starts_with("    "));
        let commands = commands.take_while(|line| line.starts_with("    "));
        let commands: String = commands.map(|line| format!("{line}\n")).collect();
        let shown = project.display();
        format!("made {shown}; next:\n\n    cd {shown}\n{commands}")
    }
}

fn make(project: &Path) -> Result<()> {
    if let Some(parent) = project.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    match fs::create_dir(project) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{} exists already; choose another --path", project.display())
        }
        made => made.with_context(|| format!("cannot make {}", project.display())),
    }
}

fn write(project: &Path, path: &str, text: &str) -> Result<()> {
    let path = project.join(path);
    let made = path.parent().map_or(Ok(()), fs::create_dir_all);
    made.and_then(|()| fs::write(&path, text)).with_context(|| format!("cannot write {}", path.display()))
}

/// Words that are no name of a package or module in one of the languages.
const TAKEN: [&str; 12] = [
    "wit",
    "wit_world",
    "test",
    "core",
    "std",
    "alloc",
    "gmr_plugin",
    "import",
    "class",
    "async",
    "self",
    "fn",
];

fn name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) || text.len() > 64 || !text.chars().all(allowed) {
        let rule = "1 to 64 lower-case letters, digits and underscores, beginning with a letter";
        return Err(format!("a plugin's name has {rule}"));
    }
    if NativeSection::named(text).is_some() || TAKEN.contains(&text) {
        return Err(format!(
            "`{text}` already means something to the report or to a compiler; choose another"
        ));
    }
    Ok(text.to_owned())
}
