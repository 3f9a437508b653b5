//! Building a plugin's description.

use crate::{Description, Setting};

impl Description {
    /// A description with the title that people read above the section, and in one sentence what the section shows.
    ///
    /// The version is the package's, the order 0, and nothing is wanted. Nothing is said of settings, so any are passed on.
    pub fn new(title: impl Into<String>, summary: impl Into<String>) -> Description {
        Description {
            title: title.into(),
            summary: summary.into(),
            order: 0,
            version: String::new(),
            wants: Vec::new(),
            settings: None,
        }
    }

    /// Adds a grant without which the section is poorer, spelled as in the configuration: `process`, `facts:pool.*`.
    /// Asking grants nothing: the host shows it to the operator, who decides.
    #[must_use]
    pub fn wants(mut self, grant: impl Into<String>) -> Description {
        self.wants.push(grant.into());
        self
    }

    /// Where the section stands among those of plugins: lowest first, then by name.
    #[must_use]
    pub fn order(mut self, order: i32) -> Description {
        self.order = order;
        self
    }

    /// Says which settings there are, at most 128. The host refuses all others, and those that do not fit, with their place in
    /// the operator's file, and fills in defaults: [`render`](crate::Plugin::render) is called only with settings that fit. A
    /// plugin without settings says so by an empty list.
    ///
    /// ```
    /// use gmr_plugin::{Description, Setting};
    ///
    /// let description = Description::new("Disks", "How full the file systems are").settings([
    ///     Setting::number("warn_percent", "from which share on there is a remark").within(1.0..=100.0).default(80),
    ///     Setting::text("skip", "file systems that are left out").repeated(),
    /// ]);
    /// assert_eq!(description.settings.unwrap().len(), 2);
    /// ```
    #[must_use]
    pub fn settings(mut self, settings: impl IntoIterator<Item = Setting>) -> Description {
        self.settings.get_or_insert_default().extend(settings);
        self
    }
}
