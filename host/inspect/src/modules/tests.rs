//! Modules of the test process itself.

use super::*;

#[test]
fn the_executable_the_c_library_and_the_vdso_are_there_once_each() {
    let snapshot = snapshot();
    let own = std::env::current_exe().unwrap();
    let count = |wanted: &dyn Fn(&Module) -> bool| snapshot.modules.iter().filter(|m| wanted(m)).count();
    assert_eq!(count(&|m| m.name.path == own), 1);
    assert_eq!(count(&|m| m.name.path.to_string_lossy().contains("libc.so")), 1);
    assert_eq!(count(&|m| m.name.path == std::path::Path::new(VDSO)), 1);
    assert!(snapshot.modules.is_sorted_by_key(|m| m.range.start));
}

#[test]
fn an_address_as_the_file_counts_it_is_the_symbols_own() {
    let snapshot = snapshot();
    let address = libc::malloc as *const () as u64;
    let module = snapshot.find(address).unwrap();
    let file = crate::debug_files::ObjectFile::open(&module.name.path).unwrap();
    let symbols = file.symbol_names_at(address - module.bias);
    assert!(symbols.iter().any(|name| name.contains("malloc")), "{symbols:?}");
}

#[test]
fn a_library_mapped_as_data_is_no_module() {
    let before = snapshot();
    let libc = before.modules.iter().find(|m| m.name.path.to_string_lossy().contains("libc.so")).unwrap();
    let file = crate::debug_files::ObjectFile::open(&libc.name.path).unwrap();
    let during = snapshot();
    let copies = during.modules.iter().filter(|m| m.name.path == libc.name.path).count();
    assert_eq!(copies, 1);
    drop(file);
}

#[test]
fn build_ids_in_memory_are_those_of_the_files() {
    let mut compared = 0;
    for module in snapshot().modules {
        if let Ok(file) = crate::debug_files::ObjectFile::open(&module.name.path) {
            assert_eq!(module.name.build_id, file.build_id(), "{:?}", module.name.path);
            compared += 1;
        }
    }
    assert!(compared >= 2);
}
