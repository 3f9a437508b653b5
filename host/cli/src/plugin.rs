//! `gmr plugin`: what a plugin's author needs beside a compiler: a project to begin with, a check, a run, a test.

mod cache;
mod check;
mod compile;
mod costs;
mod dev;
mod given;
mod made_up;
mod new;
mod project;
mod run;
mod templates;
mod test;

use anyhow::Result;

/// Make, check, run and test plugins
#[derive(clap::Subcommand)]
pub enum Plugin {
    Check(check::Check),
    Run(run::Run),
    Compile(compile::Compile),
    Test(test::Test),
    Dev(dev::Dev),
    New(new::New),
}

impl Plugin {
    pub fn run(self) -> Result<()> {
        match self {
            Plugin::Check(check) => check.run(),
            Plugin::Run(run) => run.run(),
            Plugin::Compile(compile) => compile.run(),
            Plugin::Test(test) => test.run(),
            Plugin::Dev(dev) => dev.run(),
            Plugin::New(new) => new.run(),
        }
    }
}

/// The beginning of a digest `sha256:...`, by which reports tell builds apart.
fn short(digest: &str) -> &str {
    let digest = digest.rsplit(':').next().unwrap_or(digest);
    digest.get(..12).unwrap_or(digest)
}
