//! The layers of this machine, in their order.

use std::{collections::BTreeMap, sync::Arc};

use debbuild_core::{
    command::{Reply, ScriptedRunner},
    context::Context,
    error::Class,
};

use super::*;
use crate::app::App;

fn machine(folder: &AbsPath, variables: &[(&str, &str)]) -> Machine {
    let mut all = BTreeMap::from([("HOME".to_owned(), folder.join("home").to_string())]);
    all.extend(variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    Machine::new(all, folder.clone(), 1000)
}

fn folder() -> (tempfile::TempDir, AbsPath) {
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    let path = AbsPath::new(dir.path()).unwrap();
    (dir, path)
}

fn user(machine: Machine, overrides: &Overrides) -> (String, String) {
    let app = App::open(machine, overrides).unwrap();
    let leaf = app.origins().into_iter().find(|leaf| leaf.key == "build.user").unwrap();
    (leaf.value, leaf.place.to_string())
}

#[test]
fn each_layer_wins_over_the_one_before() {
    let (_keep, dir) = folder();
    let none = Overrides::new();
    assert_eq!(user(machine(&dir, &[]), &none).1, "built-in:39");
    let write = |path: &AbsPath, text: &str| {
        fs::create_dir_all(path.parent()).unwrap();
        fs::write(path, text).unwrap();
    };
    let xdg = dir.join("home/.config/debbuild/config.toml");
    write(&xdg, "include = ['more.toml']");
    write(&dir.join("home/.config/debbuild/more.toml"), "\n[build]\nuser = 'included'");
    let included = dir.join("home/.config/debbuild/more.toml");
    assert_eq!(user(machine(&dir, &[]), &none), ("\"included\"".to_owned(), format!("{included}:3")));
    write(&dir.join("debbuild.toml"), "build.user = 'local'");
    assert_eq!(user(machine(&dir, &[]), &none).0, "\"local\"");
    write(&dir.join("given.toml"), "build.user = 'given'");
    let given = Overrides::new().with_config(Some(dir.join("given.toml")));
    assert_eq!(user(machine(&dir, &[]), &given).0, "\"given\"");
    let variables = [("DEBBUILD_BUILD_USER", "variable"), ("DEBBUILD_BIN", "/x")];
    let variable = ("\"variable\"".to_owned(), "DEBBUILD_BUILD_USER".to_owned());
    assert_eq!(user(machine(&dir, &variables), &given), variable);
    let flag = ("\"flag\"".to_owned(), "command line".to_owned());
    assert_eq!(user(machine(&dir, &variables), &given.with_set("build.user", "flag")), flag);
}

#[test]
fn the_state_folder_is_where_the_contract_says() {
    let (_keep, dir) = folder();
    let open = |machine| App::open(machine, &Overrides::new());
    assert_eq!(open(machine(&dir, &[])).unwrap().home(), &dir.join("home/.local/share/debbuild"));
    assert_eq!(open(machine(&dir, &[("XDG_DATA_HOME", "/data")])).unwrap().home().as_str(), "/data/debbuild");
    assert_eq!(open(machine(&dir, &[("DEBBUILD_HOME", "/state")])).unwrap().home().as_str(), "/state");
    let root = Machine::new(BTreeMap::new(), dir.clone(), 0);
    assert_eq!(open(root).unwrap().home().as_str(), "/var/lib/debbuild");
    let relative = open(machine(&dir, &[("DEBBUILD_HOME", "state")])).unwrap_err();
    assert_eq!(relative.class(), Class::Config);
    assert_eq!(relative.message(), "DEBBUILD_HOME: home: path is not absolute: \"state\"");
}

#[test]
fn unknown_keys_and_unreadable_files_are_config_errors() {
    let (_keep, dir) = folder();
    fs::write(dir.join("debbuild.toml"), "[build]\n\nusre = 'x'").unwrap();
    let error = App::open(machine(&dir, &[]), &Overrides::new()).unwrap_err();
    assert_eq!(error.class(), Class::Config);
    let expected = format!("{dir}/debbuild.toml:3: unknown key \"build.usre\" (did you mean \"build.user\"?)");
    assert_eq!(error.message(), expected);
    let gone = Overrides::new().with_config(Some(dir.join("gone.toml")));
    fs::remove_file(dir.join("debbuild.toml")).unwrap();
    assert_eq!(App::open(machine(&dir, &[]), &gone).unwrap_err().class(), Class::Config);
    let error = App::open(machine(&dir, &[]), &Overrides::new().with_set("gc.grace", "soon")).unwrap_err();
    assert!(error.message().starts_with("command line: gc.grace: not a duration"), "{error}");
}

#[tokio::test]
async fn a_backend_that_works_as_root_is_refused_until_that_is_said() {
    let (_keep, dir) = folder();
    for name in ["nspawn", "schroot"] {
        let user = Reply::ok("builder:x:1001:1001::/home/builder:/bin/sh\n");
        let ids = || Reply::ok("0: builder 100000 65536\n");
        let runner = ScriptedRunner::new().with("getent", user).with("getsubids", ids()).with("getsubids", ids());
        let overrides = Overrides::new().with_set("chroots.backend", name);
        let app = App::open(machine(&dir, &[]), &overrides).unwrap().with_runner(Arc::new(runner));
        assert_eq!(app.settings().chroots.backend.name(), name);
        let refused = app.chroots(&Context::new()).await.unwrap_err();
        assert_eq!(refused.class(), Class::Config, "{refused}");
        assert!(refused.message().starts_with(&format!("chroots.backend \"{name}\" runs code")), "{refused}");
        assert_eq!(refused.hint().as_deref(), Some("say so: chroots.privileged = true"));
    }
    let unknown = Overrides::new().with_set("chroots.backend", "shroot");
    assert_eq!(App::open(machine(&dir, &[]), &unknown).unwrap_err().class(), Class::Config);
}

#[test]
fn what_the_gateway_may_take_and_give_is_set_or_refused() {
    let (_keep, dir) = folder();
    let open = |key: &str, text: &str| App::open(machine(&dir, &[]), &Overrides::new().with_set(key, text)).unwrap();
    let http = open("gateway.bandwidth", "2M").http().unwrap();
    assert_eq!((http.bandwidth, http.attempts, http.foreign_redirects), (Some(2 << 20), 3, true));
    let http = open("gateway.timeout", "5s").http().unwrap();
    assert_eq!([http.connect_timeout, http.read_timeout, http.speed_window], [Duration::from_secs(5); 3]);
    for key in ["gateway.bandwidth", "gateway.file-limit", "gateway.total-limit"] {
        let error = open(key, "much").gateway().unwrap_err();
        assert_eq!(error.class(), Class::Config);
        assert!(error.message().contains(&format!("command line: {key}: not a size")), "{error}");
    }
}
