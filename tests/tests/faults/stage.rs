//! The place of one line: its own folder, and what conditions are made of: files, control groups, compiled libraries.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use tempfile::TempDir;

use crate::launch::Launch;
use crate::line::skip;

/// The program in trouble.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_fault-subject");

/// Longer than any report takes on a loaded machine.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// A line's place. Nothing of it stays.
pub struct Stage {
    name: &'static str,
    folder: TempDir,
    control_group: Mutex<Option<PathBuf>>,
}

impl Stage {
    /// An empty place.
    pub fn new(name: &'static str) -> Stage {
        let folder = tempfile::tempdir().expect("a folder can be made");
        // Lines give up their privileges, and have to reach their files still.
        open_to_all(folder.path());
        Stage { name, folder, control_group: Mutex::new(None) }
    }

    /// The program, not started yet.
    pub fn launch(&self) -> Launch {
        Launch::new(PROGRAM)
    }

    /// The program as another user without privileges, not started yet.
    pub fn launch_as(&self, id: u32) -> Launch {
        self.launch().program(self.program_for_all()).under(as_user(id))
    }

    /// The program where every user reaches it: perhaps the project lies in somebody's home.
    pub fn program_for_all(&self) -> PathBuf {
        let is_reachable =
            Command::new("setpriv").args(&as_user(1)[1..]).args(["test", "-x", PROGRAM]).status();
        if is_reachable.is_ok_and(|status| status.success()) {
            return PathBuf::from(PROGRAM);
        }
        let copy = self.path("program");
        fs::copy(PROGRAM, &copy).expect("there is room for it");
        copy
    }

    /// A path in the line's own folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A folder that is made, which everybody may write to.
    pub fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).expect("the folder is writable");
        open_to_all(&path);
        path
    }

    /// A file with this text.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("the folder is writable");
        path
    }

    /// The words before a command that put it into a control group of its own with this much memory, in MiB.
    pub fn memory_group(&self, mebibytes: u64) -> Vec<String> {
        let limit = (mebibytes << 20).to_string();
        let name = format!("gmr-faults-{}-{}", std::process::id(), self.name);
        let places = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        for (root, file) in places {
            let group = Path::new(root).join(&name);
            if fs::create_dir(&group).is_ok() {
                let is_limited = fs::write(group.join(file), &limit).is_ok();
                if is_limited {
                    // Swapping would hide what is too much.
                    let _ = fs::write(group.join("memory.swap.max"), "0");
                    let join = format!("echo $$ > {}/cgroup.procs; exec \"$0\" \"$@\"", group.display());
                    *self.control_group.lock().expect("nobody panics with it") = Some(group);
                    return ["sh", "-c"].map(str::to_owned).into_iter().chain([join]).collect();
                }
                let _ = fs::remove_dir(group);
            }
        }
        skip("no control group for memory can be made")
    }

    /// A library whose constructor does what this C statement says.
    pub fn library(&self, name: &str, constructor: &str) -> PathBuf {
        let source = self.file(
            &format!("{name}.c"),
            format!("#include <unistd.h>\n__attribute__((constructor)) static void begin(void) {{ {constructor} }}\n"),
        );
        let library = self.path(&format!("{name}.so"));
        run(Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source));
        library
    }

    /// A copy of the program with its debug information compressed in this way.
    pub fn compressed(&self, how: &str) -> PathBuf {
        let copy = self.path("compressed");
        run(Command::new("objcopy").arg(format!("--compress-debug-sections={how}")).arg(PROGRAM).arg(&copy));
        copy
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let group = self.control_group.lock().expect("nobody panics with it").take();
        // Where its last process is not quite gone, the empty group stays; it takes nothing.
        group.into_iter().for_each(|group| drop(fs::remove_dir(group)));
    }
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).expect("it is ours");
}

/// The words before a command that give up all privileges: a user for each line, since what one takes the other lacks.
pub fn as_user(id: u32) -> [String; 4] {
    require("other users", "setpriv --reuid=1 --regid=1 --clear-groups true");
    ["setpriv".to_owned(), format!("--reuid={id}"), format!("--regid={id}"), "--clear-groups".to_owned()]
}

/// A Python that every user may run: the first one on the path may be somebody's own.
pub fn python() -> &'static str {
    const SYSTEM: &str = "/usr/bin/python3";
    if Path::new(SYSTEM).exists() {
        return SYSTEM;
    }
    require("python3", "python3 -c pass");
    "python3"
}

/// Runs a command that a condition needs, silently.
///
/// # Panics
///
/// If it fails; the line is skipped where it is not installed.
pub fn run(command: &mut Command) {
    let name = command.get_program().to_string_lossy().into_owned();
    match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => (),
        Ok(output) => panic!("{name} fails: {}", String::from_utf8_lossy(&output.stderr)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => skip(&format!("no {name}")),
        Err(error) => panic!("{name}: {error}"),
    }
}

/// Skips the line unless the machine can do this: a shell command that succeeds then.
pub fn require(what: &str, trial: &str) {
    let status = Command::new("sh").args(["-c", trial]).stdin(Stdio::null()).output();
    if !status.is_ok_and(|output| output.status.success()) {
        skip(&format!("this machine allows no {what}"));
    }
}
