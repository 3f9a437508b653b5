//! A made-up host, so that a plugin's logic can be tested natively with `cargo test`.
//!
//! ```
//! use gmr_plugin::{Description, Failure, Plugin, Request, Section, process, testing::Host};
//!
//! struct Memory;
//!
//! impl Plugin for Memory {
//!     fn describe() -> Description {
//!         Description::new("Memory", "How much memory is in use").wants("process")
//!     }
//!
//!     fn render(_: &Request) -> Result<Section, Failure> {
//!         let mut section = Section::new();
//!         section.field_if("resident", process::memory()?.resident.map(gmr_plugin::Value::Bytes));
//!         Ok(section)
//!     }
//! }
//!
//! let figures = process::MemoryFigures { resident: Some(5 << 20), ..Default::default() };
//! let section = Host::new().memory(figures).render::<Memory>()?;
//! assert_eq!(section.to_string(), "resident = 5.0 MiB\n");
//!
//! let refused = Host::new().deny("process").render::<Memory>();
//! assert!(matches!(refused, Err(Failure::Denied(_))));
//! # Ok::<(), Failure>(())
//! ```

pub(crate) mod imports;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use gmr_report::schema::Schema;
use serde_json::Value as Json;

use crate::bindings::gmr::plugin::report::SectionHead;
use crate::facts::FactError;
use crate::process::{
    CgroupFigures, CpuFigures, DescriptorFigures, IdentityFigures, Limit, MemoryFigures, Module, Mount,
    Socket,
};
use crate::settings::Setting;
use crate::state::{Entry, Excess};
use crate::{Block, Denial, Failure, Moment, Plugin, Request, Scalar, Section, Trigger, Value};

thread_local! {
    /// The host that answers on this thread. Tests run on threads of their own, so they cannot meet another's host.
    static CURRENT: RefCell<Host> = RefCell::new(Host::new());
}

/// A made-up host. What it was not given it does not know; everything is granted unless it is [denied](Host::deny).
#[derive(Clone, Debug)]
pub struct Host {
    denied: Vec<String>,
    settings: Json,
    state: BTreeMap<String, Entry>,
    facts: BTreeMap<String, Result<Json, FactError>>,
    identity: IdentityFigures,
    memory: MemoryFigures,
    cpu: CpuFigures,
    descriptors: DescriptorFigures,
    limits: Vec<Limit>,
    cgroup: Option<CgroupFigures>,
    sockets: Vec<Socket>,
    mounts: Vec<Mount>,
    modules: Vec<Module>,
    sections: Vec<(SectionHead, Vec<Block>)>,
    files: BTreeMap<String, Vec<u8>>,
    variables: BTreeMap<String, String>,
    now: Moment,
    deadline: Duration,
    printed: Vec<String>,
}

impl Default for Host {
    fn default() -> Host {
        Host::new()
    }
}

/// A method that sets one field to a value.
macro_rules! set {
    ($($(#[$doc:meta])* $name:ident: $type:ty;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Host {
            self.$name = $name.into();
            self
        }
    )*};
}

impl Host {
    /// A host that knows nothing. Its clock stands at 2026-11-22T14:03:07Z, one second before the deadline.
    pub fn new() -> Host {
        Host {
            denied: Vec::new(),
            settings: Json::Object(serde_json::Map::new()),
            state: BTreeMap::new(),
            facts: BTreeMap::new(),
            identity: IdentityFigures::default(),
            memory: MemoryFigures::default(),
            cpu: CpuFigures::default(),
            descriptors: DescriptorFigures::default(),
            limits: Vec::new(),
            cgroup: None,
            sockets: Vec::new(),
            mounts: Vec::new(),
            modules: Vec::new(),
            sections: Vec::new(),
            files: BTreeMap::new(),
            variables: BTreeMap::new(),
            now: Moment::at(1_795_356_187),
            deadline: Duration::from_secs(1),
            printed: Vec::new(),
        }
    }

    /// Refuses a grant, spelled as the plugin would be granted it: `process`, `report`, `facts:pool`, `read:/etc/app`,
    /// `env:LANG`. A trailing `*` refuses all that begin so.
    #[must_use]
    pub fn deny(mut self, grant: impl Into<String>) -> Host {
        self.denied.push(grant.into());
        self
    }

    /// Gives the plugin these settings. [`Host::render`] refuses them if they do not fit what it says of its settings.
    ///
    /// # Panics
    ///
    /// If it is no JSON object: in the configuration it is a table.
    #[must_use]
    pub fn settings(mut self, settings: Json) -> Host {
        assert!(settings.is_object(), "settings are a table, so they must be a JSON object here: {settings}");
        self.settings = settings;
        self
    }

