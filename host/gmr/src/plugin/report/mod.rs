//! Which plugin gives which section of the report.

pub mod outcome;
pub mod sections;
