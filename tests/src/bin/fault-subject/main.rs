//! A service with a reporter for the table of faults (`tests/tests/faults`): known threads, known tasks, a configuration,
//! requests that are answered on a loopback connection, and orders that bring it into trouble.
//!
//! An argument is an order that is carried out before the reporter is installed; `early:ORDER` before any thread is
//! started, `contents:NAME` chooses what reports are of, `no-runtime` leaves the service and its tasks out. Then each line
//! of standard input is an order. The program ends with its input, so that none outlives its test.

mod contents;
mod orders;
mod storms;
mod workload;

use std::io::BufRead as _;
use std::process::ExitCode;

use gmr_test_support::trouble::{Hanging, spare_this_thread};
use orders::{Next, Orders};
use workload::Workload;

#[global_allocator]
static ALLOCATOR: Hanging = Hanging;

fn main() -> ExitCode {
    spare_this_thread();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut orders = Orders::default();
    for order in arguments.iter().filter_map(|argument| argument.strip_prefix("early:")) {
        orders.carry_out(order);
    }
    let workload = Workload::start(!arguments.iter().any(|argument| argument == "no-runtime"));
    for argument in &arguments {
        match argument.split_once(':') {
            Some(("early", _)) => (),
            Some(("contents", name)) => name.clone_into(&mut orders.contents),
            _ if argument == "no-runtime" => (),
            _ => _ = orders.carry_out(argument),
        }
    }
    let _context = workload.enter();
    if let Err(error) = orders.install() {
        orders::say(&format!("refused {error}"));
        return ExitCode::FAILURE;
    }
    orders::say(&format!("ready {} {}", workload.port(), std::process::id()));
    for line in std::io::BufReader::new(workload::Input).lines().map_while(Result::ok) {
        match orders.carry_out(&line) {
            Next::Answer(answer) => orders::say(&answer),
            Next::End(code) => return ExitCode::from(code),
        }
    }
    ExitCode::SUCCESS
}
