//! What a plugin can call. Every function counts against the budget of calls and checks its grant first; none
//! waits longer than the call may still take.

mod files;
mod process;
pub mod wasi_files;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value as Json;
use wasmtime::Result;

use crate::plugin::Grant;
use crate::plugin::interface::bindings::wit::clock::Moment;
use crate::plugin::interface::bindings::wit::document::{Block, Field, Value};
use crate::plugin::interface::bindings::wit::facts::FactError;
use crate::plugin::interface::bindings::wit::grants::Denial;
use crate::plugin::interface::bindings::wit::report::{ReportError, SectionHead};
use crate::plugin::interface::bindings::wit::{
    clock, diagnostics, document, environment, facts, grants, report, settings,
};
use crate::plugin::interface::facts::FactError as Cause;
use crate::plugin::interface::to_wit as outgo;
use crate::plugin::sandbox::store::State;
use crate::report::{Report, Section};

impl document::Host for State {}

impl grants::Host for State {
    fn granted(&mut self) -> Result<Vec<String>> {
        self.limiter.count_host_call()?;
        Ok(self.identity.config.grants.iter().map(Grant::to_string).collect())
    }
}

impl settings::Host for State {
    fn get(&mut self, key: String) -> Result<Option<Value>> {
        self.limiter.count_host_call()?;
        let settings = json(&self.identity.config.settings);
        let found = settings.get(&key).or_else(|| settings.pointer(&format!("/{}", key.replace('.', "/"))));
        Ok(found.and_then(outgo::leaf))
    }

    fn all(&mut self) -> Result<Vec<Field>> {
        self.limiter.count_host_call()?;
        Ok(outgo::flatten("", &json(&self.identity.config.settings)))
    }

    fn json(&mut self) -> Result<String> {
        self.limiter.count_host_call()?;
        Ok(json(&self.identity.config.settings).to_string())
    }
}

/// TOML as JSON; what JSON does not have becomes text: dates and times, and numbers that are not finite.
fn json(table: &toml::Table) -> Json {
    fn value(entry: &toml::Value) -> Json {
        match entry {
            toml::Value::String(text) => Json::from(text.as_str()),
            toml::Value::Integer(number) => Json::from(*number),
            toml::Value::Float(number) if number.is_finite() => Json::from(*number),
            toml::Value::Float(number) => Json::from(number.to_string()),
            toml::Value::Boolean(flag) => Json::from(*flag),
            toml::Value::Datetime(moment) => Json::from(moment.to_string()),
            toml::Value::Array(array) => array.iter().map(value).collect(),
            toml::Value::Table(table) => json(table),
        }
    }
    Json::Object(table.iter().map(|(key, entry)| (key.clone(), value(entry))).collect())
}

impl State {
    fn fact(&self, name: &str) -> Result<std::sync::Arc<Json>, FactError> {
        if !self.identity.config.grants.iter().any(|grant| grant.allows_fact(name)) {
            return Err(FactError::Denied(self.denial(&Grant::Facts(name.to_owned()))));
        }
        self.subject.facts.get(name, self.deadline).map_err(|cause| match cause {
            Cause::Unknown => FactError::Unknown,
            Cause::Failed(reason) => FactError::Failed(reason),
            Cause::Stalled => FactError::Stalled,
        })
    }

    /// Text of a fact, if it is not longer than what the plugin may read.
    fn fact_json(&self, name: &str) -> Result<(std::sync::Arc<Json>, String), FactError> {
        let fact = self.fact(name)?;
        let text = fact.to_string();
        match text.len() as u64 <= self.limiter.limits().input_bytes {
            true => Ok((fact, text)),
            false => Err(FactError::TooLarge),
        }
    }
}

impl facts::Host for State {
    fn names(&mut self) -> Result<Vec<String>> {
        self.limiter.count_host_call()?;
        let mut names = self.subject.facts.names();
        names.retain(|name| self.identity.config.grants.iter().any(|grant| grant.allows_fact(name)));
        Ok(names)
    }

    fn read(&mut self, name: String) -> Result<Result<Vec<Field>, FactError>> {
        self.limiter.count_host_call()?;
        Ok(self.fact_json(&name).map(|(fact, _)| match fact.is_object() {
            true => outgo::flatten("", &fact),
            false => outgo::flatten(&name, &fact),
        }))
    }

    fn json(&mut self, name: String) -> Result<Result<String, FactError>> {
        self.limiter.count_host_call()?;
        Ok(self.fact_json(&name).map(|(_, text)| text))
    }
}

impl report::Host for State {
    fn sections(&mut self) -> Result<Result<Vec<SectionHead>, Denial>> {
        self.limiter.count_host_call()?;
        Ok(self.allow(Grant::Report).map(|()| self.subject.report.sections.iter().map(head).collect()))
    }

    fn blocks(&mut self, section: String, first: u32, count: u32) -> Result<Result<Vec<Block>, ReportError>> {
        self.limiter.count_host_call()?;
        if let Err(denial) = self.allow(Grant::Report) {
            return Ok(Err(ReportError::Denied(denial)));
        }
        Ok(blocks(&self.subject.report, &section, first, count).ok_or(ReportError::Unknown))
    }
}

fn head(section: &Section) -> SectionHead {
    SectionHead {
        name: section.name.clone(),
        title: section.title.clone(),
        failure: section.failure.clone(),
        remarks: section.remarks.clone(),
        blocks: u32::try_from(section.blocks.len()).unwrap_or(u32::MAX),
    }
}

fn blocks(report: &Report, section: &str, first: u32, count: u32) -> Option<Vec<Block>> {
    let blocks = &report.section(section)?.blocks;
    Some(blocks.iter().skip(first as usize).take(count as usize).map(outgo::block).collect())
}

impl clock::Host for State {
    fn now(&mut self) -> Result<Moment> {
        self.limiter.count_host_call()?;
        Ok(outgo::moment(Timestamp::now()))
    }

    fn monotonic(&mut self) -> Result<u64> {
        self.limiter.count_host_call()?;
        Ok(nanoseconds(self.subject.began.elapsed()))
    }

    fn remaining(&mut self) -> Result<u64> {
        self.limiter.count_host_call()?;
        Ok(nanoseconds(self.deadline.saturating_duration_since(Instant::now())))
    }
}

pub fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl diagnostics::Host for State {
    fn print(&mut self, line: String) -> Result<()> {
        self.limiter.count_host_call()?;
        self.output.add(line.as_bytes());
        self.output.add(b"\n");
        Ok(())
    }
}

impl environment::Host for State {
    fn variable(&mut self, name: String) -> Result<Result<Option<String>, Denial>> {
        self.limiter.count_host_call()?;
        Ok(self
            .allow(Grant::Environment(name.clone()))
            .map(|()| self.identity.environment.get(&name).cloned()))
    }
}
