//! Lists the files that are loaded as code, with the build ids by which their debug information is found.
//!
//! Remarks on those that were replaced on disk: the process still runs what it started with.

use gmr_plugin::process::{self, Module};
use gmr_plugin::{Description, Failure, Plugin, Request, Section, Table, Value, words};

/// What the kernel appends to the path of a file that is no longer there.
const REPLACED: &str = " (deleted)";

struct Loaded;

impl Plugin for Loaded {
    fn describe() -> Description {
        Description::new("Loaded Modules", "The files loaded as code, with their build ids")
            .wants("process")
            .settings([])
    }

    fn render(_: &Request) -> Result<Section, Failure> {
        let modules = process::modules()?;
        if modules.is_empty() {
            return Err(Failure::unavailable("this system does not tell which files are loaded as code"));
        }
        let mut section = Section::new();
        let size = modules.iter().map(|module| module.size).sum();
        section.field("modules", modules.len()).field("address space", Value::Bytes(size));
        remark(&mut section, &modules);
        section.table(table(modules));
        Ok(section)
    }
}

gmr_plugin::export!(Loaded);

fn remark(section: &mut Section, modules: &[Module]) {
    let replaced: Vec<&str> =
        modules.iter().filter_map(|module| module.path.strip_suffix(REPLACED)).map(file_name).collect();
    if let [first, others @ ..] = &replaced[..] {
        let others = match others.len() {
            0 => String::new(),
            count => format!(" and {}", words::count(count as u64, "other file")),
        };
        section.remark(format!("replaced on disk: {first}{others}; the process runs the code from before"));
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn table(modules: Vec<Module>) -> Table {
    let mut table = Table::new(["file", "build id", "base", "size"]);
    for module in modules {
        table.row([
            module.path.into(),
            module.build_id.into(),
            Value::Address(module.base),
            Value::Bytes(module.size),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use gmr_plugin::testing::Host;

    use super::*;

    fn module(path: &str, build_id: Option<&str>) -> Module {
        Module { path: path.into(), build_id: build_id.map(Into::into), base: 0x7f00_0000_1000, size: 8192 }
    }

    #[test]
    fn files_stand_in_the_host_s_order_with_their_build_ids() {
        let host =
            Host::new().modules(vec![module("/usr/bin/api", Some("9f2c")), module("/lib/libc.so.6", None)]);
        let expected = "\
modules = 2
address space = 16.0 KiB
file            build id  base               size
/usr/bin/api    9f2c      0x7f0000001000  8.0 KiB
/lib/libc.so.6  none      0x7f0000001000  8.0 KiB
";
        assert_eq!(host.render::<Loaded>().unwrap().to_string(), expected);
    }

    #[test]
    fn replaced_files_are_remarked() {
        let check = |paths: &[&str], expected: Option<&str>| {
            let modules = paths.iter().map(|path| module(path, None)).collect();
            let section = Host::new().modules(modules).render::<Loaded>().unwrap();
            assert_eq!(section.remarks().next(), expected);
        };
        check(&["/usr/bin/api"], None);
        check(
            &["/usr/bin/api (deleted)"],
            Some("replaced on disk: api; the process runs the code from before"),
        );
        check(
            &["/a/api (deleted)", "/b/libz.so (deleted)", "/b/libc.so"],
            Some("replaced on disk: api and 1 other file; the process runs the code from before"),
        );
    }

    #[test]
    fn no_modules_are_told_apart_from_no_grant() {
        assert!(matches!(Host::new().render::<Loaded>(), Err(Failure::Unavailable(_))));
        assert!(matches!(Host::new().deny("process").render::<Loaded>(), Err(Failure::Denied(_))));
    }
}
