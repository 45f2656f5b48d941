//! Every command has its Python method, and both go through one use case.

use super::{TREE, none};

/// A command, the Python method that does the same, and the use case that both call.
type Door = (&'static str, &'static str, &'static str);

const DOORS: &[Door] = &[
    ("build", "App.build", "build"),
    ("chroot begin", "Chroots.begin", "chroot_begin"),
    ("chroot copy-out", "Chroots.copy_out", "chroot_copy_out"),
    ("chroot create", "Chroots.create", "chroot_create"),
    ("chroot diff", "Chroots.diff", "chroot_diff"),
    ("chroot end", "Chroots.end", "chroot_end"),
    ("chroot export", "Chroots.export", "chroot_export"),
    ("chroot gc", "Chroots.gc", "chroot_gc"),
    ("chroot import", "Chroots.import_system", "chroot_import"),
    ("chroot install", "Chroots.install", "chroot_layer"),
    ("chroot list", "Chroots.list", "chroots"),
    ("chroot remove", "Chroots.remove", "chroot_remove"),
    ("chroot rollback", "Chroots.rollback", "chroot_rollback"),
    ("chroot run", "Chroots.run", "chroot_open"),
    ("chroot sessions", "Chroots.sessions", "chroot_sessions"),
    ("chroot show", "Chroots.show", "chroot_show"),
    ("chroot snapshot", "Chroots.snapshot", "chroot_snapshot"),
    ("chroot update", "Chroots.update", "chroot_update"),
    ("compose list", "Composes.list", "compose_list"),
    ("compose plan", "Composes.plan", "compose_plan"),
    ("compose run", "Composes.run", "compose_run"),
    ("compose show", "Composes.show", "compose_show"),
    ("compose why", "Composes.why", "compose_why"),
    ("config show", "App.settings", "settings_json"),
    ("deb contents", "Deb.contents", "deb_contents"),
    ("deb show", "Deb.show", "deb_show"),
    ("doctor", "App.doctor", "doctor"),
    ("fsck", "App.fsck", "fsck"),
    ("gc", "App.gc", "gc"),
    ("lock diff", "App.lock_diff", "lock_diff"),
    ("lock from-buildinfo", "App.lock_from_buildinfo", "lock_from_buildinfo"),
    ("lock list", "App.lock_list", "lock_list"),
    ("lock show", "App.lock_show", "lock_show"),
    ("profile list", "App.profiles", "profiles"),
    ("profile show", "App.profile", "profile"),
    ("repo accept", "Uploads.accept", "repo_accept"),
    ("repo add", "Repository.add", "repo_add"),
    ("repo check", "Repository.check", "check"),
    ("repo diff", "Repository.diff", "diff"),
    ("repo gc", "Repository.gc", "repo_gc"),
    ("repo import", "Repository.import_tree", "repo_import"),
    ("repo init", "Repository.init", "repo_init"),
    ("repo key export", "Repository.export_key", "repo_key"),
    ("repo key list", "Keys.list", "keys"),
    ("repo key package", "Repository.keyring_package", "keyring_package"),
    ("repo key retire", "Keys.retire", "key_retire"),
    ("repo key rotate", "Keys.rotate", "key_rotate"),
    ("repo list", "Repository.list", "repo_list"),
    ("repo mirror", "Repository.mirror", "mirror_plan"),
    ("repo publish", "Repository.publish", "repo_publish"),
    ("repo remove", "Repository.remove", "remove"),
    ("repo retain", "Repository.retain", "repo_retain"),
    ("repo states", "Repository.states", "states"),
    ("repo switch", "Repository.switch", "switch"),
    ("repo uploads", "Uploads.list", "repo_uploads"),
    ("repo verify", "Repository.verify", "repo_verify"),
    ("resolve build-deps", "App.resolve_build_deps", "resolve_build_deps"),
    ("resolve closure", "App.resolve_closure", "resolve_closure"),
    ("resolve diff", "App.resolve_diff", "resolve_diff"),
    ("resolve edsp", "App.resolve_edsp", "resolve_edsp"),
    ("resolve installability", "App.installability", "installability"),
    ("resolve install", "App.resolve_install", "resolve_install"),
    ("resolve order", "App.resolve_order", "resolve_order"),
    ("resolve rdeps", "App.resolve_rdeps", "resolve_rdeps"),
    ("resolve replay", "App.resolve_replay", "resolve_replay"),
    ("resolve why", "App.resolve_why", "resolve_why"),
    ("resolve why-not", "App.resolve_why_not", "resolve_why_not"),
    ("source fetch", "App.source_fetch", "source_fetch"),
    ("source pack", "App.source_pack", "source_pack"),
    ("source rebuild", "App.source_rebuild", "source_rebuild"),
    ("tag add", "Tags.add", "tag_add"),
    ("tag block", "Tags.block", "tag_block"),
    ("tag create", "Tags.create", "create_tag"),
    ("tag history", "Tags.history", "tag_history"),
    ("tag inherit", "Tags.inherit", "tag_inherit"),
    ("tag list", "Tags.list", "tags"),
    ("tag publish", "Tags.publish", "publish_tag"),
    ("tag remove", "Tags.remove", "tag_remove"),
    ("tag show", "Tags.show", "tag"),
    ("task cancel", "Queue.cancel", "cancel"),
    ("task explain", "Queue.explain", "explain"),
    ("task fetch", "Queue.fetch", "fetch_artifacts"),
    ("task list", "Queue.tasks", "tasks"),
    ("task log", "Queue.log", "log"),
    ("task priority", "Queue.set_priority", "set_priority"),
    ("task retry", "Queue.retry", "retry"),
    ("task show", "Queue.task", "task"),
    ("task submit", "Queue.submit", "submit"),
    ("task watch", "Queue.watch", "watch_tasks"),
    ("version compare", "Version.compare", "compare"),
    ("worker drain", "Queue.drain", "drain"),
    ("worker enable", "Queue.enable", "enable"),
    ("worker list", "Queue.workers", "workers"),
    ("worker run", "Queue.run_worker", "run_worker"),
    ("worker show", "Queue.worker", "worker"),
];

/// Commands without a Python method, with the reason.
const COMMANDS_ALONE: &[(&str, &str)] = &[
    ("chroot shell", "a shell needs the terminal that only a command has; Chroots.run runs commands"),
    ("completions", "for the shell that calls debbuild"),
    ("man", "for man(1)"),
];

/// Options that no keyword argument has, with the reason.
const OPTIONS_ALONE: &[(&str, &str, &str)] = &[
    ("chroot create", "locked", "is Chroots.create_locked"),
    ("chroot run", "record", "is what Chroots.run returns"),
    ("config show", "origins", "is App.origins"),
    ("doctor", "all", "goes with --fix"),
    ("doctor", "check", "turns an answer into an exit code"),
    ("doctor", "fix", "runs commands as root; Python gets them as `mend` of each finding"),
    ("repo check", "strict", "turns an answer into an exit code"),
    ("repo verify", "arch", "is App.verify_archive"),
    ("repo verify", "indexes-only", "is App.verify_archive"),
    ("repo verify", "strict", "turns an answer into an exit code"),
    ("resolve build-deps", "all", "is App.buildability"),
    ("resolve build-deps", "check", "turns an answer into an exit code"),
    ("resolve edsp", "install", "is App.install_edsp"),
    ("resolve install", "check", "turns an answer into an exit code"),
    ("resolve installability", "check", "turns an answer into an exit code"),
    ("resolve order", "check", "turns an answer into an exit code"),
    ("resolve rdeps", "check", "turns an answer into an exit code"),
    ("resolve replay", "check", "turns an answer into an exit code"),
    ("resolve why", "check", "turns an answer into an exit code"),
    ("resolve why-not", "check", "turns an answer into an exit code"),
    ("task log", "follow", "a log is a value in Python; Queue.watch waits"),
    ("task submit", "wait", "is Queue.watch"),
];

/// What an option is called in Python, where that is neither its name nor its plural.
const SPELT: &[(&str, &str)] = &[
    ("as", "form"),
    ("arch", "architecture"),
    ("arch", "architectures"),
    ("from", "from_"),
    ("no-arch-all", "arch_all"),
    ("no-contents", "contents"),
    ("lookaside-packages", "lookaside_files"),
    ("lookaside-repo", "lookaside_repositories"),
    ("output", "into"),
    ("packages", "files"),
    ("for", "seconds"),
    ("for", "seeds"),
    ("repo", "repository"),
    ("repo", "repositories"),
];

/// The commands that do something, each with its own options.
fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, Vec<String>)>) {
    let mut below = command.get_subcommands().filter(|one| one.get_name() != "help").peekable();
    if below.peek().is_none() {
        let own = command.get_arguments().filter(|argument| !argument.is_global_set());
        let options =
            own.filter_map(|argument| argument.get_long()).filter(|name| !matches!(*name, "help" | "version"));
        found.push((path.to_owned(), options.map(str::to_owned).collect()));
    }
    for one in below {
        leaves(one, format!("{path} {}", one.get_name()).trim(), found);
    }
}

