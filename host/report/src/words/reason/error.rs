//! System errors (errno), in words.

use std::fmt;

use crate::model::SystemError;

impl fmt::Display for SystemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SystemError::Message(message) => f.write_str(message),
            SystemError::Errno(number) => {
                let at = usize::try_from(*number).ok().and_then(|number| number.checked_sub(1));
                match at.and_then(|at| WORDS.get(at)) {
                    Some(words) => write!(f, "{words} (os error {number})"),
                    None => write!(f, "os error {number}"),
                }
            }
        }
    }
}

/// Linux's error numbers from 1 on, in the C library's words: the machine that prints a report may number them
/// otherwise. Calls that look at a process return none beyond these.
const WORDS: [&str; 40] = [
    "Operation not permitted",
    "No such file or directory",
    "No such process",
    "Interrupted system call",
    "Input/output error",
    "No such device or address",
    "Argument list too long",
    "Exec format error",
    "Bad file descriptor",
    "No child processes",
    "Resource temporarily unavailable",
    "Cannot allocate memory",
    "Permission denied",
    "Bad address",
    "Block device required",
    "Device or resource busy",
    "File exists",
    "Invalid cross-device link",
    "No such device",
    "Not a directory",
    "Is a directory",
    "Invalid argument",
    "Too many open files in system",
    "Too many open files",
    "Inappropriate ioctl for device",
    "Text file busy",
    "File too large",
    "No space left on device",
    "Illegal seek",
    "Read-only file system",
    "Too many links",
    "Broken pipe",
    "Numerical argument out of domain",
    "Numerical result out of range",
    "Resource deadlock avoided",
    "File name too long",
    "No locks available",
    "Function not implemented",
    "Directory not empty",
    "Too many levels of symbolic links",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn words_are_the_c_librarys() {
        for number in 1..=40 {
            let expected = std::io::Error::from_raw_os_error(number).to_string();
            assert_eq!(SystemError::Errno(number).to_string(), expected);
        }
    }

    #[test]
    fn a_number_without_words_stands_for_itself() {
        assert_eq!(SystemError::Errno(0).to_string(), "os error 0");
        assert_eq!(SystemError::Errno(1000).to_string(), "os error 1000");
        assert_eq!(SystemError::Errno(-1).to_string(), "os error -1");
    }
}
