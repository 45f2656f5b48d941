//! libFuzzer over one target of `debbuild_core::fuzz`, named by `FUZZ_TARGET`. With `FUZZ_LIST` it prints the names of all, with
//! `FUZZ_SEEDS` it writes the target's samples into a folder and its words into `FOLDER.dict`, and ends.

#![no_main]

use std::{env, fmt::Write as _, fs, path::Path, process, sync::LazyLock};

use debbuild_core::fuzz::{Target, targets};
use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
    targets().into_iter().find(|target| target.name == name).expect("FUZZ_TARGET is one of FUZZ_LIST")
});

/// What runs before the fuzzer.
fn begin() {
    if env::var_os("FUZZ_LIST").is_some() {
        targets().iter().for_each(|target| println!("{}", target.name));
        process::exit(0);
    }
    if let Some(folder) = env::var_os("FUZZ_SEEDS") {
        seeds(&TARGET, Path::new(&folder));
        process::exit(0);
    }
}

fn seeds(target: &Target, folder: &Path) {
    fs::create_dir_all(folder).expect("the folder of seeds can be made");
    for (number, sample) in target.samples.iter().enumerate() {
        fs::write(folder.join(format!("sample-{number}")), sample).expect("a seed can be written");
    }
    let mut dictionary = String::new();
    for word in &target.words {
        let hex = word.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "\\x{byte:02x}").expect("a String takes it");
            hex
        });
        writeln!(dictionary, "\"{hex}\"").expect("a String takes it");
    }
    fs::write(folder.with_extension("dict"), dictionary).expect("the dictionary can be written");
}

fuzz_target!(init: begin(), |bytes: &[u8]| (TARGET.run)(bytes));
