//! How the program is started: with which orders, variables and limits, and where its standard error goes.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::subject::Subject;

/// By which a process of the program is found again where another one stands between.
pub const MARK: &str = "GMR_FAULTS_MARK";

/// A program that is not started yet.
pub struct Launch {
    program: PathBuf,
    before: Vec<OsString>,
    arguments: Vec<OsString>,
    variables: Vec<(OsString, OsString)>,
    stderr: Option<Stdio>,
    connections: usize,
}

impl Launch {
    /// This program, writing reports in JSON to a standard error that is read. They have more time than usual: what a loaded
    /// machine does not get done is no fault.
    pub fn new(program: impl AsRef<Path>) -> Launch {
        Launch {
            program: program.as_ref().to_owned(),
            before: Vec::new(),
            arguments: Vec::new(),
            variables: vec![("GMR_FORMAT".into(), "json".into()), ("GMR_DEADLINE".into(), "20".into())],
            stderr: None,
            connections: 1,
        }
    }

    /// Another file in the program's place.
    pub fn program(mut self, program: impl AsRef<Path>) -> Launch {
        program.as_ref().clone_into(&mut self.program);
        self
    }

    /// Words before the command, such as `prlimit --nofile=64`.
    pub fn under<W: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = W>) -> Launch {
        self.before.extend(words.into_iter().map(|word| word.as_ref().to_owned()));
        self
    }

    /// Shell commands that are carried out before the program takes the shell's place.
    pub fn after(self, commands: &str) -> Launch {
        let script = format!("{commands}\nexec \"$0\" \"$@\"");
        self.under(["sh", "-ec", &script])
    }

    /// An argument: an order that comes before the reporter is installed.
    pub fn order(mut self, order: impl AsRef<OsStr>) -> Launch {
        self.arguments.push(order.as_ref().to_owned());
        self
    }

    /// An environment variable.
    pub fn set(mut self, name: &str, value: impl AsRef<OsStr>) -> Launch {
        self.variables.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Standard error somewhere else.
    pub fn stderr(mut self, stderr: impl Into<Stdio>) -> Launch {
        self.stderr = Some(stderr.into());
        self
    }

    /// With requests on so many connections at once; one, if nothing else is said.
    pub fn connections(mut self, connections: usize) -> Launch {
        self.connections = connections;
        self
    }

    /// Without requests: the condition leaves nobody who answers them, by the application's own doing.
    pub fn without_load(mut self) -> Launch {
        self.connections = 0;
        self
    }

    /// Without runtime, tasks and requests.
    pub fn without_runtime(self) -> Launch {
        self.order("no-runtime").without_load()
    }

    /// Starts it, and waits until it is ready.
    pub fn start(self) -> Subject {
        let connections = self.connections;
        let (command, mark) = self.command();
        Subject::start(command, &mark, connections)
    }

    /// The command as it would be started, with its mark.
    pub fn command(self) -> (Command, String) {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let mark = format!("{}-{}", std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed));
        let mut words = self.before.into_iter().chain([self.program.into_os_string()]);
        let mut command = Command::new(words.next().expect("the program at least"));
        command.args(words).args(self.arguments).envs(self.variables).env(MARK, &mark);
        // A panic's backtrace takes a second of a debug build's time, the whole of what a closure has.
        command.env_remove("RUST_BACKTRACE");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(self.stderr.unwrap_or_else(Stdio::piped));
        (command, mark)
    }
}
