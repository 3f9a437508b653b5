//! The plugin folders: which files there are, and how they become plugins that can be called.

mod cache;
pub mod catalogue;
mod compiling;
pub mod folder;
pub mod loading;
mod watch;
