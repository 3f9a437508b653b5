//! A service with a reporter for the table of attacks (`tests/tests/attacks`): it compiles plugins in a child, has a secret in
//! its environment, and shows when it is told to that it still works. It ends with its input, so that none outlives its test.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;

/// Memory that the service needs for what it does, in bytes.
const NEEDED_BYTES: usize = 8 << 20;

fn main() -> ExitCode {
    gmr::plugin::compile_if_asked();
    let builder = gmr::Builder::new(gmr::Package::new("attack-subject", "1.2.3").vendor("Example Ltd"));
    let builder = match std::env::var_os("SUBJECT_SETTINGS") {
        Some(path) => builder.settings_file(std::path::PathBuf::from(path)),
        None => builder,
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let _guard = match builder.install() {
        Ok(guard) => guard,
        Err(error) => {
            say(&format!("refused {error}"));
            return ExitCode::FAILURE;
        }
    };
    say("ready");
    for _ in std::io::stdin().lines().map_while(Result::ok) {
        say(&works(&listener).map_or_else(|error| format!("failed: {error}"), |()| "works".to_owned()));
    }
    ExitCode::SUCCESS
}

/// Serves a connection, for which a service needs descriptors, memory and a thread.
fn works(listener: &TcpListener) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    let client = std::thread::Builder::new()
        .spawn(move || -> std::io::Result<()> { TcpStream::connect(address)?.write_all(b"a request") })?;
    let (mut connection, _) = listener.accept()?;
    let mut answer = Vec::new();
    answer.try_reserve_exact(NEEDED_BYTES)?;
    answer.resize(NEEDED_BYTES, 1_u8);
    connection.read_to_end(&mut answer)?;
    client.join().map_err(|_| std::io::Error::other("the client panicked"))?
}

fn say(line: &str) {
    // The test may be gone.
    let _ = writeln!(std::io::stdout(), "{line}").and_then(|()| std::io::stdout().flush());
}
