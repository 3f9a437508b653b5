//! `/proc/PID/cgroup` and the control group's `cpu.max`: which group a process is in, and how much processor
//! time it has.

/// The group's path in version 2: the line `0::/path`.
pub(crate) fn unified(memberships: &[u8]) -> Option<String> {
    lines(memberships).find_map(|line| Some(lossy(line.strip_prefix(b"0::")?)))
}

/// The path of the group in version 1 that has this controller: a line such as `1:cpu,cpuacct:/path`.
pub(crate) fn of_controller(memberships: &[u8], controller: &str) -> Option<String> {
    lines(memberships).find_map(|line| {
        let mut fields = line.splitn(3, |byte| *byte == b':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let has = controllers.split(|byte| *byte == b',').any(|name| name == controller.as_bytes());
        has.then(|| lossy(path))
    })
}

/// `150000 100000` is one and a half processors, `max 100000` as many as there are.
pub(crate) fn quota(text: &[u8]) -> Option<f64> {
    let (quota, period) = std::str::from_utf8(text).ok()?.trim().split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    (period > 0.0).then_some(quota / period)
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
}

fn lossy(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_lines_of_its_own() {
        let memberships = b"8:pids:/\n4:memory:/a:b\n1:cpu,cpuacct:/host/path\nodd\n0::/app\n";
        assert_eq!(unified(memberships).as_deref(), Some("/app"));
        let of = |controller| of_controller(memberships, controller);
        assert_eq!(of("memory").as_deref(), Some("/a:b"));
        assert_eq!(of("cpu").as_deref(), Some("/host/path"));
        assert_eq!((of("cpua"), of("io"), unified(b"1:cpu:/\n")), (None, None, None));
    }

    #[test]
    fn quotas() {
        let check = |text: &[u8], expected| assert_eq!(quota(text), expected);
        check(b"150000 100000\n", Some(1.5));
        check(b"max 100000\n", None);
        check(b"1 0\n", None);
        check(b"1\n", None);
    }
}
