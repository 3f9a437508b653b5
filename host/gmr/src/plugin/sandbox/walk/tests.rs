//! Each limit from both of its sides, and files that would take the compiler minutes.

use gmr_test_support::guests;

use super::*;

/// Walks over a component of this text under limits that are changed so. `expected` is a part of the refusal.
#[track_caller]
fn check(text: &str, change: impl FnOnce(&mut FileLimits), expected: Option<&str>) {
    check_file(&wat::parse_str(text).unwrap_or_else(|error| panic!("{error}")), change, expected);
}

#[track_caller]
fn check_file(file: &[u8], change: impl FnOnce(&mut FileLimits), expected: Option<&str>) {
    let mut limits = FileLimits::default();
    change(&mut limits);
    match (walk(file, &limits), expected) {
        (Ok(()), None) => {}
        (Err(Refusal::Limit(reason)), Some(expected)) => {
            assert!(reason.contains(expected), "{reason}");
            assert!(!reason.contains('\n'), "{reason}");
        }
        (outcome, expected) => panic!("{outcome:?}, not {expected:?}"),
    }
}

/// A component with one core module.
fn module(fields: &str) -> String {
    format!("(component (core module {fields}))")
}

fn function(locals: u32, body: &str) -> String {
    module(&format!("(func (local {}) {body})", "i32 ".repeat(locals as usize)))
}

/// Components in one another, deeper than the text format goes.
fn nest(levels: usize) -> Vec<u8> {
    let header = wat::parse_str("(component)").unwrap();
    (0..levels).fold(header.clone(), |inner, _| {
        const COMPONENT_SECTION: u8 = 4;
        let mut outer = header.clone();
        outer.push(COMPONENT_SECTION);
        // Its size in LEB128.
        let mut size = inner.len();
        while size > 0x7f {
            outer.push((size & 0x7f) as u8 | 0x80);
            size >>= 7;
        }
        outer.push(size as u8);
        outer.extend(inner);
        outer
    })
}

/// Loops in one another, which count up the first local.
fn loops(depth: usize) -> String {
    let more = "local.get 0 i32.const 1 i32.add local.set 0 ";
    format!("{}{more}{}", "loop ".repeat(depth), "local.get 0 br_if 0 end ".repeat(depth))
}

#[test]
fn files_are_as_large_as_they_may_be() {
    let size = wat::parse_str("(component)").unwrap().len() as u64;
    check("(component)", |limits| limits.bytes = size, None);
    check(
        "(component)",
        |limits| limits.bytes = size - 1,
        Some("the file has 8 B, more than its limit `file` of 7 B"),
    );
}

#[test]
fn components_are_nested_as_deep_as_they_may_be() {
    check_file(&nest(64), |_| (), None);
    check_file(
        &nest(65),
        |_| (),
        Some("its components are nested 65 deep, more than its limit `nesting` of 64"),
    );
    // Those beside each other are no deeper than one.
    let siblings = format!("(component {})", "(component)".repeat(100));
    check(&siblings, |limits| limits.nesting = 1, None);
}

#[test]
fn bytes_of_nested_components_count_once_for_each_around_them() {
    let with_data = |levels: usize| {
        let data = "x".repeat(1000);
        let (open, close) = ("(component ".repeat(levels), ")".repeat(levels));
        format!("{open}(component (core module (memory 1) (data (i32.const 0) \"{data}\"))){close}")
    };
    let size = |levels| wat::parse_str(with_data(levels)).unwrap().len() as u64;
    check(&with_data(3), |limits| limits.bytes = size(3), None);
    check(&with_data(5), |limits| limits.bytes = size(5), Some("its nested components have "));
}

#[test]
fn things_are_counted_over_all_modules() {
    let two = |field: &str| format!("(component (core module {field}) (core module {field}))");
    let functions = two("(func) (func)");
    check(&functions, |limits| limits.functions = 4, None);
    check(
        &functions,
        |limits| limits.functions = 3,
        Some("it has 4 functions, more than its limit `functions` of 3"),
    );
    let segments = two("(memory 1) (data (i32.const 0) \"a\") (data \"b\")");
    check(&segments, |limits| limits.data_segments = 4, None);
    check(
        &segments,
        |limits| limits.data_segments = 3,
        Some("4 data segments, more than its limit `data_segments`"),
    );
    check(&two(""), |limits| limits.modules = 2, None);
    check(
        &two(""),
        |limits| limits.modules = 1,
        Some("it has 2 core modules, more than its limit `modules` of 1"),
    );
    let custom = two("(@custom \"name\" \"0123456789\")");
    check(&custom, |limits| limits.custom_bytes = 20, None);
    check(
        &custom,
        |limits| limits.custom_bytes = 19,
        Some("custom sections have 20 B, more than its limit `custom`"),
    );
}

