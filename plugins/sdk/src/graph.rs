//! The wait-for graph: what is waited for, by whom, and who holds it.
//!
//! The report's own stands in its section `diagnosis`: `report::blocks("diagnosis")` has it. A plugin that knows of waits
//! which nobody else sees, such as rows that are locked in a database, may add one of its own.
//!
//! ```
//! use gmr_plugin::graph::{Graph, Hold, Node, Party, Wait};
//! use gmr_plugin::Section;
//!
//! let mut row = Node::new("postgres", "row lock");
//! row.waits.push(Wait::new(Party::new("session", 812), "exclusive"));
//! row.holds.push(Hold::new(Party::new("session", 640), "exclusive", "certain"));
//! let mut section = Section::new();
//! section.graph(Graph { nodes: vec![row], cycles: Vec::new(), not_examined: 0 });
//! assert!(section.to_string().contains("postgres row lock: 1 waits for it\n  held by session 640\n"));
//! ```

pub use crate::bindings::gmr::plugin::document::{Cycle, CycleMember, Graph, Hold, Node, Party, Wait};

impl Party {
    /// A party of this kind, such as `task`, without a name.
    pub fn new(kind: impl Into<String>, id: u64) -> Party {
        Party { kind: kind.into(), id, name: None }
    }
}

impl Node {
    /// Something that nobody waits for yet, of an unknown address: whose it is, and what.
    pub fn new(library: impl Into<String>, kind: impl Into<String>) -> Node {
        Node {
            library: library.into(),
            kind: kind.into(),
            address: None,
            party: None,
            permits: None,
            waits: Vec::new(),
            holds: Vec::new(),
        }
    }
}

impl Wait {
    /// A wait in a queue of which no more is known, and what is wanted.
    pub fn new(party: Party, want: impl Into<String>) -> Wait {
        Wait {
            party,
            want: want.into(),
            permits: None,
            progress: "queued".to_owned(),
            queue_position: None,
            timed: false,
            awaited: true,
            place: None,
            waited: None,
        }
    }
}

impl Hold {
    /// A hold of which no more is known: who, how, and how sure that is.
    pub fn new(party: Party, role: impl Into<String>, certainty: impl Into<String>) -> Hold {
        Hold {
            party,
            role: role.into(),
            permits: None,
            certainty: certainty.into(),
            variable: None,
            function: None,
            doing: None,
            place: None,
        }
    }
}
