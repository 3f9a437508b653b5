//! The C bindings that `gmr plugin new --lang c` lays out: what wit-bindgen makes of the interface, so that an author
//! needs no generator. `UPDATE_GOLDEN=1` renews them.

use std::fs;
use std::path::Path;

use wit_bindgen_core::Files;
use wit_bindgen_core::wit_parser::Resolve;

#[test]
fn the_template_has_the_bindings_of_this_interface() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut resolve = Resolve::default();
    let (interface, _) = resolve.push_dir(package.join("wit")).unwrap();
    let world = resolve.select_world(&[interface], Some("plugin")).unwrap();
    // The description of the world, which that file has, is added by `wasm-tools component embed` to the module.
    let options = wit_bindgen_c::Opts { no_object_file: true, ..Default::default() };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).unwrap();
    let folder = package.join("../../host/cli/templates/c/bindings");
    for (name, text) in files.iter() {
        let path = folder.join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, text).unwrap();
        }
        let found = fs::read(&path).unwrap_or_default();
        assert!(
            found == text,
            "{name} is not what wit-bindgen makes of wit/: set UPDATE_GOLDEN=1 to renew it"
        );
    }
    assert_eq!(files.iter().count(), fs::read_dir(&folder).unwrap().count());
}
