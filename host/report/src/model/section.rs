//! A section: a titled part of a report, its maker, and the table of the sections that the library itself makes.

use serde::{Deserialize, Serialize};

use super::Block;
use super::spelling::skeleton;
use super::unknown::words;

/// A titled part of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Section {
    /// What programs know it by, unique in the report: `threads`, or a plugin's name.
    pub name: String,
    /// What people read above it.
    pub title: String,
    /// The maker.
    pub origin: Origin,
    /// Why there is no section, or not the whole of it. Blocks may follow all the same: what was there by
    /// then, a trap's frames, what a plugin wrote to its standard error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// What deserves a look first, an entry each: a line, and lines that say more below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// Its body.
    pub blocks: Vec<Block>,
}

words! {
    /// The maker of a section, which vouches for it.
    Origin {
        /// The library.
        Native = "native",
        /// The application that the report is of.
        Application = "application",
        /// A plugin.
        Plugin = "plugin",
    }
}

/// A section that the library itself makes. No other section can have its name.
///
/// ```
/// use gmr_report::NativeSection;
///
/// assert_eq!(NativeSection::GreenThreads.name(), "green_threads");
/// assert!(NativeSection::ALL.iter().any(|section| section.title() == "Threads"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NativeSection {
    /// What is running.
    Package,
    /// Every thread.
    Threads,
    /// Every async task.
    GreenThreads,
    /// What is likely to be wrong, and who waits for whom.
    Diagnosis,
    /// The application's options.
    Configuration,
    /// What is wrong with the reporter itself.
    Reporter,
    /// The plugins that there are.
    Plugins,
    /// What stands where the plugins' sections would if making them failed as a whole.
    PluginSections,
}

impl NativeSection {
    /// All of them.
    pub const ALL: &[NativeSection] = &[
        NativeSection::Package,
        NativeSection::Threads,
        NativeSection::GreenThreads,
        NativeSection::Diagnosis,
        NativeSection::Configuration,
        NativeSection::Reporter,
        NativeSection::Plugins,
        NativeSection::PluginSections,
    ];

    /// What programs know it by.
    pub fn name(self) -> &'static str {
        self.words().0
    }

    /// What people read above it.
    pub fn title(self) -> &'static str {
        self.words().1
    }

    /// The native section of this name, if there is one.
    pub fn named(name: &str) -> Option<NativeSection> {
        NativeSection::ALL.iter().copied().find(|section| section.name() == name)
    }

    /// The native section whose name or title a reader would take this for.
    ///
    /// ```
    /// use gmr_report::NativeSection;
    ///
    /// assert_eq!(NativeSection::resembling("Green-THREADS"), Some(NativeSection::GreenThreads));
    /// assert_eq!(NativeSection::resembling("pool"), None);
    /// ```
    pub fn resembling(text: &str) -> Option<NativeSection> {
        let text = skeleton(text);
        let is_like = |own: &str| skeleton(own) == text;
        NativeSection::ALL.iter().copied().find(|section| is_like(section.name()) || is_like(section.title()))
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            NativeSection::Package => ("package", "Package"),
            NativeSection::Threads => ("threads", "Threads"),
            NativeSection::GreenThreads => ("green_threads", "Green Threads"),
            NativeSection::Diagnosis => ("diagnosis", "Diagnosis"),
            NativeSection::Configuration => ("configuration", "Configuration"),
            NativeSection::Reporter => ("reporter", "Reporter"),
            NativeSection::Plugins => ("plugins", "Plugins"),
            NativeSection::PluginSections => ("plugin_sections", "Plugin Sections"),
        }
    }
}

impl Section {
    /// An empty section.
    pub fn new(name: impl Into<String>, title: impl Into<String>, origin: Origin) -> Section {
        Section {
            name: name.into(),
            title: title.into(),
            origin,
            failure: None,
            remarks: Vec::new(),
            blocks: Vec::new(),
        }
    }

    /// An empty section of the library's own.
    pub fn native(section: NativeSection) -> Section {
        Section::new(section.name(), section.title(), Origin::Native)
    }

    /// The same section with these blocks after those that it has.
    #[must_use]
    pub fn with_blocks(mut self, blocks: impl IntoIterator<Item = Block>) -> Section {
        self.blocks.extend(blocks);
        self
    }

    /// The same section, failed for this reason.
    #[must_use]
    pub fn failed(mut self, reason: impl Into<String>) -> Section {
        self.failure = Some(reason.into());
        self
    }

    /// What this section contributes to the report's [`Report::look_at`](super::Report::look_at). The diagnosis speaks for
    /// the whole report: the title beside its remarks is empty. A plugin chooses its title, so that its name stands beside
    /// it, unless the title is the name.
    pub fn look_at(&self) -> impl Iterator<Item = (String, String)> {
        let failure = self.failure.iter().map(|reason| {
            if self.blocks.is_empty() { format!("no section: {reason}") } else { reason.clone() }
        });
        let title = self.title_with_maker();
        let of_remarks = if self.is_diagnosis() { String::new() } else { title.clone() };
        let remarks = self.remarks.iter().map(move |remark| (of_remarks.clone(), remark.clone()));
        failure.map(move |line| (title.clone(), line)).chain(remarks)
    }

    fn title_with_maker(&self) -> String {
        let maker = format!("(plugin {})", self.name);
        let is_told = self.title.ends_with(&maker) || skeleton(&self.title) == skeleton(&self.name);
        if self.origin != Origin::Plugin || is_told {
            return self.title.clone();
        }
        format!("{} {maker}", self.title)
    }

    pub(super) fn is_diagnosis(&self) -> bool {
        self.origin == Origin::Native && self.name == NativeSection::Diagnosis.name()
    }
}
