//! The host's functions as the made-up host answers them. Their signatures are those of the generated ones.

use super::{CURRENT, Host};

fn ask<T>(question: impl FnOnce(&Host) -> T) -> T {
    CURRENT.with_borrow(question)
}

pub mod grants {
    pub fn granted() -> Vec<String> {
        let all = ["facts:*", "process", "report"];
        super::ask(|host| {
            all.into_iter().filter(|grant| host.allow(grant).is_ok()).map(str::to_owned).collect()
        })
    }
}

pub mod settings {
    use gmr_report::flatten;

    use super::ask;
    use crate::{Field, Value};

    pub fn get(key: &str) -> Option<Value> {
        let found = ask(|host| flatten::find(&host.settings, key).and_then(flatten::value));
        found.as_ref().map(Value::from)
    }

    pub fn all() -> Vec<Field> {
        ask(|host| flatten::fields("", &host.settings)).iter().map(Field::from).collect()
    }

    pub fn json() -> String {
        ask(|host| host.settings.to_string())
    }
}

pub mod state {
    use super::CURRENT;
    use super::ask;
    use crate::Value;
    use crate::state::{Entry, Excess};

    pub fn get(key: &str) -> Option<Entry> {
        ask(|host| host.state.get(key).cloned())
    }

    pub fn set(key: &str, value: &Value) -> Result<(), Excess> {
        CURRENT.with_borrow_mut(|host| host.set(key, value))
    }

    pub fn remove(key: &str) {
        CURRENT.with_borrow_mut(|host| host.state.remove(key));
    }

    pub fn keys() -> Vec<String> {
        ask(|host| host.state.keys().cloned().collect())
    }
}

pub mod facts {
    use gmr_report::flatten;

    use super::{Host, ask};
    use crate::Field;
    use crate::facts::FactError;

    pub fn names() -> Vec<String> {
        ask(|host| host.facts.keys().filter(|name| allowed(host, name).is_ok()).cloned().collect())
    }

    pub fn read(name: &str) -> Result<Vec<Field>, FactError> {
        let fact = ask(|host| find(host, name))?;
        Ok(flatten::fields(name, &fact).iter().map(Field::from).collect())
    }

    pub fn json(name: &str) -> Result<String, FactError> {
        ask(|host| Ok(find(host, name)?.to_string()))
    }

    fn find(host: &Host, name: &str) -> Result<serde_json::Value, FactError> {
        allowed(host, name)?;
        host.facts.get(name).cloned().unwrap_or(Err(FactError::Unknown))
    }

    fn allowed(host: &Host, name: &str) -> Result<(), FactError> {
        host.allow(&format!("facts:{name}")).map_err(FactError::Denied)
    }
}

pub mod process {
    use super::ask;
    use crate::Denial;
    use crate::process::*;

    macro_rules! figures {
        ($($name:ident -> $figures:ty;)*) => {$(
            pub fn $name() -> Result<$figures, Denial> {
                ask(|host| host.allow("process").map(|()| host.$name.clone()))
            }
        )*};
    }

    figures! {
        identity -> IdentityFigures;
        memory -> MemoryFigures;
        cpu -> CpuFigures;
        descriptors -> DescriptorFigures;
        limits -> Vec<Limit>;
        cgroup -> Option<CgroupFigures>;
        sockets -> Vec<Socket>;
        mounts -> Vec<Mount>;
        modules -> Vec<Module>;
    }
}

pub mod report {
    use super::ask;
    use crate::bindings::gmr::plugin::report::{ReportError, SectionHead};
    use crate::{Block, Denial};

    pub fn sections() -> Result<Vec<SectionHead>, Denial> {
        ask(|host| {
            host.allow("report")?;
            Ok(host.sections.iter().map(|(head, _)| head.clone()).collect())
        })
    }

    pub fn blocks(section: &str, first: u32, count: u32) -> Result<Vec<Block>, ReportError> {
        ask(|host| {
            host.allow("report").map_err(ReportError::Denied)?;
            let found = host.sections.iter().find(|(head, _)| head.name == section);
            let (_, blocks) = found.ok_or(ReportError::Unknown)?;
            Ok(blocks.iter().skip(first as usize).take(count as usize).cloned().collect())
        })
    }
}

pub mod files {
    use super::{Host, ask};
    use crate::files::FileError;

    pub fn read(path: &str) -> Result<Vec<u8>, FileError> {
        ask(|host| {
            allowed(host, path)?;
            match host.files.get(path) {
                Some(content) => Ok(content.clone()),
                None if below(host, path).next().is_some() => Err(FileError::NotAFile),
                None => Err(FileError::NotFound),
            }
        })
    }

    pub fn text(path: &str) -> Result<String, FileError> {
        read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    pub fn names(path: &str) -> Result<Vec<String>, FileError> {
        ask(|host| {
            allowed(host, path)?;
            let mut names: Vec<_> = below(host, path).collect();
            names.dedup();
            if names.is_empty() { Err(FileError::NotFound) } else { Ok(names) }
        })
    }

    /// The first names below a directory; sorted, since the files are.
    fn below(host: &Host, path: &str) -> impl Iterator<Item = String> {
        let start = format!("{}/", path.trim_end_matches('/'));
        let files = host.files.keys();
        files.filter_map(move |file| Some(file.strip_prefix(&start)?.split('/').next()?.to_owned()))
    }

    fn allowed(host: &Host, path: &str) -> Result<(), FileError> {
        host.allow(&format!("read:{path}")).map_err(FileError::Denied)
    }
}

pub mod environment {
    use super::ask;
    use crate::Denial;

    pub fn variable(name: &str) -> Result<Option<String>, Denial> {
        ask(|host| {
            host.allow(&format!("env:{name}"))?;
            Ok(host.variables.get(name).cloned())
        })
    }
}

pub mod clock {
    use super::ask;
    use crate::Moment;

    pub fn now() -> Moment {
        ask(|host| host.now)
    }

    pub fn monotonic() -> u64 {
        ask(|host| host.now.seconds.unsigned_abs() * 1_000_000_000 + u64::from(host.now.nanoseconds))
    }

    pub fn remaining() -> u64 {
        ask(|host| u64::try_from(host.deadline.as_nanos()).unwrap_or(u64::MAX))
    }
}

pub mod diagnostics {
    use super::CURRENT;

    pub fn print(line: &str) {
        CURRENT.with_borrow_mut(|host| host.printed.push(line.to_owned()));
    }
}
