//! The process's identity: ids, names, user, start, from `/proc/self/stat`, `status`, `exe`, `cwd` and the
//! system's user file. Network user directories are not asked, since they may not answer.

use std::path::Path;
use std::time::{Duration, SystemTime};

use super::file;
#[cfg(target_os = "linux")]
use crate::proc::stat;
use crate::proc::{keys, status};
use crate::proc_self;

/// Which process this is, who started it and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The process id, as the process itself sees it.
    pub id: u32,
    /// The process that started it, or that took it over.
    pub parent: Option<u32>,
    /// That process's command name.
    pub parent_name: Option<String>,
    /// Its command name, at most 15 bytes.
    pub name: Option<String>,
    /// The path of the executable; ends in ` (deleted)` if the file was replaced.
    pub executable: Option<String>,
    /// The working directory.
    pub directory: Option<String>,
    /// The effective user.
    pub user: Option<u32>,
    /// That user's name, by `/etc/passwd`.
    pub user_name: Option<String>,
    /// The effective group.
    pub group: Option<u32>,
    /// When it was started, to 10 milliseconds.
    pub started: Option<SystemTime>,
    /// How long ago that was; time asleep counts.
    pub uptime: Option<Duration>,
    /// How many threads it has.
    pub threads: Option<u32>,
}

pub(super) fn take() -> Identity {
    let status = file::read("/proc/self/status").unwrap_or_default();
    let parent = keys::number_after(&status, "PPid").and_then(|parent| u32::try_from(parent).ok());
    let user = status::effective_id(&status, "Uid");
    let uptime = uptime();
    Identity {
        id: std::process::id(),
        parent,
        parent_name: parent.and_then(|parent| command(&format!("/proc/{parent}/comm"))),
        name: command("/proc/self/comm"),
        executable: link("/proc/self/exe"),
        directory: link("/proc/self/cwd"),
        user,
        user_name: user.and_then(|user| name_of(user, &String::from_utf8_lossy(&file::read("/etc/passwd")?))),
        group: status::effective_id(&status, "Gid"),
        started: uptime.and_then(|uptime| SystemTime::now().checked_sub(uptime)),
        uptime,
        threads: keys::number_after(&status, "Threads").and_then(|threads| u32::try_from(threads).ok()),
    }
}

fn command(path: &str) -> Option<String> {
    Some(String::from_utf8_lossy(file::read(path)?.trim_ascii()).into_owned())
}

fn link(path: &str) -> Option<String> {
    proc_self::read_link(Path::new(path)).ok().map(|target| target.to_string_lossy().into_owned())
}

fn name_of(user: u32, passwd: &str) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        (id.parse() == Ok(user)).then(|| name.to_owned())
    })
}

/// How long ago this process was started, to 10 milliseconds; time asleep counts. `None` elsewhere than on
/// Linux, or without `/proc`.
///
/// ```
/// # #[cfg(target_os = "linux")]
/// assert!(gmr_inspect::process::uptime().is_some());
/// ```
pub fn uptime() -> Option<Duration> {
    #[cfg(target_os = "linux")]
    return stat::parse(&file::read("/proc/self/stat")?)?.age(stat::since_boot());
    #[cfg(not(target_os = "linux"))]
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_known() {
        let identity = take();
        assert_eq!(identity.id, std::process::id());
        assert_eq!(identity.parent, Some(std::os::unix::process::parent_id()));
        assert_eq!(
            identity.executable,
            std::env::current_exe().ok().map(|path| path.to_string_lossy().into_owned())
        );
        assert_eq!(
            identity.directory,
            std::env::current_dir().ok().map(|path| path.to_string_lossy().into_owned())
        );
        assert_eq!(identity.user, Some(rustix::process::geteuid().as_raw()));
        assert!(identity.threads >= Some(1));
        // A test process is not older than a day, and not from the future.
        assert!(identity.uptime.unwrap() < Duration::from_secs(86_400));
    }

    #[test]
    fn users_are_found_by_number() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\napp:x:1000:100::/:/bin/false\n";
        assert_eq!(name_of(1000, passwd).as_deref(), Some("app"));
        assert_eq!(name_of(100, passwd), None);
    }
}
