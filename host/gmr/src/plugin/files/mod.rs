//! Plugin folders: which files are plugins, and how they become plugins that can be called.
//!
//! A [`watch`] tells that something has changed in a [`folder`]. Then one thread [looks](looking) at all folders, takes
//! from the [`cache`] what is compiled already, and queues the rest for a second thread, which [compiles](compiling) it.
//! What came of each file stands in the [`catalogue`], which reports read.

pub mod cache;
pub mod catalogue;
mod compiling;
pub mod digest;
pub mod fingerprint;
pub mod folder;
pub mod loading;
mod looking;
pub mod ownership;
pub mod reading;
mod watch;
