//! What there is to say of plugin folders before a service runs: who may write there, and so have what the settings grant.

use std::path::Path;

use super::PluginConfig;
use super::files::folder::{self, Rank};
use super::files::ownership::{self, Writers};
use crate::settings::Settings;

/// Looks at the plugin folders of these settings as the user that runs this: who else may write there, and what the
/// settings grant to the files that lie there. Each finding is a line; there is none where all is well. Nothing is loaded.
///
/// ```no_run
/// let settings = gmr::Settings::from_file("shop.toml")?;
/// for finding in gmr::plugin::audit(&settings) {
///     println!("{finding}");
/// }
/// # Ok::<(), gmr::Error>(())
/// ```
pub fn audit(settings: &Settings) -> Vec<String> {
    settings.plugin_dir.iter().flat_map(|directory| of_folder(settings, directory)).collect()
}

fn of_folder(settings: &Settings, directory: &Path) -> Vec<String> {
    // Nothing serves yet.
    let is_named = |path: &Path| settings.plugins.contains_key(folder::stem(path));
    let rank = |path: &Path| if is_named(path) { Rank::Named } else { Rank::Unknown };
    let listing = match folder::list(directory, rank) {
        Ok(listing) => listing,
        Err(error) => return vec![format!("{} cannot be read: {error}", directory.display())],
    };
    let mut findings: Vec<String> = ownership::open_to_all(directory).into_iter().collect();
    if listing.left_out > 0 {
        let (shown, most, more) = (directory.display(), folder::MOST_FILES, listing.left_out);
        findings.push(format!("{shown}: {more} files beyond the first {most} are not looked into"));
    }
    findings.extend(listing.files.iter().filter_map(|file| of_file(settings, file)));
    findings
}

fn of_file(settings: &Settings, file: &Path) -> Option<String> {
    let name = folder::name_of(file, &[]).ok()?;
    let matters = |plugin: &&PluginConfig| !plugin.grants.is_empty() && plugin.digest.is_none();
    settings.plugins.get(&name).filter(matters)?;
    match ownership::of_file(file) {
        Writers::Trusted => None,
        Writers::Some(who) => Some(format!(
            "{name} may be replaced, with its grants, by {who}; a `digest` in its table would tell"
        )),
        Writers::Everyone(reason) => Some(format!(
            "{name} will have none of its grants: {reason}; make that private, or set its `digest`"
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::plugin::{Digest, Grant};

    #[test]
    fn what_others_may_replace_is_found_if_it_has_grants_and_no_digest() {
        let folder = tempfile::tempdir().unwrap();
        let plugin_dir = vec![folder.path().to_owned(), folder.path().join("neither")];
        let mut settings = Settings { plugin_dir, ..Settings::default() };
        let granted = PluginConfig::default().with_grants([Grant::Process]);
        for (name, config) in [
            ("granted", granted.clone()),
            ("pinned", granted.with_digest(Digest::of(b""))),
            ("plain", PluginConfig::default()),
        ] {
            let file = folder.path().join(format!("{name}.wasm"));
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(file, Permissions::from_mode(0o666)).unwrap();
            settings.plugins.insert(name.to_owned(), config);
        }
        let findings = audit(&settings);
        let [finding] = &findings[..] else { panic!("{findings:?}") };
        assert!(
            finding.starts_with("granted will have none of its grants: every user may write to"),
            "{finding}"
        );
        std::fs::set_permissions(folder.path().join("granted.wasm"), Permissions::from_mode(0o644)).unwrap();
        assert_eq!(audit(&settings), [""; 0]);
    }
}
