//! `gmr plugin`: what a plugin's author needs beside a compiler: a project to begin with, a check, a run.

mod check;
mod compile;
mod given;
mod made_up;
mod new;
mod run;
mod templates;

use anyhow::Result;

/// Make, check and run plugins
#[derive(clap::Subcommand)]
pub enum Plugin {
    Check(check::Check),
    Run(run::Run),
    Compile(compile::Compile),
    New(new::New),
}

impl Plugin {
    pub fn run(self) -> Result<()> {
        match self {
            Plugin::Check(check) => check.run(),
            Plugin::Run(run) => run.run(),
            Plugin::Compile(compile) => compile.run(),
            Plugin::New(new) => new.run(),
        }
    }
}
