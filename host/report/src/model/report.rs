//! A report: the process that it is of, why it was made, and its sections.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::unknown::words;
use super::{Section, encoding};

/// What a process was doing at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// Which process a report is of, and why it was made.
    pub header: Header,
    /// The sections, in the order in which they are shown.
    pub sections: Vec<Section>,
}

/// Which process a report is of, and why it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Header {
    /// The service's name: the package's, unless the settings give another.
    pub service: String,
    /// The service's version.
    pub version: String,
    /// The host's name.
    pub host: String,
    /// The process id.
    pub process: u32,
    /// How long the process had been running, where that is known.
    #[serde(with = "encoding::optional_nanoseconds", default, skip_serializing_if = "Option::is_none")]
    pub uptime: Option<Duration>,
    /// When the report was begun.
    pub time: Timestamp,
    /// What asked for it.
    pub trigger: Trigger,
    /// From the trigger's arrival at the reporter to the last section; `None` in a head that was printed
    /// before its sections were ready.
    #[serde(with = "encoding::optional_nanoseconds", default, skip_serializing_if = "Option::is_none")]
    pub took: Option<Duration>,
}

/// What asked for a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Trigger {
    /// Which of the ways.
    pub kind: TriggerKind,
    /// The signal with its sender, or the path; empty for a call.
    pub detail: String,
    /// How many triggers this report answers: those that arrived during the one before are joined.
    pub count: u32,
}

words! {
    /// The ways to ask for a report.
    TriggerKind {
        /// A signal.
        Signal = "signal",
        /// A change of the watched file.
        File = "file",
        /// A call of the application's own.
        Call = "call",
    }
}

impl Report {
    /// A report without sections.
    pub fn new(header: Header) -> Report {
        Report { header, sections: Vec::new() }
    }

    /// Where to look first, as pairs of a section's title, with its plugin if that is another name, and an entry: what the
    /// diagnosis says, whose entries have an empty title, then sections that failed, and what sections remarked themselves. The first line of an entry says
    /// what, others say more of it. Empty when there is nothing to say.
    ///
    /// ```
    /// # use gmr_report::{Header, NativeSection, Origin, Report, Section, Trigger, TriggerKind};
    /// # let trigger = Trigger::new(TriggerKind::Call, "");
    /// # let mut report = Report::new(Header::new("shop", "2026-11-22T14:03:07Z".parse().unwrap(), trigger));
    /// let mut diagnosis = Section::native(NativeSection::Diagnosis);
    /// diagnosis.remarks.push("deadlock: tasks 17 and 18 wait for each other\n...".to_owned());
    /// report.sections.push(Section::new("pool", "Pool", Origin::Plugin).failed("no pool today"));
    /// report.sections.push(diagnosis);
    /// let entries: Vec<_> = report.look_at().map(|(title, _)| title).collect();
    /// assert_eq!(entries, ["", "Pool"]);
    /// ```
    pub fn look_at(&self) -> impl Iterator<Item = (String, String)> {
        let part =
            |diagnosis: bool| self.sections.iter().filter(move |part| part.is_diagnosis() == diagnosis);
        part(true).chain(part(false)).flat_map(Section::look_at)
    }

    /// The section of this name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }
}

impl Header {
    /// The head of a report of this service, begun at this time: of version, host and process nothing is known.
    ///
    /// ```
    /// use gmr_report::{Header, Trigger, TriggerKind};
    ///
    /// let trigger = Trigger::new(TriggerKind::Call, "");
    /// let mut header = Header::new("shop", "2026-11-22T14:03:07Z".parse().unwrap(), trigger);
    /// header.host = "api-3".to_owned();
    /// assert_eq!(header.trigger.count, 1);
    /// ```
    pub fn new(service: impl Into<String>, time: Timestamp, trigger: Trigger) -> Header {
        Header {
            service: service.into(),
            version: String::new(),
            host: String::new(),
            process: 0,
            uptime: None,
            time,
            trigger,
            took: None,
        }
    }
}

impl Trigger {
    /// A trigger that its report answers alone. `detail` is the signal with its sender, or the path; empty for a call.
    pub fn new(kind: TriggerKind, detail: impl Into<String>) -> Trigger {
        Trigger { kind, detail: detail.into(), count: 1 }
    }
}
