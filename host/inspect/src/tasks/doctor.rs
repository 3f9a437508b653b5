//! What a given executable will tell of its threads and tasks, and why: asked of the file, not of a process.

use std::path::Path;

use super::debug_info::{Contents, Index, Source, Types};
use super::walk;

/// What an executable will show when it reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// Of its threads' stacks.
    pub threads: Outlook,
    /// Of its tasks' chains.
    pub tasks: Outlook,
}

/// What to expect, with the reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// How much will be there.
    pub level: Level,
    /// What was found in the file, each a sentence without a full stop.
    pub reasons: Vec<String>,
    /// What would make it better, each a sentence without a full stop; empty where nothing is missing.
    pub advice: Vec<String>,
}

/// How much a report will show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Addresses only; of tasks, those that register themselves.
    Least,
    /// Functions without lines; of tasks, some chains.
    Some,
    /// Everything: functions, files and lines, inlined calls; chains of all tasks.
    Full,
}

const TYPES_ADVICE: &str = "build with `debug = 2` for the packages whose tasks are of interest, \
     and with `[profile.release.package.gmr-inspect] debug = 2`";
const SYMBOLS_ADVICE: &str = "do not strip the executable, or keep its debug file beside it";

/// Reads the executable at `path` and says what it will show.
///
/// It reads all of its debug information: 50 ms to some seconds.
///
/// # Errors
///
/// A sentence, if there is no such file or it is no executable that could be read.
///
/// ```
/// use gmr_inspect::tasks::{Level, doctor};
///
/// let own = doctor(std::env::current_exe().unwrap()).unwrap();
/// assert!(own.threads.level >= Level::Some);
/// assert!(doctor("/no/such/file").is_err());
/// ```
pub fn doctor(path: impl AsRef<Path>) -> Result<Diagnosis, String> {
    let path = path.as_ref();
    let contents = Contents::of(path)?;
    Ok(Diagnosis { threads: threads(&contents), tasks: tasks(path, &contents) })
}

fn threads(contents: &Contents) -> Outlook {
    let (mut reasons, mut advice) = (Vec::new(), Vec::new());
    reasons.push(match contents.unwind_tables {
        true => "it has unwind tables, so stacks are complete".to_owned(),
        false => "it has no unwind tables, so stacks depend on frame pointers".to_owned(),
    });
    if !contents.unwind_tables {
        advice.push("build with `-C force-unwind-tables=yes`".to_owned());
    }
    reasons.push(match contents.symbols {
        true => "it has symbols, so functions have names".to_owned(),
        false => "it has no symbols, so functions are addresses".to_owned(),
    });
    let lines = contents.line_tables || contents.separate.is_some();
    reasons.push(match (&contents.separate, contents.line_tables) {
        (_, true) => "it has line tables, so frames have files and lines".to_owned(),
        (Some(place), false) => format!("its line tables are in {place}"),
        (None, false) => "it has no line tables, so frames have no lines".to_owned(),
    });
    if !contents.symbols && !lines {
        advice.push(SYMBOLS_ADVICE.to_owned());
    }
    if !lines {
        advice.push("build with `debug = \"line-tables-only\"` or more".to_owned());
    }
    let level = match (contents.unwind_tables && lines, contents.symbols || lines) {
        (true, _) => Level::Full,
        (false, true) => Level::Some,
        (false, false) => Level::Least,
    };
    Outlook { level, reasons, advice }
}

fn tasks(path: &Path, contents: &Contents) -> Outlook {
    let (mut reasons, mut advice) = (Vec::new(), Vec::new());
    if let Some(place) = &contents.separate {
        reasons.push(format!("its debug information is in {place}"));
    }
    if contents.compressed {
        reasons
            .push("its debug information is compressed, which takes longer at the first report".to_owned());
    }
    let source = Source::new(path);
    let index = match Index::build(&source, None) {
        Ok(index) if index.has_types() => index,
        built => {
            let reason = built.err().unwrap_or_else(|| "its debug information has no types".to_owned());
            reasons.push(format!("{reason}: only tasks that register themselves are listed, without chains"));
            return Outlook { level: Level::Least, reasons, advice: vec![TYPES_ADVICE.to_owned()] };
        }
    };
    if index.unreadable_units > 0 {
        reasons.push(format!(
            "{} units of its debug information were split off into files that are not there",
            index.unreadable_units
        ));
        advice.push("keep the .dwo files where they were built, or pack them into a .dwp file".to_owned());
    }
    // Nothing is read from memory, so it does not matter where the executable would lie.
    let types = Types::new(&source, &index, 0);
    match walk::describes(&types) {
        Ok(()) => {
            reasons.push("it describes tokio's tasks, so all of them are found".to_owned());
            reasons.push(format!("it describes {} types of future", index.futures()));
            let level = if index.unreadable_units == 0 { Level::Full } else { Level::Some };
            Outlook { level, reasons, advice }
        }
        Err(reason) => {
            reasons.push(format!("{reason}: only tasks that register themselves are listed"));
            advice.push(TYPES_ADVICE.to_owned());
            Outlook { level: Level::Least, reasons, advice }
        }
    }
}
