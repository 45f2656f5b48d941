//! Packages published as a signed suite, as `debbuild repo` does it, and what apt needs to take them: key and `.sources`.
//!
//! `DEBBUILD_HOME=STATE cargo run --example publish -- REPOSITORY SUITE FILE-OR-FOLDER..`

use std::{env, error::Error};

use debbuild_cli::app::{App, Machine, Overrides, repo::SuiteChange};
use debbuild_core::{
    context::Context,
    name::{ComponentName, SuiteName},
    repo::{Placing, Repository},
};

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows its answer")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder, suite, files @ ..] = arguments.as_slice() else {
        return Err("usage: publish REPOSITORY SUITE FILE-OR-FOLDER..".into());
    };
    let (cx, suite) = (Context::new(), SuiteName::new(suite)?);
    let machine = Machine::current().map_err(|error| error.message())?;
    let folder = machine.path(folder)?;
    let files = files.iter().map(|file| machine.path(file)).collect::<Result<Vec<_>, _>>()?;
    let app = App::open(machine, &Overrides::new()).map_err(|error| error.message())?;

    app.repo_init(&cx, &folder, &suite, SuiteChange::default()).await.map_err(|error| error.message())?;
    let repository = Repository::open(&cx, folder).await?;
    let inputs = app.repo_inputs(files).await.map_err(|error| error.message())?;
    for entry in repository.add(&cx, &suite, &ComponentName::new("main")?, inputs, Placing::Copy).await? {
        println!("{} {} {}", entry.name, entry.version, entry.architecture_name());
    }
    // The key is made on first use and stays in the state folder.
    let signer = app.signer().map_err(|error| error.message())?;
    let state = repository.publish(&cx, &suite, &*signer).await?;
    println!("state {} of {suite}, signed by {}", state.number, signer.fingerprint(&cx).await?);

    // The key stands in the file, so that this is all that a client needs in /etc/apt/sources.list.d.
    let uri = format!("file:{}", repository.dir());
    print!("\n{}", repository.export_key(&cx, &suite, &uri, &*signer).await?.sources);
    Ok(())
}
