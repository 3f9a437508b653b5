//! Sections of the report that come from plugins, and the section about the plugins.

mod about;
pub mod outcome;
pub mod sections;
mod totals;
