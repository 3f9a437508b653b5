//! Words for what the doctor finds and advises, each a sentence without a full stop.

use gmr_inspect::process::MemoryDemand;
use gmr_inspect::tasks::{Advice, DebugInformationFault, Finding, MemoryCost, Reason};

pub fn finding(finding: &Finding) -> String {
    let words = match finding {
        Finding::UnwindTables => "it has unwind tables, so stacks are complete",
        Finding::NoUnwindTables => "it has no unwind tables, so stacks depend on frame pointers",
        Finding::Symbols => "it has symbols, so functions have names",
        Finding::NoSymbols => "it has no symbols, so functions are addresses",
        Finding::LineTables => "it has line tables, so frames have files and lines",
        Finding::LineTablesIn(file) => return format!("its line tables are in {}", file.display()),
        Finding::NoLineTables => "it has no line tables, so frames have no lines",
        Finding::DebugInformationIn(file) => {
            return format!("its debug information is in {}", file.display());
        }
        Finding::Compressed => "its debug information is compressed, which takes longer at the first report",
        Finding::MissingUnits(count) => {
            return format!(
                "{count} units of its debug information were split off into files that are not there"
            );
        }
        Finding::NoChains(why) => {
            let why = reason(why);
            return format!("{why}: only tasks that register themselves are listed, without chains");
        }
        Finding::OnlyRegistered(why) => {
            return format!("{}: only tasks that register themselves are listed", reason(why));
        }
        Finding::AllTasks => {
            "it describes tokio's tasks: those of runtimes that are passed in, or that threads run, are found"
        }
        Finding::FutureTypes(count) => return format!("it describes {count} types of future"),
        other => return format!("{other:?}"),
    };
    words.to_owned()
}

/// What reading the debug information takes, and where a process has too little for it.
pub fn memory(cost: &MemoryCost) -> String {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let line = |what: &str, demand: MemoryDemand| {
        let (private, all) = (demand.private_bytes, demand.private_bytes.saturating_add(demand.mapped_bytes));
        // At most half of what is free is taken.
        format!(
            "  {what}: {} MiB; left out where less than {} MiB are free, or {} MiB of address space\n",
            mib(private),
            mib(private.saturating_mul(2)),
            mib(all.saturating_mul(2))
        )
    };
    let chains = line("at install, to read chains of awaits", cost.chains);
    let lines = line("at a report, to read files and lines", cost.lines);
    format!("Memory:\n{chains}{lines}")
}

/// A report speaks of the program that it is in, the doctor of a file.
fn reason(reason: &Reason) -> String {
    match reason {
        Reason::DebugInformation(DebugInformationFault::NoTypes) => {
            "its debug information has no types".to_owned()
        }
        other => gmr::words_of_reason(other),
    }
}

pub fn advice(advice: Advice) -> String {
    let words = match advice {
        Advice::UnwindTables => "build with `-C force-unwind-tables=yes`",
        Advice::KeepSymbols => "do not strip the executable, or keep its debug file beside it",
        Advice::LineTables => "build with `debug = \"line-tables-only\"` or more",
        Advice::Types => {
            "build with `debug = 2` for the packages whose tasks are of interest, \
             and with `[profile.release.package.gmr-inspect] debug = 2`"
        }
        Advice::SplitFiles => "keep the .dwo files where they were built, or pack them into a .dwp file",
        other => return format!("{other:?}"),
    };
    words.to_owned()
}
