//! Resource limits, from `/proc/self/limits`, with what is used of those that are cheap to count.

use super::Process;
use crate::proc::keys as read;

/// One resource limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// As the kernel calls it, without its "Max": `open files`, `address space`.
    pub name: String,
    /// `bytes`, `seconds`, `microseconds`, `processes`, `files`, `locks`, `signals` or empty.
    pub unit: String,
    /// What is enforced; `None` is unlimited.
    pub soft: Option<u64>,
    /// How far the process may raise it; `None` is unlimited.
    pub hard: Option<u64>,
    /// How much is in use, in the same unit, where that is cheap to tell.
    pub used: Option<u64>,
}

pub(super) fn take(process: &Process) -> Vec<Limit> {
    let text = read::text("/proc/self/limits").unwrap_or_default();
    let mut limits: Vec<Limit> = text.lines().skip(1).filter_map(parse).collect();
    for limit in &mut limits {
        limit.used = used(&limit.name, process);
    }
    limits
}

/// Threads count against `processes` too, but so do those of the user's other processes: no figure is better than half
/// of one.
fn used(name: &str, process: &Process) -> Option<u64> {
    match name {
        "open files" => process.descriptors().open.map(u64::from),
        "address space" => process.memory().virtual_size,
        "locked memory" => process.memory().locked,
        "cpu time" => Some((process.cpu().user? + process.cpu().system?).as_secs()),
        "pending signals" => {
            let status = read::text("/proc/self/status")?;
            read::after(&status, "SigQ")?.split('/').next()?.parse().ok()
        }
        _ => None,
    }
}

/// `Max open files            20000                20000                files     `: the name has spaces, and the
/// unit may be missing.
fn parse(line: &str) -> Option<Limit> {
    let mut words: Vec<&str> = line.strip_prefix("Max ")?.split_whitespace().collect();
    let is_number = |word: &str| word == "unlimited" || word.parse::<u64>().is_ok();
    let unit = words.pop_if(|word| !is_number(word)).unwrap_or_default();
    let (hard, soft) =
        (words.pop().filter(|word| is_number(word))?, words.pop().filter(|word| is_number(word))?);
    Some(Limit {
        name: words.join(" "),
        unit: if unit == "us" { "microseconds".to_owned() } else { unit.to_owned() },
        soft: soft.parse().ok(),
        hard: hard.parse().ok(),
        used: None,
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn open_files_are_set_against_their_limit() {
        let limits = take(&Process::new());
        let open = limits.iter().find(|limit| limit.name == "open files").unwrap();
        let (soft, _) = {
            let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
            (limit.current, limit.maximum)
        };
        assert_eq!((open.soft, open.unit.as_str()), (soft, "files"));
        assert!(open.used >= Some(3), "{open:?}");
    }

    #[test]
    fn lines_are_read_with_and_without_a_unit() {
        let limit =
            parse("Max locked memory         8388608              unlimited            bytes     ").unwrap();
        assert_eq!((limit.name.as_str(), limit.unit.as_str()), ("locked memory", "bytes"));
        assert_eq!((limit.soft, limit.hard), (Some(8_388_608), None));
        let limit = parse("Max nice priority         0                    5                    ").unwrap();
        assert_eq!((limit.name.as_str(), limit.unit.as_str()), ("nice priority", ""));
        assert_eq!((limit.soft, limit.hard), (Some(0), Some(5)));
        let limit =
            parse("Max realtime timeout      unlimited            unlimited            us        ").unwrap();
        assert_eq!(limit.unit, "microseconds");
        assert_eq!(
            parse("Limit                     Soft Limit           Hard Limit           Units     "),
            None
        );
        assert_eq!(parse("Max nonsense"), None);
    }
}
