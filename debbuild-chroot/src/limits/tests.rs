//! What machines say of their control groups, and how a command gets into one.

use debbuild_core::{
    command::{CommandSpec, Reply, ScriptedRunner},
    context::Context,
    path::AbsPath,
};

use super::{
    group::Report,
    keeper::{has_needed, mount_of, own_of, passes_on},
    *,
};

/// A machine of systemd's, a hybrid one, a container with a view of its own, and one that sees a part of the hierarchy.
const UNIFIED: &str = "\
24 30 0:22 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
27 24 0:25 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
";
const HYBRID: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
const CONTAINER: &str =
    "703 699 0:29 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate\n";
const PART: &str = "703 699 0:29 /system.slice/one.service /sys/fs/cgroup rw,relatime - cgroup2 cgroup rw\n";

fn path(text: &str) -> AbsPath {
    AbsPath::new(text).unwrap()
}

#[test]
fn the_hierarchy_of_version_2_is_found_where_all_of_it_is_mounted() {
    assert_eq!(mount_of(UNIFIED), Some(path("/sys/fs/cgroup")));
    assert_eq!(mount_of(HYBRID), Some(path("/sys/fs/cgroup/unified")), "it has no controllers, which is seen later");
    assert_eq!(mount_of(CONTAINER), Some(path("/sys/fs/cgroup")));
    for other in [PART, "", "nonsense\n", "1 2 0:3 /\n - cgroup2 cgroup2 rw\n"] {
        assert_eq!(mount_of(other), None, "{other}");
    }
}

#[test]
fn a_process_knows_its_control_group() {
    let scope = "/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope";
    assert_eq!(own_of(&format!("0::{scope}\n")), Some(scope));
    assert_eq!(own_of("12:pids:/a\n1:name=systemd:/a\n0::/\n"), Some("/"), "hybrid");
    for other in ["12:pids:/a\n", "0::/../../other\n", "0::/gone (deleted)\n", ""] {
        assert_eq!(own_of(other), None, "{other}");
    }
}

#[test]
fn controllers_must_be_passed_on_or_be_there_to_pass() {
    assert!(has_needed("cpuset cpu io memory hugetlb pids rdma misc\n") && has_needed("memory pids\n"));
    assert!(!has_needed("") && !has_needed("cpu memory\n") && !has_needed("memory pidsy\n"));
    assert!(passes_on("memory pids\n", "memory pids\n", true));
    assert!(passes_on("memory pids\n", "", false));
    assert!(!passes_on("memory pids\n", "memory\n", true), "it has processes of its own");
    assert!(!passes_on("", "", false), "hybrid");
}

#[test]
fn what_a_control_group_says_is_read() {
    let text =
        "peak 104857600\nlow 0\nhigh 0\nmax 12\noom 1\noom_kill 3\noom_group_kill 1\nusage_usec 1500000\nuser_usec 9\n";
    let used = Report { peak_memory: Some(100 << 20), cpu_time: Some(Duration::from_millis(1500)), killed: true };
    assert_eq!(Report::read(text), used);
    assert_eq!(Report::read("oom_kill 0\nusage_usec x\n"), Report::default());
}

#[test]
fn a_command_is_put_into_a_group_with_data_as_arguments_alone() {
    let limits = Limits::new().with_memory(Some(1 << 30)).with_processes(Some(100));
    let inner = || CommandSpec::new("nsenter").with_arg("--target=1");
    let scratch = path("/state/scratch/session-1");
    let keeper = Keeper::Cgroup { folder: path("/sys/fs/cgroup") };
    assert_eq!(keeper.means().name(), "cgroup");
    let mut group = Group::of(keeper, &scratch).unwrap();
    let args = group.wrap(inner(), &limits);
    let words: Vec<String> = args.args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    assert_eq!(
        (args.program.as_str(), &words[..5]),
        ("setpriv", ["--pdeathsig", "KILL", "--", "sh", "-c"].map(str::to_owned).as_slice())
    );
    let data =
        ["limits", "", "/sys/fs/cgroup", "debbuild-session-1", "/state/scratch/session-1/used", "1073741824", "103"];
    assert_eq!(words[6..], [&data[..], &["nsenter", "--target=1"]].concat());

    let keeper = Keeper::Scope { mount: path("/sys/fs/cgroup"), user: Some(1000), literal: true };
    let mut group = Group::of(keeper, &scratch).unwrap();
    let first = group.wrap(inner(), &limits.with_processes(None));
    let first_words = "systemd-run --user --expand-environment=no --scope --quiet --collect --property=Delegate=yes";
    assert!(first.to_string().starts_with(first_words), "{first}");
    assert!(first.to_string().contains("--unit=debbuild-session-1-1 -- setpriv --pdeathsig KILL -- sh -c"), "{first}");
    assert_eq!(first.env["XDG_RUNTIME_DIR"], "/run/user/1000");
    assert!(group.wrap(inner(), &limits).to_string().contains("--unit=debbuild-session-1-2"));
    assert!(Group::of(Keeper::Rlimits, &scratch).is_none());
}

#[tokio::test]
async fn nothing_is_asked_where_nothing_is_limited_that_a_group_holds() {
    let runner = ScriptedRunner::new().with("systemd-run", Reply::fail(1, ""));
    let limits = Limits::new().with_open_files(Some(10)).with_scratch(Some(1), None);
    let cx = Context::new();
    assert!(Group::find(&cx, &runner, &limits, &path("/state/scratch/session-1")).await.is_none());
    assert!(runner.calls().is_empty());
}

#[tokio::test]
async fn a_group_whose_maker_was_killed_goes_and_what_is_known_is_kept() {
    let place = tempfile::tempdir_in("/tmp").unwrap();
    let folder = path(place.path().to_str().unwrap());
    let scratch = folder.join("session-1");
    std::fs::create_dir(&scratch).unwrap();
    let group = Group::of(Keeper::Cgroup { folder: folder.clone() }, &scratch).unwrap();
    assert_eq!(group.end().await, Report::default(), "nothing ran");
    std::fs::create_dir(folder.join("debbuild-session-1")).unwrap();
    std::fs::write(scratch.join("used"), "peak 4096\n").unwrap();
    assert_eq!(group.end().await.peak_memory, Some(4096));
    assert!(!folder.join("debbuild-session-1").as_std().exists());
}
