//! The cache of compiled plugins that an author's commands share: in the user's cache directory, and never a service's,
//! unless `--cache-dir` names that.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use gmr::plugin::{Candidate, PluginConfig};

#[derive(Clone, Debug, clap::Args)]
pub struct Cache {
    /// Where compiled plugins are kept; default: `gmr` in the user's cache directory
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    cache_dir: Option<PathBuf>,
    /// Compile anew, and keep nothing
    #[arg(long)]
    no_cache: bool,
}

impl Cache {
    /// The plugin in a file, from the cache if it is there.
    pub fn load(&self, file: &Path, config: &PluginConfig) -> Result<Candidate> {
        let loaded = match self.directory() {
            Some(directory) => Candidate::load_cached(file, config, &directory),
            None => Candidate::load(file, config),
        };
        loaded.map_err(|reason| anyhow!("{reason}"))
    }

    fn directory(&self) -> Option<PathBuf> {
        if self.no_cache {
            return None;
        }
        self.cache_dir.clone().or_else(|| of_user(|name| std::env::var_os(name).map(PathBuf::from)))
    }
}

/// The user's, as the XDG Base Directory Specification has it: a path that is not absolute counts as none.
fn of_user(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name| variable(name).filter(|path| path.is_absolute());
    let base = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")))?;
    Some(base.join("gmr"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_cache_directory_is_where_the_desktop_has_it() {
        let of = |variables: &[(&str, &str)]| {
            of_user(|name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| PathBuf::from(value))
            })
        };
        assert_eq!(of(&[("HOME", "/home/me")]), Some("/home/me/.cache/gmr".into()));
        assert_eq!(of(&[("HOME", "/home/me"), ("XDG_CACHE_HOME", "/fast")]), Some("/fast/gmr".into()));
        assert_eq!(of(&[("HOME", "/home/me"), ("XDG_CACHE_HOME", "")]), Some("/home/me/.cache/gmr".into()));
        assert_eq!(of(&[]), None);
    }
}
