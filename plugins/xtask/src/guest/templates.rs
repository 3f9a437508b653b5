//! Builds the templates of `gmr plugin new` by the commands that their READMEs name.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::output::Output;
use super::stamp::copy;
use super::toolchain::Toolchain;
use super::{javascript, python, rust};
use crate::command::{Step, announce};

/// What the templates are called until they get a name.
const NAME: &str = "my_plugin";

/// Builds each template to a folder of its own within `target`, and returns the components.
pub fn build(root: &Path, target: &Path, toolchain: &Toolchain) -> Result<Vec<PathBuf>> {
    announce("building the templates of `gmr plugin new`");
    let projects = target.join("templates");
    let project = |language: &str| lay_out(root, &projects, language);

    let (rust_project, python_project, javascript_project) =
        (project("rust")?, project("python")?, project("javascript")?);
    // The package is not fetched from a registry: what is tested is the one that stands here.
    let patch = format!("patch.crates-io.gmr-plugin.path={:?}", root.join("plugins/sdk"));
    let mut output = Output::new(rust_project.join("built"))?;
    rust::build(&rust_project, target, toolchain, &["--config", &patch], &mut output)?;
    let rust_component = output.finish(&[])?;

    let python_component = python_project.join(NAME).with_extension("wasm");
    let environment = python::environment(root, target)?;
    python::componentize(
        &environment,
        &python_project,
        &python_project.join("wit"),
        NAME,
        &python_component,
    )?;

    javascript::install(root, target)?;
    Step::new("node").arg("build.mjs").within(&javascript_project).run()?;
    let javascript_component = javascript_project.join(NAME).with_extension("wasm");
    Ok(rust_component.into_iter().chain([python_component, javascript_component]).collect())
}

/// Lays out a project as `gmr plugin new` does.
fn lay_out(root: &Path, projects: &Path, language: &str) -> Result<PathBuf> {
    let (template, project) = (root.join("host/cli/templates").join(language), projects.join(language));
    copy(&template, &project)?;
    let manifest = project.join("Cargo.toml.in");
    if manifest.exists() {
        std::fs::rename(manifest, project.join("Cargo.toml"))?;
    }
    if template.join("src").exists() {
        copy(&template.join("src"), &project.join("src"))?;
    }
    copy(&root.join("wit"), &project.join("wit"))?;
    Ok(project)
}
