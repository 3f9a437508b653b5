//! `/proc/PID/task/TID/syscall`: the system call that a thread waits in, with its stack and code addresses.

/// What `syscall` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// On a processor, or waiting for one.
    Running,
    /// In a system call.
    InCall { number: u64, arguments: [u64; 6], stack_pointer: u64, program_counter: u64 },
    /// Not running, yet in no system call: in a page fault, or stopped.
    Outside { stack_pointer: u64, program_counter: u64 },
}

/// See proc_pid_syscall(5).
pub(crate) fn parse(bytes: &[u8]) -> Option<Activity> {
    let text = std::str::from_utf8(bytes).ok()?.trim_ascii();
    if text == "running" {
        return Some(Activity::Running);
    }
    let mut fields = text.split(' ');
    let number: i64 = fields.next()?.parse().ok()?;
    let mut value = || u64::from_str_radix(fields.next()?.strip_prefix("0x")?, 16).ok();
    let activity = match u64::try_from(number) {
        Err(_) => Activity::Outside { stack_pointer: value()?, program_counter: value()? },
        Ok(number) => Activity::InCall {
            number,
            arguments: [value()?, value()?, value()?, value()?, value()?, value()?],
            stack_pointer: value()?,
            program_counter: value()?,
        },
    };
    fields.next().is_none().then_some(activity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activities() {
        let check = |text: &str, expected| assert_eq!(parse(text.as_bytes()), expected, "{text}");
        check("running\n", Some(Activity::Running));
        check(
            "202 0x1 0x2 0x3 0x4 0x5 0x6 0x7ffd 0x55aa\n",
            Some(Activity::InCall {
                number: 202,
                arguments: [1, 2, 3, 4, 5, 6],
                stack_pointer: 0x7ffd,
                program_counter: 0x55aa,
            }),
        );
        check(
            "-1 0x7ffd 0x55aa\n",
            Some(Activity::Outside { stack_pointer: 0x7ffd, program_counter: 0x55aa }),
        );
        for nonsense in
            ["", "202", "202 0x1 0x2", "-1 0x1", "-1 0x1 0x2 0x3", "202 1 2 3 4 5 6 7 8", "x 0x1 0x2"]
        {
            check(nonsense, None);
        }
    }
}
