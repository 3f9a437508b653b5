//! A report on call, as a value: `on_call` prints its own threads, `on_call json` the whole report for
//! programs.

use gmr::Format;
use gmr::report::format::text;

fn main() -> Result<(), gmr::Error> {
    let gmr = gmr::Builder::new(gmr::package!()).install()?;
    let report = gmr.report()?;
    if std::env::args().nth(1).as_deref() == Some("json") {
        print!("{}", Format::Json.render(&report));
    } else if let Some(threads) = report.section("threads") {
        print!("{}", text::section(threads));
    }
    Ok(())
}