#[test]
fn a_function_is_as_long_as_it_may_be() {
    // One byte says that there are no locals, one is the end.
    let nops = function(0, "nop nop nop");
    let nops = nops.replace("(local )", "");
    check(&nops, |limits| limits.function_bytes = 5, None);
    let reason = "function 0 of module 1 has 5 B of code, more than its limit `function` of 4 B";
    check(&nops, |limits| limits.function_bytes = 4, Some(reason));
}

#[test]
fn parameters_are_locals() {
    let text = module("(func) (func (param i64 i64) (local i32) (local f32))");
    check(&text, |limits| limits.locals = 4, None);
    let reason = "function 1 of module 1 has 4 locals, more than its limit `locals` of 3";
    check(&text, |limits| limits.locals = 3, Some(reason));
}

#[test]
fn branches_count_once_for_each_local_and_loops_for_those_around_them() {
    // Locals, what is done, and how many branches that is; one is added to it.
    for (locals, body, branches) in [
        (3, "nop", 0),
        (3, "(block (br_if 0 (local.get 0)))", 2),
        (3, "(if (local.get 0) (then) (else))", 2),
        (3, "(block (br 0))", 2),
        (1, "(block (block (br_table 0 1 0 1 (local.get 0))))", 6),
        (3, "(loop) (loop)", 2),
        (3, "(loop (loop (loop)))", 6),
        (3, "(loop (block (loop)) ) (loop)", 5),
    ] {
        let cost = u64::from(locals) * (branches + 1);
        check(&function(locals, body), |limits| limits.branching = cost, None);
        let reason = format!("function 0 of module 1, by its locals and branches, costs {cost}, more than");
        check(&function(locals, body), |limits| limits.branching = cost - 1, Some(&reason));
    }
}

#[test]
fn all_functions_together_branch_so_many_times_as_much_as_one() {
    let functions = |number: usize| module(&"(func (local i32))".repeat(number));
    check(&functions(16), |limits| limits.branching = 1, None);
    check(
        &functions(17),
        |limits| limits.branching = 1,
        Some("cost more than 16 times its limit `branching` of 1"),
    );
}

#[test]
fn what_would_take_the_compiler_minutes_is_refused_by_the_defaults() {
    // Each was tried: 40 seconds of processor time and more, or gigabytes of memory.
    check_file(&nest(10_000), |_| (), Some("`nesting`"));
    check(&function(5_000, &loops(500)), |_| (), Some("`branching`"));
    check(&function(20_000, &loops(10)), |_| (), Some("`locals`"));
    check(&guests::doubling(30), |_| (), Some("it has 17 instances of components, more than its limit"));
    check(&module(&"(func)".repeat(100_000)), |_| (), Some("`functions`"));
    check(&function(1, &"nop ".repeat(2 << 20)), |_| (), Some("`function`"));
}

#[test]
fn what_is_shared_between_components_is_no_instance_of_one() {
    check(&guests::doubling(8), |_| (), None);
    check(
        "(component (instance $a) (instance (export \"a\" (instance $a))))",
        |limits| limits.component_instances = 1,
        None,
    );
}

#[test]
fn a_file_that_cannot_be_read_is_refused_even_before_its_end() {
    let whole = guests::component("hello");
    walk(&whole, &FileLimits::default()).unwrap();
    for length in 8..whole.len() {
        let walked = walk(&whole[..length], &FileLimits::default());
        assert!(matches!(walked, Ok(()) | Err(Refusal::Malformed(_))), "{length}: {walked:?}");
    }
    // An operator that there is not, in the last function.
    let mut bad = wat::parse_str(function(1, "nop")).unwrap();
    let nop = bad.iter().rposition(|byte| *byte == 1).unwrap();
    bad[nop] = 0xff;
    assert!(matches!(walk(&bad, &FileLimits::default()), Err(Refusal::Malformed(_))));
}

#[test]
fn a_name_that_every_frame_would_repeat_is_limited() {
    let most = "a".repeat(MOST_NAME_BYTES);
    let refused = Some("has a name of more than 64.0 KiB: leave the names out");
    check(&module(&format!("(func ${most})")), |_| {}, None);
    check(&module(&format!("(func ${most}a)")), |_| {}, refused);
    check(&format!("(component (core module ${most}))"), |_| {}, None);
    check(&format!("(component (core module (@name \"{most}a\")))"), |_| {}, refused);
}
