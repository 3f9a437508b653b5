//! Commands that the tasks run: each tells what it was when it fails.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};

use anyhow::{Context, Result, bail};

/// One command, not yet run. Its standard error goes to the terminal unless it is only [`read`](Step::read).
pub struct Step {
    command: Command,
}

impl Step {
    /// A command by name or path. Inside a task `cargo` means the one that runs the task.
    pub fn new(program: impl AsRef<OsStr>) -> Step {
        Step { command: Command::new(program) }
    }

    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Step {
        self.command.arg(argument);
        self
    }

    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Step {
        self.command.args(arguments);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Step {
        self.command.env(name, value);
        self
    }

    pub fn without_env(mut self, name: &str) -> Step {
        self.command.env_remove(name);
        self
    }

    pub fn within(mut self, folder: &Path) -> Step {
        self.command.current_dir(folder);
        self
    }

    /// Runs it, with its output on the terminal.
    pub fn run(mut self) -> Result<()> {
        let status = self.command.stdin(Stdio::null()).status().map_err(|error| self.absent(error))?;
        self.expect(status, "")
    }

    /// Runs it silently and returns its standard output; the error holds what it wrote to standard error.
    pub fn read(mut self) -> Result<String> {
        let Output { status, stdout, stderr } =
            self.command.stdin(Stdio::null()).output().map_err(|error| self.absent(error))?;
        self.expect(status, String::from_utf8_lossy(&stderr).trim())?;
        String::from_utf8(stdout).with_context(|| format!("`{self}` did not print UTF-8"))
    }

    /// Runs it and hands each line of its standard output to `each` as it comes.
    pub fn lines(mut self, mut each: impl FnMut(&str) -> Result<()>) -> Result<()> {
        let mut child = self
            .command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| self.absent(error))?;
        let output = child.stdout.take().context("standard output was piped")?;
        let mut failure = None;
        for line in BufReader::new(output).lines() {
            // The pipe is read to its end all the same: a child that waits for a reader never exits.
            let heard = line.map_err(anyhow::Error::from).and_then(|line| each(&line));
            failure = failure.or(heard.err());
        }
        let status = child.wait().with_context(|| format!("cannot wait for `{self}`"))?;
        self.expect(status, "")?;
        failure.map_or(Ok(()), Err)
    }

    fn expect(&self, status: ExitStatus, said: &str) -> Result<()> {
        match (status.success(), said) {
            (true, _) => Ok(()),
            (false, "") => bail!("`{self}` failed: {status}"),
            (false, said) => bail!("`{self}` failed: {status}\n{said}"),
        }
    }

    fn absent(&self, error: io::Error) -> anyhow::Error {
        let program = self.command.get_program().to_string_lossy();
        match error.kind() {
            io::ErrorKind::NotFound => anyhow::anyhow!("`{program}` is not installed (or not on the PATH)"),
            _ => anyhow::Error::new(error).context(format!("cannot run `{self}`")),
        }
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{}", self.command.get_program().to_string_lossy())?;
        self.command.get_args().try_for_each(|argument| write!(to, " {}", argument.to_string_lossy()))
    }
}

/// Tells the reader of the terminal what comes next and may take a while.
pub fn announce(what: impl std::fmt::Display) {
    eprintln!("xtask: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_names_the_command_and_what_it_said() {
        let error = Step::new("sh").args(["-c", "echo no such luck >&2; exit 3"]).read().unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("`sh -c") && text.contains("status: 3") && text.contains("no such luck"),
            "{text}"
        );
    }

    #[test]
    fn absent_program_is_told() {
        let error = Step::new("gmr-no-such-program").run().unwrap_err();
        assert_eq!(error.to_string(), "`gmr-no-such-program` is not installed (or not on the PATH)");
    }

    #[test]
    fn lines_come_one_by_one_and_an_error_in_their_reader_is_kept() {
        let mut seen = Vec::new();
        let result = Step::new("sh").args(["-c", "echo one; echo two"]).lines(|line| {
            seen.push(line.to_owned());
            if line == "one" { bail!("enough") } else { Ok(()) }
        });
        assert_eq!(seen, ["one", "two"]);
        assert_eq!(result.unwrap_err().to_string(), "enough");
    }
}
