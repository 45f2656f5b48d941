//! Unit tests of confinement: the arguments, who runs, and what happens to scratch folders.

use std::fs;

use debbuild_core::{
    command::{Reply, ScriptedRunner, SystemRunner},
    context::Context,
};

use super::*;

fn user(switch: bool) -> BuildUser {
    let ids = SubIds { first: 100_000, count: 65_536 };
    let home = AbsPath::new("/home/builder").unwrap();
    BuildUser { name: "builder".to_owned(), uid: 1001, gid: 1002, home, subuids: ids, subgids: ids, switch }
}

fn words(spec: &CommandSpec) -> Vec<String> {
    spec.args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect()
}

#[test]
fn root_becomes_the_build_user_first() {
    let scratch = AbsPath::new("/state/scratch/x").unwrap();
    let spec = CommandSpec::new("mmdebstrap").with_args(["a b", "$(reboot)"]).with_env("X", "y");
    let wrapped = Confinement::new(user(true), &scratch).wrap(spec);
    let args = words(&wrapped);
    assert_eq!(wrapped.program, "setpriv");
    assert_eq!(args[..6], ["--reuid=1001", "--regid=1002", "--clear-groups", "--pdeathsig", "KILL", "--"]);
    assert!(args.contains(&"--map-users=100000,100000,65536".to_owned()));
    assert!(args.contains(&"--keep-caps".to_owned()));
    assert_eq!(wrapped.env["X"], "y");
    let script = args.iter().position(|arg| arg == SETUP).unwrap();
    let after = ["confine", "/state/scratch/x", "/mnt", "3142", "mmdebstrap", "a b", "$(reboot)"];
    assert_eq!(args[script + 1..], after, "data comes after the constant script, as arguments");
}

#[test]
fn an_ordinary_user_stays_itself() {
    let scratch = AbsPath::new("/mnt/disk/x").unwrap();
    let confinement = Confinement::new(user(false), &scratch).with_mapping(Mapping::Root).with_gateway(false);
    let args = words(&confinement.wrap(CommandSpec::new("true")));
    assert_eq!(args[..3], ["--pdeathsig", "KILL", "--"]);
    assert!(args.contains(&"--map-users=100000,1,65536".to_owned()));
    assert!(!args.contains(&"--keep-caps".to_owned()));
    assert_eq!(args[args.len() - 4..], ["/mnt/disk/x", "/media", "", "true"]);
}

#[test]
fn real_root_stays_root_in_all_namespaces_but_that_of_users() {
    let scratch = AbsPath::new("/state/scratch/x").unwrap();
    let confinement = Confinement::new(user(true), &scratch).with_mapping(Mapping::Host);
    let args = words(&confinement.wrap(CommandSpec::new("true")));
    assert_eq!(args[..5], ["--pdeathsig", "KILL", "--", "unshare", "--net"]);
    assert!(!args.iter().any(|arg| arg == "--user" || arg.starts_with("--map") || arg.starts_with("--reuid")));
    assert_eq!(args[args.len() - 4..], ["/state/scratch/x", "/mnt", "3142", "true"]);
}

#[tokio::test]
async fn the_user_comes_from_the_hosts_databases() {
    let runner = ScriptedRunner::new()
        .with("getent passwd -- builder", Reply::ok("builder:x:1001:1002::/home/builder:/bin/sh\n"))
        .with("getsubids builder", Reply::ok("0: builder 10 5\n1: builder 100000 65536\n"))
        .with("getsubids -g builder", Reply::ok("0: builder 100000 65536\n"));
    let found = BuildUser::named(&Context::new(), &runner, "builder", true).await.unwrap();
    assert_eq!(found, user(true));
}

#[tokio::test]
async fn an_unprepared_machine_names_the_command_that_mends_it() {
    let runner = ScriptedRunner::new().with("getent passwd -- nobody-here", Reply::fail(2, ""));
    let error = BuildUser::named(&Context::new(), &runner, "nobody-here", true).await.unwrap_err();
    assert_eq!(error.to_string(), "no such user: nobody-here");
    assert_eq!(error.class(), Class::Infrastructure);
    assert!(error.hint().unwrap().contains("debbuild doctor --fix"));

    let runner = ScriptedRunner::new()
        .with("getent", Reply::ok("builder:x:1001:1002::/home/builder:/bin/sh\n"))
        .with("getsubids builder", Reply::ok("0: builder 100000 1000\n"));
    let error = BuildUser::named(&Context::new(), &runner, "builder", true).await.unwrap_err();
    assert_eq!(error.to_string(), "user builder has no subuid range of at least 65536 ids");
}

#[tokio::test]
async fn reap_clears_what_the_dead_left_and_nothing_else() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let base = AbsPath::new(folder.path()).unwrap();
    let (cx, user) = (Context::new(), user(false));
    let living = Scratch::create(&base, "session", &user).unwrap();
    let dead = Scratch::create(&base, "session", &user).unwrap();
    let (dead_path, living_path) = (dead.path().clone(), living.path().clone());
    fs::write(dead_path.join("file").as_std(), "x").unwrap();
    drop(dead);
    let stranger = base.child("stranger").unwrap();
    fs::create_dir(&stranger).unwrap();

    let reaped = reap(&cx, &SystemRunner, &user, &base).await.unwrap();
    assert_eq!(reaped, std::slice::from_ref(&dead_path));
    assert!(!dead_path.as_std().exists() && living_path.as_std().exists() && stranger.as_std().exists());

    living.remove(&cx, &SystemRunner, &user).await.unwrap();
    let left: Vec<_> = fs::read_dir(&base).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["stranger"]);
    assert!(reap(&cx, &SystemRunner, &user, &base).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_folder_that_others_hold_too_outlives_its_maker() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let base = AbsPath::new(folder.path()).unwrap();
    let (cx, user) = (Context::new(), user(false));
    let made = Scratch::create_shared(&base, "lasting", &user).unwrap();
    let path = made.path().clone();
    let held = fs::File::open(made.lock_path().unwrap()).unwrap();
    rustix::fs::flock(&held, rustix::fs::FlockOperation::NonBlockingLockShared).unwrap();
    drop(made);
    assert!(Scratch::claim(&path).unwrap().is_none());
    assert!(reap(&cx, &SystemRunner, &user, &base).await.unwrap().is_empty());
    drop(held);
    assert!(Scratch::claim(&path).unwrap().is_some());
    assert_eq!(reap(&cx, &SystemRunner, &user, &base).await.unwrap(), [path]);
}

#[test]
fn what_lasts_does_not_die_with_who_started_it() {
    let scratch = AbsPath::new("/state/scratch/x").unwrap();
    let confinement = Confinement::new(user(true), &scratch).with_mapping(Mapping::Root).with_lasting(true);
    let args = words(&confinement.wrap(CommandSpec::new("true")));
    assert_eq!(args[..7], ["--reuid=1001", "--regid=1002", "--clear-groups", "--pdeathsig", "clear", "--", "unshare"]);
    assert!(args.contains(&"--kill-child".to_owned()) && !args.contains(&"KILL".to_owned()));
}

#[test]
fn labels_are_plain_names() {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let base = AbsPath::new(folder.path()).unwrap();
    assert!(matches!(Scratch::create(&base, "../x", &user(false)), Err(ConfineError::Path(_))));
}
