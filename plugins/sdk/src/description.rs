//! Building a plugin's description.

use crate::Description;

impl Description {
    /// A description with the title that people read above the section, and in one sentence what the section shows.
    ///
    /// The version is the package's, the order 0, and nothing is wanted.
    pub fn new(title: impl Into<String>, summary: impl Into<String>) -> Description {
        Description {
            title: title.into(),
            summary: summary.into(),
            order: 0,
            version: String::new(),
            wants: Vec::new(),
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
}
