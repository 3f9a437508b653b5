//! Builds without the feature `plugin`: there are no plugins, as the compiler can tell.

use std::time::Instant;

use gmr_report::{Report, Section};

/// The plugins of this process, of which there are none.
pub(crate) enum Plugins {}

impl Plugins {
    pub(crate) fn visible(&self, _: &Report) -> Report {
        match *self {}
    }

    pub(crate) fn render(&self, _: Report, _: Instant, _: impl FnMut(Section)) {
        match *self {}
    }

    pub(crate) fn section(&self) -> Section {
        match *self {}
    }
}