    /// Puts a value into what the plugin remembers, set so long ago.
    #[must_use]
    pub fn state(mut self, key: impl Into<String>, value: impl Into<Value>, age: Duration) -> Host {
        self.state.insert(key.into(), Entry { value: value.into(), age: nanoseconds(age) });
        self
    }

    /// Registers a fact.
    #[must_use]
    pub fn fact(mut self, name: impl Into<String>, value: impl Into<Json>) -> Host {
        self.facts.insert(name.into(), Ok(value.into()));
        self
    }

    /// Registers a fact that cannot be read.
    #[must_use]
    pub fn broken_fact(mut self, name: impl Into<String>, error: FactError) -> Host {
        self.facts.insert(name.into(), Err(error));
        self
    }

    /// Adds a section to what the report has collected.
    #[must_use]
    pub fn section(mut self, name: &str, title: &str, section: Section) -> Host {
        let remarks = section.remarks().map(str::to_owned).collect();
        let blocks: Vec<Block> = section.into();
        let (name, title, count) = (name.to_owned(), title.to_owned(), blocks.len() as u32);
        self.sections.push((SectionHead { name, title, failure: None, remarks, blocks: count }, blocks));
        self
    }

    /// Takes the sections of a report, such as [`gmr_report::example::report`], as what the report has collected.
    ///
    /// ```
    /// use gmr_plugin::{gmr_report, report, testing::Host};
    ///
    /// let host = Host::new().report(&gmr_report::example::report());
    /// assert!(host.within(|| report::blocks("threads").count()) > 1);
    /// ```
    #[must_use]
    pub fn report(mut self, report: &gmr_report::Report) -> Host {
        self.sections.extend(report.sections.iter().map(|section| {
            let blocks: Vec<Block> = section.blocks.iter().map(Block::from).collect();
            let head = SectionHead {
                name: section.name.clone(),
                title: section.title.clone(),
                failure: section.failure.clone(),
                remarks: section.remarks.clone(),
                blocks: blocks.len() as u32,
            };
            (head, blocks)
        }));
        self
    }

