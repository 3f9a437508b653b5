//! An attack: the files that are dropped, step by step, what each report must say of them, and what they may cost.

use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use gmr_test_support::panic_words;

use crate::place::Place;
use crate::report::Seen;
use crate::service::Service;

/// A line of the table.
pub struct Attack {
    /// By which it is asked for.
    pub name: &'static str,
    /// Whence it is known: a number of the list of faults that were found first, or `held` before.
    pub source: &'static str,
    /// What is dropped, in words.
    pub input: &'static str,
    /// Environment variables of the service, settings for the most part.
    pub settings: &'static [(&'static str, &'static str)],
    /// What there is before the service starts, beside the honest plugins.
    pub before: fn(&Place),
    /// What comes while it runs.
    pub steps: &'static [Step],
    /// How much memory the service's peak may have more than before, in MiB.
    pub memory: u64,
    /// How many hostile plugins are loaded, for each of which two descriptors are allowed.
    pub plugins: usize,
}

/// Something that is done to the folder, and what reports say from then on: `Err` as long as they do not yet.
pub struct Step {
    pub act: fn(&Place),
    pub says: fn(&Seen) -> Result<String, String>,
}

/// An attack by nothing, of which others take what they do not say.
pub const ATTACK: Attack = Attack {
    name: "",
    source: "",
    input: "",
    settings: &[],
    before: |_| (),
    steps: &[],
    memory: 96,
    plugins: 0,
};

/// What there is to tell of an attack that was held.
pub struct Held {
    outcome: String,
    peak: (u64, u64),
    descriptors: (usize, usize),
    longest: Duration,
    reports: usize,
}

/// What stands above the table.
pub const HEAD: &str = "outcome | input | what becomes of it | peak memory | descriptors | longest report";

/// Reports that are made of the hostile files after the first that says what it must.
const REPORTS: usize = 3;

/// Descriptors that come and go: a report's file, a compiler's.
const SPARE: usize = 4;

impl Attack {
    /// Carries it out.
    ///
    /// # Errors
    ///
    /// What was wrong.
    pub fn outcome(&'static self) -> Result<Held, String> {
        panic::catch_unwind(AssertUnwindSafe(|| self.carry_out())).map_err(|payload| panic_words(&*payload))
    }

    fn carry_out(&self) -> Held {
        let place = Place::new();
        (self.before)(&place);
        let mut service = Service::start(&place, self.settings);
        let descriptors = service.descriptors();
        let peak = service.peak_mib();
        let mut outcome = String::new();
        for step in self.steps {
            (step.act)(&place);
            outcome = service.report_that(step.says);
        }
        let last = self.steps.last().expect("an attack has a step");
        for _ in 0..REPORTS {
            let seen = service.report();
            (last.says)(&seen)
                .unwrap_or_else(|lack| panic!("a later report does not say it any more: {lack}"));
        }
        let held = Held {
            outcome,
            peak: (peak, service.peak_mib()),
            descriptors: (descriptors, service.descriptors()),
            longest: service.longest,
            reports: service.reports,
        };
        assert!(held.peak.1 <= peak + self.memory, "its peak is {} MiB, {peak} before", held.peak.1);
        let most = descriptors + 2 * self.plugins + SPARE;
        assert!(
            held.descriptors.1 <= most,
            "it has {} descriptors, {descriptors} before: {}",
            held.descriptors.1,
            service.targets()
        );
        service.works_and_ends();
        held
    }

    /// The line as it is printed.
    pub fn row(&self, outcome: &Result<Held, String>) -> String {
        let Attack { name, source, input, .. } = self;
        match outcome {
            Ok(held) => format!(
                "held    | {name}: {input} ({source}) | {} | {} MiB (+{}) | {} (+{}) | {:.2} s of {}",
                held.outcome,
                held.peak.1,
                held.peak.1 - held.peak.0,
                held.descriptors.1,
                held.descriptors.1.saturating_sub(held.descriptors.0),
                held.longest.as_secs_f64(),
                held.reports,
            ),
            Err(wrong) => format!("FAULT   | {name}: {input} ({source}) | {wrong} | | |"),
        }
    }
}
