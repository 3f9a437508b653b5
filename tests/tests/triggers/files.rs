//! Paths that lead elsewhere: links that are made later, folders that are renamed, files and folders that are mounted.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use gmr_test_support::skip;
use gmr_test_support::subject::Subject;

use super::{SUBJECT, assert_one_report, watching};

#[test]
fn a_link_that_is_made_later_and_what_it_leads_to() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let (path, real) = (directory.path().join("trigger"), elsewhere.path().join("real"));
    fs::write(&real, "").unwrap();
    let mut subject = watching(&path);
    symlink(&real, &path).unwrap();
    assert_one_report(&mut subject);
    fs::write(&real, "changed").unwrap();
    assert_one_report(&mut subject);
    // The file becomes a folder's, behind a link that is its parent now.
    fs::remove_file(&path).unwrap();
    let folder = elsewhere.path().join("folder");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("file"), "").unwrap();
    symlink(folder.join("file"), &path).unwrap();
    assert_one_report(&mut subject);
    fs::write(folder.join("file"), "changed").unwrap();
    assert_one_report(&mut subject);
}

#[test]
fn a_link_from_elsewhere_into_a_volume_that_is_swapped() {
    // As Kubernetes writes a ConfigMap: `file` leads through `..data` into a folder of the version.
    let volume = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let version = |name: &str| {
        fs::create_dir(volume.path().join(name)).unwrap();
        fs::write(volume.path().join(name).join("file"), name).unwrap();
        symlink(name, volume.path().join("..data_tmp")).unwrap();
        fs::rename(volume.path().join("..data_tmp"), volume.path().join("..data")).unwrap();
    };
    version("..v1");
    symlink("..data/file", volume.path().join("file")).unwrap();
    let path = elsewhere.path().join("trigger");
    symlink(volume.path().join("file"), &path).unwrap();
    let mut subject = watching(&path);
    for name in ["..v2", "..v3"] {
        version(name);
        assert_one_report(&mut subject);
    }
}

#[test]
fn a_folder_far_above_is_renamed_and_another_takes_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let make = |name: &str| {
        let folder = directory.path().join(name).join("one/two");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("trigger"), "").unwrap();
    };
    let path = directory.path().join("app/one/two/trigger");
    make("app");
    let mut subject = watching(&path);
    for number in 0..2 {
        make("next");
        fs::rename(directory.path().join("app"), directory.path().join(format!("old-{number}"))).unwrap();
        fs::rename(directory.path().join("next"), directory.path().join("app")).unwrap();
        assert_one_report(&mut subject);
        fs::write(&path, "changed").unwrap();
        assert_one_report(&mut subject);
    }
}

/// A script that starts the subject with mounts of its own.
fn with_own_mounts(folder: &Path) -> PathBuf {
    let script = folder.join("subject");
    fs::write(&script, format!("#!/bin/sh\nexec unshare -m --propagation private {SUBJECT} \"$@\"\n"))
        .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
    script
}

fn may_mount() -> bool {
    Command::new("unshare")
        .args(["-m", "--propagation", "private", "mount", "-t", "tmpfs", "none", "/tmp"])
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Runs a shell's command among the subject's mounts.
fn among_mounts_of(subject: &Subject, command: &str, arguments: &[&Path]) {
    let id = subject.id().to_string();
    let mut shell = Command::new("nsenter");
    shell.args(["-t", &id, "-m", "sh", "-ec", command, "sh"]).args(arguments);
    assert!(shell.status().unwrap().success(), "{command}");
}

#[test]
fn a_file_that_is_mounted_alone() {
    if !may_mount() {
        return skip("mounts need a right that this user does not have");
    }
    let directory = tempfile::tempdir().unwrap();
    let [host, container] = ["host", "container"].map(|name| directory.path().join(name));
    for path in [&host, &container] {
        fs::create_dir(path).unwrap();
        fs::write(path.join("t"), "").unwrap();
    }
    let path = container.join("t");
    let variables: [(&str, &dyn AsRef<std::ffi::OsStr>); 2] =
        [("GMR_FORMAT", &"json"), ("GMR_FILE_EVENT_HANDLER", &path)];
    let mut subject = Subject::start(with_own_mounts(directory.path()), "plain", &variables);
    // As `docker -v /host/t:/container/t` does, while the path is watched already.
    among_mounts_of(&subject, "mount --bind $1 $2", &[&host.join("t"), &path]);
    assert_one_report(&mut subject);
    // By the host's name, which the container cannot see.
    fs::write(host.join("t"), "changed").unwrap();
    assert_one_report(&mut subject);
    among_mounts_of(&subject, "touch $1", &[&path]);
    assert_one_report(&mut subject);
    among_mounts_of(&subject, "umount $1", &[&path]);
    assert_one_report(&mut subject);
    fs::write(&path, "the file below it").unwrap();
    assert_one_report(&mut subject);
}

#[test]
fn a_file_system_that_is_mounted_later_over_a_folder_above() {
    if !may_mount() {
        return skip("mounts need a right that this user does not have");
    }
    let directory = tempfile::tempdir().unwrap();
    let volume = directory.path().join("volume");
    fs::create_dir_all(volume.join("run")).unwrap();
    let path = volume.join("run/trigger");
    let variables: [(&str, &dyn AsRef<std::ffi::OsStr>); 2] =
        [("GMR_FORMAT", &"json"), ("GMR_FILE_EVENT_HANDLER", &path)];
    let mut subject = Subject::start(with_own_mounts(directory.path()), "plain", &variables);
    among_mounts_of(&subject, "mount -t tmpfs none $1; mkdir $1/run; touch $2", &[&volume, &path]);
    assert_one_report(&mut subject);
    among_mounts_of(&subject, "touch $1", &[&path]);
    assert_one_report(&mut subject);
}