/// The parameters of a method of the stubs, `Class.method`, with those that `**name: Unpack[Shape]` stands for.
fn parameters(method: &str) -> Option<Vec<&'static str>> {
    let stubs = TREE.iter().find(|file| file.name.ends_with("/_debbuild.pyi")).expect("the stubs exist");
    let (class, name) = method.split_once('.')?;
    let body = stubs.text.split(&format!("\nclass {class}:\n")).nth(1)?.split("\n@final").next()?;
    let rest = body.split(&format!("    def {name}(")).nth(1)?;
    let list = rest.split(") ->").next()?;
    let parts = || list.split(", ").flat_map(|part| part.split(",\n")).map(str::trim);
    let named = parts().filter_map(|part| part.split(':').next());
    let shapes = parts().filter_map(|part| part.split_once("Unpack[")?.1.split(']').next());
    Some(named.chain(shapes.flat_map(keys)).collect())
}

/// The keys of a shape of the Python types, with those of the shape that it extends.
fn keys(shape: &str) -> Vec<&'static str> {
    let mut types = TREE.iter().filter(|file| file.name.contains("/debbuild/types/"));
    let found = types.find_map(|file| Some(file.text.split_once(&format!("\nclass {shape}("))?.1));
    let (base, body) = found.and_then(|rest| rest.split_once(", total=False):\n")).expect("the shape exists");
    let lines = body.lines().take_while(|line| line.is_empty() || line.starts_with(' '));
    let own = lines.filter_map(|line| line.trim().split_once(": ").map(|(key, _)| key));
    let more = if base == "TypedDict" { Vec::new() } else { keys(base) };
    own.chain(more).collect()
}

