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
    /// For Rust: the directory of the package `gmr-plugin`; default: `plugins/sdk` of the checkout that this command was
    /// built from
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

/// What the templates are called until they get a name.
const PLACEHOLDER: &str = "my_plugin";

/// The template's dependency, as it stands once both packages come from a registry.
const SDK: &str = "gmr-plugin = \"0.1.0\"";

/// Where this package lay when the command was built from it.
const PACKAGE: &str = env!("CARGO_MANIFEST_DIR");

impl New {
    pub fn run(self) -> Result<()> {
        let sdk = self.sdk()?;
        let project = self.path.clone().unwrap_or_else(|| PathBuf::from(&self.name));
        make(&project)?;
        let template = self.lang.template();
        for (path, text) in template.files {
            write(&project, &self.named(path), &self.named(text).replace(SDK, &sdk))?;
        }
        for (path, text) in template.interface {
            write(&project, path, text)?;
        }
        output::print(&self.next(&project))
    }

    /// The dependency as the project's manifest has it.
    fn sdk(&self) -> Result<String> {
        match &self.sdk {
            Some(_) if self.lang != Language::Rust => bail!(
                "--sdk is for --lang rust: the others have all that they need of gmr in their folder `wit`"
            ),
            Some(sdk) => dependency(sdk),
            None if self.lang != Language::Rust => Ok(SDK.to_owned()),
            None => found_sdk(Path::new(PACKAGE)),
        }
    }

    fn named(&self, text: &str) -> String {
        text.replace(PLACEHOLDER, &self.name)
    }

    /// The commands that the project's README names: the lines that are indented before its first
    /// sentence about installing.
    fn next(&self, project: &Path) -> String {
        let readme = self.lang.template().files.iter().find(|(path, _)| *path == "README.md");
        let readme = self.named(readme.map_or("", |(_, text)| text));
        let commands = readme.lines().skip_while(|line| !line.starts_with("    "));
        let commands = commands.take_while(|line| line.starts_with("    "));
        let command = own_command();
        let own = |line: &str| line.replacen("    gmr ", &format!("    {command} "), 1);
        let commands: String = commands.map(|line| own(line) + "\n").collect();
        let shown = project.display();
        format!("made {shown}; next:\n\n    cd {shown}\n{commands}")
    }
}

/// The dependency where nobody says where the package lies: beside this command's own, wherever that came from.
fn found_sdk(package: &Path) -> Result<String> {
    let beside = package.join("../../plugins/sdk");
    if beside.join("Cargo.toml").is_file() {
        return dependency(&beside);
    }
    // Where cargo unpacks what it has from a registry; what is published has its version there.
    if package.components().any(|part| part.as_os_str() == "registry") {
        return Ok(SDK.to_owned());
    }
    bail!(
        "the package gmr-plugin is in no registry yet, and the checkout that this command was built from is gone \
         ({}): name one by --sdk CHECKOUT/plugins/sdk",
        package.display()
    )
}

/// The dependency on the package in this directory.
fn dependency(sdk: &Path) -> Result<String> {
    let sdk = fs::canonicalize(sdk).with_context(|| format!("cannot find {}", sdk.display()))?;
    if !sdk.join("Cargo.toml").is_file() {
        bail!("{} is no package: it has no Cargo.toml", sdk.display());
    }
    let path = sdk.to_str().with_context(|| format!("{} is no text", sdk.display()))?;
    // A string of JSON is one of TOML too.
    Ok(format!("gmr-plugin = {{ path = {} }}", serde_json::Value::from(path)))
}

/// How this command is called so that a shell finds it: by its name, or by its path where the name means nothing or
/// another file.
fn own_command() -> String {
    let Ok(own) = std::env::current_exe() else { return "gmr".to_owned() };
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join("gmr")).find(|file| file.is_file());
    if found.and_then(|file| file.canonicalize().ok()) == own.canonicalize().ok() {
        return "gmr".to_owned();
    }
    let path = own.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if path.chars().all(is_plain) { path } else { format!("'{}'", path.replace('\'', "'\\''")) }
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
const TAKEN: [&str; 13] = [
    "wit",
    "wit_world",
    "test",
    "core",
    "std",
    "alloc",
    "gmr",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sdk_is_found_where_this_command_comes_from() {
        let checkout = tempfile::tempdir().unwrap();
        let package = checkout.path().join("host/cli");
        fs::create_dir_all(&package).unwrap();
        let gone = found_sdk(&package).unwrap_err().to_string();
        assert!(gone.contains("--sdk CHECKOUT/plugins/sdk") && gone.contains("in no registry"), "{gone}");
        fs::create_dir_all(checkout.path().join("plugins/sdk")).unwrap();
        fs::write(checkout.path().join("plugins/sdk/Cargo.toml"), "").unwrap();
        let found = found_sdk(&package).unwrap();
        assert!(found.starts_with("gmr-plugin = { path = \"") && found.contains("plugins/sdk\""), "{found}");
        let published = found_sdk(Path::new("/home/me/.cargo/registry/src/index/gmr-cli-0.1.0")).unwrap();
        assert_eq!(published, SDK);
    }
}
