//! The command line is well formed, and its help is what is committed.

use std::{collections::BTreeMap, fs, path::Path};

use super::*;

#[test]
fn the_command_line_is_well_formed() {
    command().debug_assert();
}

/// `docs/cli/NOUN.txt` holds the help of every command; `DEBBUILD_UPDATE=1` writes it anew.
#[test]
fn help_is_what_is_committed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli");
    let mut pages = BTreeMap::new();
    let mut top = command().term_width(100);
    top.build();
    // Without the list of nouns: each has its own page, and one page that all commands change would be in everybody's way.
    let mut global = top.clone().help_template("{about}\n\n{usage-heading} {usage}\n\n{options}{after-help}");
    pages.insert("debbuild.txt".to_owned(), global.render_long_help().to_string());
    for noun in top.get_subcommands_mut().filter(|noun| noun.get_name() != "help") {
        let mut text = String::new();
        describe(noun, &mut text);
        pages.insert(format!("{}.txt", noun.get_name()), text);
    }
    #[expect(clippy::disallowed_methods, reason = "the update switch of this test")]
    let update = std::env::var_os("DEBBUILD_UPDATE").is_some();
    for (name, text) in &pages {
        let text: String = text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect();
        let file = folder.join(name);
        if update {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&file, &text).unwrap();
        }
        let committed = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(committed, text, "docs/cli/{name}: run this test with DEBBUILD_UPDATE=1 and commit");
    }
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(pages.contains_key(&name), "docs/cli/{name} describes no command: remove it");
    }
}

fn describe(command: &mut clap::Command, text: &mut String) {
    // The global options are in debbuild.txt; here they would only repeat.
    *command = command.clone().mut_args(|arg| if arg.is_global_set() { arg.hide(true) } else { arg });
    text.push_str(&command.render_long_help().to_string());
    for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
        text.push_str("\n----\n\n");
        describe(inner, text);
    }
}

#[test]
fn a_command_runs_in_a_chroot_or_in_a_session_that_lasts() {
    let parsed = |words: &str| command().try_get_matches_from(words.split(' ')).is_ok();
    for right in ["run 0123 --memory 1G -- true", "run --session 0123 -- true", "shell --session 0123 --user man"] {
        assert!(parsed(&format!("debbuild chroot {right}")), "{right}");
    }
    let both = ["run 0123 --session 0123 -- true", "run --session 0123 --memory 1G -- true"];
    for wrong in both.into_iter().chain(["run -- true", "shell", "shell --session 0123 --archives"]) {
        assert!(!parsed(&format!("debbuild chroot {wrong}")), "{wrong}");
    }
}