/// Whether a file below one of these folders calls a method of this name.
fn calls(folder: &str, method: &str) -> bool {
    let call = format!(".{method}(");
    TREE.iter().filter(|file| file.name.starts_with(folder)).any(|file| file.text.contains(&call))
}

#[test]
fn invariant_10_every_command_has_its_python_door_to_the_same_use_case() {
    let (mut commands, mut wrong) = (Vec::new(), Vec::new());
    leaves(&debbuild_cli::command(), "", &mut commands);
    assert!(commands.len() > 50, "the command line was not read");
    for (command, options) in &commands {
        let alone = COMMANDS_ALONE.iter().any(|(name, _)| name == command);
        let Some((_, python, use_case)) = DOORS.iter().find(|(name, ..)| name == command) else {
            if !alone {
                wrong.push(format!("`debbuild {command}` has no line here: which Python method does the same?"));
            }
            continue;
        };
        let Some(known) = parameters(python) else {
            wrong.push(format!("`debbuild {command}`: the stubs have no {python}"));
            continue;
        };
        for option in options {
            let plain = option.replace('-', "_");
            let spelt = SPELT.iter().filter(|(name, _)| name == option).map(|(_, spelt)| (*spelt).to_owned());
            let mut names = [format!("{plain}s"), plain].into_iter().chain(spelt);
            let fits = names.any(|name| known.contains(&name.as_str()));
            let excused = OPTIONS_ALONE.iter().any(|(name, long, _)| name == command && long == option);
            if fits == excused {
                wrong.push(format!(
                    "`debbuild {command} --{option}`: as an argument of {python} {fits}, excused {excused}"
                ));
            }
        }
        for folder in ["debbuild-cli/src/commands/", "debbuild-py/src/"] {
            if !calls(folder, use_case) {
                wrong.push(format!("`debbuild {command}`: nothing in {folder} calls {use_case}"));
            }
        }
    }
    let exists = |name: &str| commands.iter().any(|(command, _)| command == name);
    let listed = DOORS.iter().map(|door| door.0).chain(COMMANDS_ALONE.iter().map(|alone| alone.0));
    wrong.extend(listed.filter(|name| !exists(name)).map(|name| format!("there is no `debbuild {name}`")));
    none("commands and Python apart", wrong);
}
