//! `gmr plugin compile`: plugins into the cache of a service, ahead of time, so that the service need not compile them, or with
//! `compile = "never"` may not.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use gmr::Settings;
use gmr::plugin::{CompileOptions, CompiledFile, compile};
use gmr::report::format::text::escape;
use gmr::report::words::{bytes, duration};

use crate::output;

/// Compile plugins into the cache of a service
#[derive(clap::Args)]
pub struct Compile {
    /// The plugins, where the service finds them: NAME.wasm
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The service's `cache_dir`; made with mode 0700, and used only if it is this user's alone. Default: the one in
    /// the settings file
    #[arg(long, value_name = "DIR", required_unless_present = "settings_file")]
    cache_dir: Option<PathBuf>,
    /// The service's settings, whose limits apply
    #[arg(long, value_name = "FILE")]
    settings_file: Option<PathBuf>,
}

impl Compile {
    pub fn run(self) -> Result<()> {
        let settings = match &self.settings_file {
            // The error's own text holds its cause already.
            Some(file) => Settings::from_file(file).map_err(|error| anyhow!("{error}"))?,
            None => Settings::default(),
        };
        let Some(cache) = self.cache_dir.as_deref().or(settings.cache_dir.as_deref()) else {
            bail!("the settings have no `cache_dir`: name one by --cache-dir");
        };
        let mut failed = 0;
        for file in &self.files {
            match compile(file, cache, &options(&settings, file)) {
                Ok(compiled) => output::print(&print(&compiled))?,
                Err(reason) if self.files.len() == 1 => bail!("{reason}"),
                // The others may be compiled all the same.
                Err(reason) => {
                    failed += 1;
                    output::note(&reason);
                }
            }
        }
        if failed > 0 {
            bail!("{failed} of {} plugins are not in {}", self.files.len(), cache.display());
        }
        Ok(())
    }
}

/// Under the limits that the service has.
fn options(settings: &Settings, file: &Path) -> CompileOptions {
    let mut options = CompileOptions::default();
    (options.memory_bytes, options.time) = (settings.compile_memory, settings.compile_time);
    let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    if let Some(config) = settings.plugins.get(name) {
        options.config = config.clone();
    }
    options
}

fn print(compiled: &CompiledFile) -> String {
    let how = match (compiled.took, compiled.peak_bytes) {
        (None, _) => "was there".to_owned(),
        (Some(took), None) => format!("compiled in {}", duration(took)),
        (Some(took), Some(peak)) => format!("compiled in {} with {} of memory", duration(took), bytes(peak)),
    };
    let (name, digest) = (escape(&compiled.name), compiled.digest);
    format!(
        "{name}  {digest}  {}, {} in the cache, {how}\n",
        bytes(compiled.size_bytes),
        bytes(compiled.cached_bytes)
    )
}