    /// Puts a file in place.
    #[must_use]
    pub fn file(mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) -> Host {
        self.files.insert(path.into(), content.into());
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Host {
        self.variables.insert(name.into(), value.into());
        self
    }

    set! {
        /// Says what the process is.
        identity: IdentityFigures;
        /// Says how much memory is in use.
        memory: MemoryFigures;
        /// Says how much processor time was used.
        cpu: CpuFigures;
        /// Says which descriptors are open.
        descriptors: DescriptorFigures;
        /// Says which resource limits hold.
        limits: Vec<Limit>;
        /// Puts the process into a control group.
        cgroup: CgroupFigures;
        /// Says which sockets there are.
        sockets: Vec<Socket>;
        /// Says what is mounted.
        mounts: Vec<Mount>;
        /// Says which files are loaded as code.
        modules: Vec<Module>;
        /// Sets the clock.
        now: Moment;
        /// Sets how much time is left.
        deadline: Duration;
    }

    /// Runs a plugin's render function against this host, if its settings fit what it says of them; defaults are filled in.
    ///
    /// # Errors
    ///
    /// Those of the plugin; [`Failure::Settings`] if its settings do not fit.
    ///
    /// # Panics
    ///
    /// If what the plugin says of its settings is wrong in itself: the real host does not load it then.
    pub fn render<P: Plugin>(&self) -> Result<Section, Failure> {
        self.report_of::<P>().0
    }

    /// The host so much later, after a report that the plugin took part in: with what it remembers, if it did not fail.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use gmr_plugin::{Description, Failure, Plugin, Request, Section, facts, state, testing::Host};
    ///
    /// struct Jobs;
    ///
    /// impl Plugin for Jobs {
    ///     fn describe() -> Description {
    ///         Description::new("Jobs", "How many jobs there are").wants("facts:jobs")
    ///     }
    ///
    ///     fn render(_: &Request) -> Result<Section, Failure> {
    ///         let (jobs, mut section) = (facts::parse::<i64>("jobs")?, Section::new());
    ///         if let Some(before) = state::get("jobs") {
    ///             section.paragraph(format!("{} jobs {} s ago", before.value, before.age().as_secs()));
    ///         }
    ///         state::set("jobs", jobs)?;
    ///         Ok(section.field("jobs", jobs).clone())
    ///     }
    /// }
    ///
    /// let later = Host::new().fact("jobs", 17).after_report::<Jobs>(Duration::from_secs(40));
    /// let section = later.fact("jobs", 20).render::<Jobs>()?;
    /// assert_eq!(section.to_string(), "17 jobs 40 s ago\njobs = 20\n");
    /// # Ok::<(), Failure>(())
    /// ```
    #[must_use]
    pub fn after_report<P: Plugin>(&self, time: Duration) -> Host {
        let mut host = self.clone();
        if let (Ok(_), state) = self.report_of::<P>() {
            host.state = state;
        }
        let passed = nanoseconds(time);
        host.state.values_mut().for_each(|entry| entry.age = entry.age.saturating_add(passed));
        host.identity.uptime = host.identity.uptime.map(|uptime| uptime.saturating_add(passed));
        let fraction = u64::from(host.now.nanoseconds) + u64::from(time.subsec_nanos());
        host.now.seconds += (time.as_secs() + fraction / 1_000_000_000) as i64;
        host.now.nanoseconds = (fraction % 1_000_000_000) as u32;
        host
    }

    /// What comes of one report, and what the plugin wants to remember.
    fn report_of<P: Plugin>(&self) -> (Result<Section, Failure>, BTreeMap<String, Entry>) {
        let host = match self.with_described_settings(P::describe().settings) {
            Ok(host) => host,
            Err(failure) => return (Err(failure), BTreeMap::new()),
        };
        host.within(|| (P::render(&host.request()), CURRENT.with_borrow(|host| host.state.clone())))
    }

    /// The host with the settings as a plugin gets them that describes them so.
    fn with_described_settings(&self, described: Option<Vec<Setting>>) -> Result<Host, Failure> {
        let Some(described) = described else { return Ok(self.clone()) };
        let schema = Schema::new(described.into_iter().map(Into::into).collect());
        let schema = schema.unwrap_or_else(|mistake| panic!("{mistake}"));
        if let Some(problem) = schema.problems(&self.settings).first() {
            return Err(Failure::settings(problem.in_words("gmr.plugins.test.settings", |_, _| None)));
        }
        Ok(Host { settings: schema.with_defaults(self.settings.clone()), ..self.clone() })
    }

    /// As the real host does with the limits that it has by default.
    fn set(&mut self, key: &str, value: &Value) -> Result<(), Excess> {
        let excess = |limit: &str, advice| Err(Excess { limit: limit.to_owned(), advice });
        let others = || self.state.iter().filter(|(other, _)| *other != key);
        let bytes =
            counted(key, value) + others().map(|(key, entry)| counted(key, &entry.value)).sum::<usize>();
        if key.is_empty() || key.len() > 256 {
            excess("key", format!("a key has 1 to 256 bytes, and this one has {}", key.len()))
        } else if bytes > 64 << 10 {
            excess("state", format!("{bytes} bytes of keys and values, and 64 KiB are allowed"))
        } else if others().count() >= 256 {
            excess("state_entries", "256 entries are allowed".to_owned())
        } else {
            self.state.insert(key.to_owned(), Entry { value: value.clone(), age: 0 });
            Ok(())
        }
    }

    /// Runs anything that calls the host.
    pub fn within<T>(&self, call: impl FnOnce() -> T) -> T {
        /// Puts the host before this one back, also when the call panics.
        struct Restore(Option<Host>);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0.take().unwrap_or_default());
            }
        }
        let _restore = Restore(Some(CURRENT.replace(self.clone())));
        call()
    }

    /// Runs anything that calls the host, and returns the lines that it [printed](crate::diagnostics::print).
    pub fn printed<T>(&self, call: impl FnOnce() -> T) -> Vec<String> {
        self.within(|| {
            call();
            CURRENT.with_borrow(|host| host.printed.clone())
        })
    }

    /// What a render function is asked by this host.
    pub fn request(&self) -> Request {
        Request {
            plugin: "test".into(),
            service: "service".into(),
            version: "1.0.0".into(),
            host: "localhost".into(),
            process: self.identity.id,
            uptime: self.identity.uptime,
            time: self.now,
            trigger: Trigger { kind: "call".into(), detail: String::new(), count: 1 },
            deadline: u64::try_from(self.deadline.as_nanos()).unwrap_or(u64::MAX),
            max_blocks: 10_000,
            max_bytes: 1 << 20,
        }
    }

    fn allow(&self, grant: &str) -> Result<(), Denial> {
        let refuses = |denied: &String| match denied.strip_suffix('*') {
            Some(start) => grant.starts_with(start),
            None => grant == denied,
        };
        if !self.denied.iter().any(refuses) {
            return Ok(());
        }
        Err(Denial {
            grant: grant.to_owned(),
            advice: format!("write grants = [\"{grant}\"] under [gmr.plugins.test]"),
        })
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// What an entry of the state counts in bytes: key and text, and 16 for each value.
fn counted(key: &str, value: &Value) -> usize {
    let scalar = |scalar: &Scalar| match scalar {
        Scalar::Text(text) => 16 + text.len(),
        _ => 16,
    };
    let text = match value {
        Value::Text(text) => text.len(),
        Value::List(list) => list.iter().map(scalar).sum(),
        _ => 0,
    };
    key.len() + 16 + text
}
