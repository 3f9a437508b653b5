//! Grants: what a plugin may see beyond its own settings and a clock. That is nothing, unless the application's
//! configuration names it; a plugin's file can ask, never take.

use std::borrow::Cow;
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
#[non_exhaustive]
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

/// A kind of grant.
struct Kind {
    /// What it begins with.
    word: &'static str,
    /// How it is spelled.
    spelled: &'static str,
    detail: Detail,
}

/// What follows the word.
enum Detail {
    /// Nothing.
    None(Grant),
    /// A colon and what this reads. It says what is wrong in a clause that follows the grant.
    Of(&'static str, fn(&str) -> Result<Grant, String>),
}

/// Every kind. The words are also those of [`Grant::parts`].
static KINDS: [Kind; 5] = [
    Kind { word: "process", spelled: "`process`", detail: Detail::None(Grant::Process) },
    Kind { word: "report", spelled: "`report`", detail: Detail::None(Grant::Report) },
    Kind {
        word: "facts",
        spelled: "`facts:NAME`, `facts:BEGINNING*`",
        detail: Detail::Of("names nothing; write `facts:NAME`", facts),
    },
    Kind {
        word: "read",
        spelled: "`read:/a/path`",
        detail: Detail::Of("names no file; write `read:/a/path`", read),
    },
    Kind {
        word: "env",
        spelled: "`env:NAME`",
        detail: Detail::Of("names nothing; write `env:NAME`", environment),
    },
];

impl Grant {
    /// Reads a grant as the configuration spells it.
    ///
    /// # Errors
    ///
    /// One line that says what is wrong and which spellings there are.
    pub fn parse(text: &str) -> Result<Grant, String> {
        let (word, detail) = text.split_once(':').map_or((text, None), |(word, detail)| (word, Some(detail)));
        let Some(kind) = KINDS.iter().find(|kind| kind.word == word) else {
            return Err(format!("unknown grant `{text}`; there are {}", spellings()));
        };
        match (&kind.detail, detail) {
            (Detail::None(grant), None) => Ok(grant.clone()),
            (Detail::None(_), Some(_)) => Err(format!("grant `{text}`: `{word}` takes no detail")),
            (Detail::Of(missing, _), None) => Err(format!("grant `{text}` {missing}")),
            (Detail::Of(_, read), Some(detail)) => {
                read(detail).map_err(|reason| format!("grant `{text}`{reason}"))
            }
        }
    }

    /// The word of its kind, and what follows the colon.
    fn parts(&self) -> (&'static str, Option<Cow<'_, str>>) {
        match self {
            Grant::Process => ("process", None),
            Grant::Report => ("report", None),
            Grant::Facts(names) => ("facts", Some(names.into())),
            Grant::Read(path) => ("read", Some(path.to_string_lossy())),
            Grant::Environment(name) => ("env", Some(name.into())),
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

/// All kinds as a sentence lists them.
fn spellings() -> String {
    let [others @ .., last] = KINDS.each_ref().map(|kind| kind.spelled);
    format!("{} or {last}", others.join(", "))
}

fn facts(names: &str) -> Result<Grant, String> {
    let beginning = names.strip_suffix('*').unwrap_or(names);
    if names.is_empty() {
        return Err(" names no fact; write `facts:NAME`, or `facts:*` for all".to_owned());
    }
    if beginning.contains('*') {
        return Err(": a `*` may only stand at the end".to_owned());
    }
    Ok(Grant::Facts(names.to_owned()))
}

fn read(path: &str) -> Result<Grant, String> {
    let path = Path::new(path);
    if !path.is_absolute() {
        return Err(": the path must be absolute, since a process may change its directory".to_owned());
    }
    if path.components().any(|part| part == Component::ParentDir) {
        return Err(": the path must do without `..`, so that all can see where it leads".to_owned());
    }
    // Normalises `//` and `/./`, so that equal paths compare equal.
    Ok(Grant::Read(path.components().collect()))
}

fn environment(name: &str) -> Result<Grant, String> {
    if name.is_empty() {
        return Err(" names no variable; write `env:NAME`".to_owned());
    }
    if name.contains(['*', '=', '\0']) {
        return Err(": one variable by its whole name".to_owned());
    }
    Ok(Grant::Environment(name.to_owned()))
}

impl FromStr for Grant {
    type Err = String;

    fn from_str(text: &str) -> Result<Grant, String> {
        Grant::parse(text)
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            (word, None) => f.write_str(word),
            (word, Some(detail)) => write!(f, "{word}:{detail}"),
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
        check("", Err("`process`, `report`, `facts:NAME`, `facts:BEGINNING*`, `read:/a/path` or `env:NAME`"));
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
