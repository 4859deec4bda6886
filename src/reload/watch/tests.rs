use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use notify::event::{AccessKind, AccessMode, DataChange, Event, EventKind, Flag, ModifyKind};
use tempfile::TempDir;

use super::*;

/// Far more than any of these tests takes; it only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_mins(1);

/// Events alone: the poll comes too late to help.
const EVENTS_ONLY: WatchSettings = WatchSettings {
    debounce: Duration::from_millis(20),
    poll: Duration::from_hours(1),
};

/// A watcher and what a reloading server would see of it.
struct Watched {
    watcher: FileWatcher,
    changes: watch::Receiver<u64>,
}

impl Watched {
    fn start(paths: &[&Path], settings: WatchSettings) -> Self {
        let paths = paths.iter().map(|path| path.to_path_buf());
        let watcher = FileWatcher::start(paths, settings, &Handle::current());
        let changes = watcher.subscribe();
        Self { watcher, changes }
    }

    fn events_only(path: &Path) -> Self {
        Self::start(&[path], EVENTS_ONLY)
    }

    /// Waits for the change number `count`, and that there are not more.
    async fn change(&mut self, count: u64) {
        tokio::time::timeout(PATIENCE, self.changes.changed())
            .await
            .unwrap_or_else(|_| panic!("change {count} is not reported"))
            .expect("the watcher lives");
        assert_eq!(*self.changes.borrow_and_update(), count);
    }
}

/// A `ConfigMap` or Secret volume, written as the kubelet's `AtomicWriter` does it.
struct Volume {
    root: PathBuf,
    writes: u32,
}

impl Volume {
    fn new(root: &Path) -> Self {
        let root = root.to_owned();
        Self { root, writes: 0 }
    }

    fn write(&mut self, name: &str, content: &str) {
        let data = self.root.join("..data");
        let old = fs::read_link(&data).ok();
        self.writes += 1;
        let fresh = format!("..2026_11_23_10_00_00.{}", self.writes);
        fs::create_dir(self.root.join(&fresh)).unwrap();
        fs::write(self.root.join(&fresh).join(name), content).unwrap();
        symlink(&fresh, self.root.join("..data_tmp")).unwrap();
        fs::rename(self.root.join("..data_tmp"), &data).unwrap();
        let visible = self.root.join(name);
        if fs::symlink_metadata(&visible).is_err() {
            symlink(Path::new("..data").join(name), visible).unwrap();
        }
        if let Some(old) = old {
            fs::remove_dir_all(self.root.join(old)).unwrap();
        }
    }
}

fn replace(path: &Path, content: &str) {
    let fresh = path.with_extension("fresh");
    fs::write(&fresh, content).unwrap();
    fs::rename(fresh, path).unwrap();
}

#[tokio::test]
async fn a_write_in_place_is_reported_each_time() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("policy.yaml");
    fs::write(&file, "one").unwrap();
    let mut watched = Watched::events_only(&file);
    fs::write(&file, "two").unwrap();
    watched.change(1).await;
    fs::write(&file, "three").unwrap();
    watched.change(2).await;
}

#[tokio::test]
async fn a_rename_over_the_file_is_reported_each_time() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("policy.yaml");
    fs::write(&file, "one").unwrap();
    let mut watched = Watched::events_only(&file);
    replace(&file, "two");
    watched.change(1).await;
    replace(&file, "three");
    watched.change(2).await;
    fs::write(&file, "four").unwrap();
    watched.change(3).await;
}

#[tokio::test]
async fn every_swap_of_a_kubernetes_volume_is_reported() {
    let root = TempDir::new().unwrap();
    let mut volume = Volume::new(root.path());
    volume.write("policy.yaml", "one");
    let mut watched = Watched::events_only(&root.path().join("policy.yaml"));
    for (count, content) in [(1, "two"), (2, "three"), (3, "four")] {
        volume.write("policy.yaml", content);
        watched.change(count).await;
    }
}

