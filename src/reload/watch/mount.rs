//! Files that are mount points themselves, as with `subPath` of Kubernetes: the kubelet never
//! updates them, so nobody will ever see a change.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Says which of `paths` will not change while this process lives.
pub(super) fn warn_of_fixed<'p>(paths: impl IntoIterator<Item = &'p PathBuf>) {
    // Not Linux, or hidden: then there is no telling.
    let mounts = fs::read("/proc/self/mountinfo").unwrap_or_default();
    let mounts = mount_points(&mounts);
    for path in paths.into_iter().filter(|path| is_fixed(path, &mounts)) {
        tracing::warn!(
            file = %path.display(),
            "this file is mounted by itself (`subPath`?), so Kubernetes never updates it; mount its \
             directory, or restart after each change"
        );
    }
}

fn is_fixed(path: &Path, mounts: &BTreeSet<PathBuf>) -> bool {
    let end = fs::canonicalize(path);
    end.is_ok_and(|end| end.is_file() && mounts.contains(&end))
}

/// The fifth field of each line (`proc_pid_mountinfo(5)`).
fn mount_points(mountinfo: &[u8]) -> BTreeSet<PathBuf> {
    let lines = mountinfo.split(|byte| *byte == b'\n');
    let fields = lines.filter_map(|line| line.split(|byte| *byte == b' ').nth(4));
    fields
        .map(|field| PathBuf::from(OsString::from_vec(unescaped(field))))
        .collect()
}

/// Space, tab, line feed and backslash are written as a backslash and three octal digits.
fn unescaped(mut field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    while let Some((first, rest)) = field.split_first() {
        let digits = rest.get(..3).and_then(|digits| str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(byte) = escaped.filter(|_| *first == b'\\') {
            bytes.push(byte);
            field = rest.get(3..).unwrap_or_default();
        } else {
            bytes.push(*first);
            field = rest;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_the_fifth_fields() {
        let mountinfo = b"22 1 0:20 / /proc rw - proc proc rw\n\
            36 22 8:1 /a/policy.yaml /etc/portcullis/policy.yaml ro shared:1 - ext4 /dev/sda1 rw\n\
            37 22 8:1 /b /with\\040space\\134and\\0409 rw - ext4 /dev/sda1 rw\n\nshort line\n";
        let expected = ["/proc", "/etc/portcullis/policy.yaml", "/with space\\and 9"];
        let expected: BTreeSet<_> = expected.into_iter().map(PathBuf::from).collect();
        assert_eq!(mount_points(mountinfo), expected);
    }

    #[test]
    fn a_file_is_fixed_where_it_is_a_mount_point_and_not_where_its_folder_is() {
        let folder = tempfile::tempdir().unwrap();
        let folder = fs::canonicalize(folder.path()).unwrap();
        let file = folder.join("policy.yaml");
        fs::write(&file, "").unwrap();
        let link = folder.join("link.yaml");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let mounts = |path: &Path| BTreeSet::from([path.to_owned()]);
        assert!(is_fixed(&file, &mounts(&file)));
        assert!(is_fixed(&link, &mounts(&file)));
        assert!(!is_fixed(&file, &mounts(&folder)));
        assert!(!is_fixed(&folder, &mounts(&folder)));
        assert!(!is_fixed(
            &folder.join("missing"),
            &mounts(&folder.join("missing"))
        ));
    }
}
