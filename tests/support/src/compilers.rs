//! The processes in which a reporter has its plugins compiled, as others see them.

use std::path::{Path, PathBuf};

/// The processes, by their folders in /proc, that compile for this one: children of its children.
pub fn compilers_of(process: u32) -> Vec<PathBuf> {
    let processes = std::fs::read_dir("/proc").expect("it is mounted");
    let processes = processes.filter_map(|entry| Some(entry.ok()?.path()));
    let is_its_compiler = |path: &PathBuf| {
        std::fs::read(path.join("cmdline")).is_ok_and(|line| line.starts_with(b"gmr-plugin-compiler\0"))
            && parent(path).and_then(|parent| self::parent(&Path::new("/proc").join(parent.to_string())))
                == Some(process)
    };
    processes.filter(is_its_compiler).collect()
}

fn parent(process: &Path) -> Option<u32> {
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}
