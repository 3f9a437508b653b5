//! The conditions of a measurement: processors, kernel, compiler, load. Figures without them say nothing.

use std::fs;

use crate::command::Step;

/// Prints the machine's side of the conditions, and `build` for the subject's.
pub fn print(build: &str) {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let system = rustix::system::uname();
    println!(
        "{cores} cores; {} {} {}; {}",
        system.sysname().to_string_lossy(),
        system.release().to_string_lossy(),
        system.machine().to_string_lossy(),
        first_line(Step::new("rustc").arg("--version")),
    );
    println!("subject: {build}");
    print_load("before");
}

/// Prints how busy the machine is: with more load than cores, times are those of a busy machine.
pub fn print_load(when: &str) {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = text.split(' ').take(3).collect();
    println!("load average {when}: {}", load.join(" "));
}

/// What a program prints of itself.
pub fn first_line(step: Step) -> String {
    let text = step.read().unwrap_or_default();
    text.lines().next().unwrap_or("not installed").to_owned()
}