#[tokio::test]
async fn two_swaps_in_a_row_end_in_the_content_of_the_second() {
    let root = TempDir::new().unwrap();
    let mut volume = Volume::new(root.path());
    volume.write("policy.yaml", "one");
    let file = root.path().join("policy.yaml");
    let mut watched = Watched::events_only(&file);
    volume.write("policy.yaml", "two");
    volume.write("policy.yaml", "three");
    watched.change(1).await;
    assert_eq!(fs::read_to_string(&file).unwrap(), "three");
    volume.write("policy.yaml", "four");
    watched.change(2).await;
}

#[tokio::test]
async fn a_volume_watched_as_a_directory_reports_swaps_and_new_files() {
    let root = TempDir::new().unwrap();
    let mut volume = Volume::new(root.path());
    volume.write("a.yaml", "one");
    let mut watched = Watched::events_only(root.path());
    volume.write("a.yaml", "two");
    watched.change(1).await;
    volume.write("b.yaml", "three");
    watched.change(2).await;
}

#[tokio::test]
async fn a_file_deleted_and_recreated_is_reported_twice() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("policy.yaml");
    fs::write(&file, "one").unwrap();
    let mut watched = Watched::events_only(&file);
    fs::remove_file(&file).unwrap();
    watched.change(1).await;
    fs::write(&file, "one").unwrap();
    watched.change(2).await;
}

#[tokio::test]
async fn a_file_that_does_not_exist_yet_is_reported_when_it_appears() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("deep/deeper/policy.yaml");
    let mut watched = Watched::events_only(&file);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "one").unwrap();
    watched.change(1).await;
    fs::write(&file, "two").unwrap();
    watched.change(2).await;
}

