//! What a plugin may see beyond its own settings and a clock: nothing, unless the application's configuration names
//! it. A plugin's file can ask, never take.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

/// One thing that a plugin is allowed to see, as `[gmr.plugins.NAME] grants = [...]` spells it.
///
/// | spelled | allows |
/// |---|---|
/// | `process` | figures of this process: memory, CPU, descriptors, limits, cgroup, sockets, mounts, modules |
/// | `report` | what the report has collected until then, threads and tasks with their frames included |
/// | `facts:pool.size`, `facts:pool.*`, `facts:*` | one fact, those whose names begin so, all |
/// | `read:/etc/app` | a file, or a directory with everything below it, read only |
/// | `env:LANG` | one environment variable |
///
/// ```
/// use gmr::plugin::Grant;
///
/// assert_eq!(Grant::parse("facts:pool.*").unwrap().to_string(), "facts:pool.*");
/// assert!(Grant::parse("reed:/etc").unwrap_err().contains("`read:/a/path`"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grant {
    /// Figures of this process.
    Process,
    /// What the report has collected.
    Report,
    /// Facts of this name, or of names that begin with what stands before a final `*`.
    Facts(String),
    /// A file, or a directory with everything below it.
    Read(PathBuf),
    /// An environment variable.
    Environment(String),
}

const KNOWN: &str = "`process`, `report`, `facts:NAME`, `facts:BEGINNING*`, `read:/a/path` or `env:NAME`";

impl Grant {
    /// Reads a grant as the configuration spells it.
    ///
    /// # Errors
    ///
    /// One line that says what is wrong and which spellings there are.
    pub fn parse(text: &str) -> Result<Grant, String> {
        let (kind, detail) = text.split_once(':').map_or((text, None), |(kind, detail)| (kind, Some(detail)));
        match (kind, detail) {
            ("process", None) => Ok(Grant::Process),
            ("report", None) => Ok(Grant::Report),
            ("process" | "report", Some(_)) => Err(format!("grant `{text}`: `{kind}` takes no detail")),
            ("facts", Some(names)) => facts(text, names),
            ("read", Some(path)) => read(text, Path::new(path)),
            ("env", Some(name)) => environment(text, name),
            ("facts" | "env", None) => Err(format!("grant `{text}` names nothing; write `{kind}:NAME`")),
            ("read", None) => Err(format!("grant `{text}` names no file; write `read:/a/path`")),
            _ => Err(format!("unknown grant `{text}`; there are {KNOWN}")),
        }
    }

    /// Whether this grant allows to read the fact of this name.
    pub(crate) fn allows_fact(&self, name: &str) -> bool {
        match self {
            Grant::Facts(pattern) => match pattern.strip_suffix('*') {
                Some(beginning) => name.starts_with(beginning),
                None => name == pattern,
            },
            _ => false,
        }
    }
}

fn facts(text: &str, names: &str) -> Result<Grant, String> {
    match names.strip_suffix('*').unwrap_or(names) {
        "" if names.is_empty() => {
            Err(format!("grant `{text}` names no fact; write `facts:NAME`, or `facts:*` for all"))
        }
        beginning if beginning.contains('*') => {
            Err(format!("grant `{text}`: a `*` may only stand at the end"))
        }
        _ => Ok(Grant::Facts(names.to_owned())),
    }
}

fn read(text: &str, path: &Path) -> Result<Grant, String> {
    if !path.is_absolute() {
        return Err(format!(
            "grant `{text}`: the path must be absolute, since a process may change its directory"
        ));
    }
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(format!(
            "grant `{text}`: the path must do without `..`, so that all can see where it leads"
        ));
    }
    // Normalises `//` and `/./`, so that equal paths compare equal.
    Ok(Grant::Read(path.components().collect()))
}

fn environment(text: &str, name: &str) -> Result<Grant, String> {
    match name {
        "" => Err(format!("grant `{text}` names no variable; write `env:NAME`")),
        name if name.contains(['*', '=', '\0']) => {
            Err(format!("grant `{text}`: one variable by its whole name"))
        }
        name => Ok(Grant::Environment(name.to_owned())),
    }
}

impl FromStr for Grant {
    type Err = String;

    fn from_str(text: &str) -> Result<Grant, String> {
        Grant::parse(text)
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Grant::Process => f.write_str("process"),
            Grant::Report => f.write_str("report"),
            Grant::Facts(names) => write!(f, "facts:{names}"),
            Grant::Read(path) => write!(f, "read:{}", path.display()),
            Grant::Environment(name) => write!(f, "env:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<Grant, &str>) {
        match (Grant::parse(text), expected) {
            (Ok(grant), Ok(expected)) => {
                assert_eq!(grant, expected);
                assert_eq!(Grant::parse(&grant.to_string()).as_ref(), Ok(&grant), "it reads back");
            }
            (Err(error), Err(expected)) => assert!(error.contains(expected), "{error}"),
            (parsed, expected) => panic!("{text}: {parsed:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn every_spelling_has_its_meaning() {
        check("process", Ok(Grant::Process));
        check("report", Ok(Grant::Report));
        check("facts:pool", Ok(Grant::Facts("pool".into())));
        check("facts:pool.*", Ok(Grant::Facts("pool.*".into())));
        check("facts:*", Ok(Grant::Facts("*".into())));
        check("read:/etc//app/./", Ok(Grant::Read("/etc/app".into())));
        check("env:LANG", Ok(Grant::Environment("LANG".into())));
    }

    #[test]
    fn what_is_not_a_grant_says_what_would_be() {
        check("", Err("there are `process`"));
        check("Process", Err("unknown grant `Process`"));
        check("process:memory", Err("takes no detail"));
        check("facts", Err("write `facts:NAME`"));
        check("facts:", Err("`facts:*` for all"));
        check("facts:*.size", Err("only stand at the end"));
        check("facts:a**", Err("only stand at the end"));
        check("read", Err("write `read:/a/path`"));
        check("read:", Err("must be absolute"));
        check("read:etc", Err("must be absolute"));
        check("read:/etc/../root", Err("without `..`"));
        check("env:", Err("write `env:NAME`"));
        check("env:LC_*", Err("whole name"));
    }

    #[test]
    fn a_pattern_covers_names_that_begin_so_and_no_others() {
        let allows = |grant: &str, name| Grant::parse(grant).unwrap().allows_fact(name);
        assert!(allows("facts:pool.*", "pool.size") && allows("facts:pool.*", "pool."));
        assert!(!allows("facts:pool.*", "pool") && !allows("facts:pool.*", "spool.size"));
        assert!(allows("facts:pool", "pool") && !allows("facts:pool", "pool.size"));
        assert!(allows("facts:*", "anything") && !allows("process", "process"));
    }
}