#[tokio::test]
async fn a_directory_that_reappears_is_watched_again() {
    let root = TempDir::new().unwrap();
    let folder = root.path().join("policies");
    let file = folder.join("policy.yaml");
    fs::create_dir(&folder).unwrap();
    fs::write(&file, "one").unwrap();
    let mut watched = Watched::events_only(&folder);
    fs::remove_dir_all(&folder).unwrap();
    watched.change(1).await;
    fs::create_dir(&folder).unwrap();
    fs::write(&file, "two").unwrap();
    watched.change(2).await;
    fs::write(&file, "three").unwrap();
    watched.change(3).await;
    // Gone and back before anybody looked.
    fs::remove_dir_all(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    fs::write(&file, "four").unwrap();
    watched.change(4).await;
    fs::write(&file, "five").unwrap();
    watched.change(5).await;
}

#[tokio::test]
async fn a_directory_replaced_by_another_is_watched_anew() {
    let root = TempDir::new().unwrap();
    let (folder, fresh) = (root.path().join("live"), root.path().join("next"));
    for (at, content) in [(&folder, "one"), (&fresh, "two")] {
        fs::create_dir(at).unwrap();
        fs::write(at.join("policy.yaml"), content).unwrap();
    }
    let mut watched = Watched::events_only(&folder.join("policy.yaml"));
    fs::rename(&folder, root.path().join("old")).unwrap();
    fs::rename(&fresh, &folder).unwrap();
    watched.change(1).await;
    fs::write(folder.join("policy.yaml"), "three").unwrap();
    watched.change(2).await;
}

#[tokio::test]
async fn a_link_anywhere_in_the_path_may_be_swapped() {
    let root = TempDir::new().unwrap();
    for (revision, content) in [("r1", "one"), ("r2", "two"), ("r3", "three")] {
        fs::create_dir_all(root.path().join(revision).join("conf")).unwrap();
        fs::write(root.path().join(revision).join("conf/policy.yaml"), content).unwrap();
    }
    let current = root.path().join("current");
    symlink("r1", &current).unwrap();
    let mut watched = Watched::events_only(&current.join("conf/policy.yaml"));
    for (count, revision) in [(1, "r2"), (2, "r3")] {
        let fresh = root.path().join("fresh");
        symlink(root.path().join(revision), &fresh).unwrap();
        fs::rename(&fresh, &current).unwrap();
        watched.change(count).await;
    }
    fs::write(root.path().join("r3/conf/policy.yaml"), "four").unwrap();
    watched.change(3).await;
}

#[tokio::test]
async fn of_a_directory_visible_yaml_counts_and_nothing_else() {
    let root = TempDir::new().unwrap();
    let at = |name: &str| root.path().join(name);
    fs::write(at("a.yaml"), "one").unwrap();
    let mut watched = Watched::events_only(root.path());
    fs::write(at("notes.txt"), "x").unwrap();
    fs::write(at(".hidden.yaml"), "x").unwrap();
    fs::write(at(".a.yaml.swp"), "x").unwrap();
    fs::write(at("b.yml"), "two").unwrap();
    watched.change(1).await;
    fs::rename(at("b.yml"), at("c.yml")).unwrap();
    watched.change(2).await;
    fs::remove_file(at("c.yml")).unwrap();
    watched.change(3).await;
}

#[tokio::test]
async fn what_does_not_change_the_content_is_not_reported() {
    let root = TempDir::new().unwrap();
    let (file, other) = (
        root.path().join("policy.yaml"),
        root.path().join("portcullis.db"),
    );
    fs::write(&file, "one").unwrap();
    let mut watched = Watched::events_only(&file);
    fs::write(&file, "one").unwrap();
    replace(&file, "one");
    fs::write(&other, "x").unwrap();
    fs::read(&file).unwrap();
    fs::write(&file, "two").unwrap();
    watched.change(1).await;
    replace(&file, "two");
    fs::write(&file, "three").unwrap();
    watched.change(2).await;
}

#[tokio::test]
async fn the_poll_finds_what_no_event_tells() {
    let root = TempDir::new().unwrap();
    for (top, content) in [("live", "one"), ("next", "two")] {
        fs::create_dir_all(root.path().join(top).join("conf")).unwrap();
        fs::write(root.path().join(top).join("conf/policy.yaml"), content).unwrap();
    }
    let mut settings = EVENTS_ONLY;
    settings.poll = Duration::from_millis(50);
    let mut watched = Watched::start(&[&root.path().join("live/conf/policy.yaml")], settings);
    // The directory above the watched one: the watched one itself notices nothing.
    fs::rename(root.path().join("live"), root.path().join("old")).unwrap();
    fs::rename(root.path().join("next"), root.path().join("live")).unwrap();
    tokio::time::timeout(PATIENCE, async {
        while fs::read_to_string(root.path().join("live/conf/policy.yaml")).unwrap() != "two"
            || *watched.changes.borrow_and_update() == 0
        {
            watched.changes.changed().await.unwrap();
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_path_added_later_counts_as_a_change_once() {
    let root = TempDir::new().unwrap();
    let (one, two) = (root.path().join("one.yaml"), root.path().join("two.yaml"));
    fs::write(&one, "1").unwrap();
    fs::write(&two, "2").unwrap();
    let mut watched = Watched::events_only(&one);
    watched.watcher.replace_paths([one.clone(), two.clone()]);
    watched.change(1).await;
    watched.watcher.replace_paths([two.clone(), one.clone()]);
    fs::write(&two, "3").unwrap();
    watched.change(2).await;
    watched.watcher.replace_paths([two.clone()]);
    fs::write(&one, "4").unwrap();
    fs::write(&two, "5").unwrap();
    watched.change(3).await;
}

#[tokio::test]
async fn a_change_between_start_and_subscription_is_seen() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("policy.yaml");
    let watcher = FileWatcher::start([file.clone()], EVENTS_ONLY, &Handle::current());
    let mut first = watcher.subscribe();
    fs::write(&file, "one").unwrap();
    let changed = tokio::time::timeout(PATIENCE, first.changed()).await;
    changed.unwrap().unwrap();
    assert!(watcher.subscribe().has_changed().unwrap());
}

#[tokio::test]
async fn a_dropped_watcher_ends() {
    let root = TempDir::new().unwrap();
    let Watched {
        watcher,
        mut changes,
    } = Watched::events_only(root.path());
    drop(watcher);
    let ended = tokio::time::timeout(PATIENCE, changes.changed()).await;
    assert!(ended.unwrap().is_err());
}

#[test]
fn contents_and_their_absence_differ() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("secret");
    let look = || Fingerprints::of(&BTreeSet::from([file.clone()]));
    let absent = look();
    assert!(!look().differ_from(&absent));
    fs::write(&file, "").unwrap();
    let empty = look();
    assert!(empty.differ_from(&absent));
    fs::write(&file, "x").unwrap();
    let filled = look();
    assert!(filled.differ_from(&empty));
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let folder = look();
    assert!(folder.differ_from(&absent) && folder.differ_from(&empty));
    fs::write(file.join("a.yaml"), "x").unwrap();
    assert!(look().differ_from(&folder));
    fs::remove_dir_all(&file).unwrap();
    symlink(&file, &file).unwrap();
    assert!(
        look().differ_from(&absent),
        "a loop of links is not an absence"
    );
}

#[test]
fn a_file_beyond_the_bound_is_told_by_its_length() {
    let root = TempDir::new().unwrap();
    let path = root.path().join("large");
    let file = fs::File::create(&path).unwrap();
    let paths = BTreeSet::from([path]);
    let mut before = Fingerprints::of(&paths);
    for length in [16 << 20, (16 << 20) + 1, 1 << 40] {
        file.set_len(length).unwrap();
        let now = Fingerprints::of(&paths);
        assert!(now.differ_from(&before), "{length}");
        before = now;
    }
}

#[test]
fn a_named_pipe_is_not_waited_for() {
    let root = TempDir::new().unwrap();
    let pipe = root.path().join("pipe.yaml");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let paths = BTreeSet::from([pipe, root.path().to_owned()]);
    assert!(!Fingerprints::of(&paths).differ_from(&Fingerprints::of(&paths)));
}

#[test]
fn only_what_is_on_the_way_concerns() {
    let root = TempDir::new().unwrap();
    let root = root.path().canonicalize().unwrap();
    let volume = root.join("volume");
    fs::create_dir(&volume).unwrap();
    Volume::new(&volume).write("policy.yaml", "one");
    let places = Places::of(&BTreeSet::from([volume.join("policy.yaml")]));
    for (name, expected) in [
        ("policy.yaml", true),
        ("..data", true),
        ("..2026_11_23_10_00_00.1/policy.yaml", true),
        ("..2026_11_23_10_00_00.1/other.yaml", false),
        ("..data_tmp", false),
        ("other.yaml", false),
        ("portcullis.db-wal", false),
    ] {
        assert_eq!(places.concern(&volume.join(name)), expected, "{name}");
    }
    assert!(places.concern(&volume));
    assert!(!places.concern(&root.join("elsewhere.yaml")));
}

#[test]
fn our_own_reading_is_no_hint() {
    let root = TempDir::new().unwrap();
    let file = root.path().canonicalize().unwrap().join("policy.yaml");
    let places = Places::of(&BTreeSet::from([file.clone()]));
    let event = |kind| Event::new(kind).add_path(file.clone());
    let opened = EventKind::Access(AccessKind::Open(AccessMode::Any));
    let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    assert!(!sensor::matters(&event(opened), &places));
    assert!(sensor::matters(&event(written), &places));
    let lost = Event::new(EventKind::Other).set_flag(Flag::Rescan);
    assert!(sensor::matters(&lost, &places));
}

#[test]
fn links_in_a_circle_end() {
    let root = TempDir::new().unwrap();
    let (one, two) = (root.path().join("one"), root.path().join("two"));
    symlink(&two, &one).unwrap();
    symlink(&one, &two).unwrap();
    let places = Places::of(&BTreeSet::from([one.clone()]));
    assert!(places.concern(&one.canonicalize().unwrap_or(one)));
}
