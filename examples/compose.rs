//! A blueprint composed on this machine, as `debbuild compose run` does it, with its progress as events.
//!
//! `cargo run --example compose -- BLUEPRINT.toml`

use std::{env, error::Error, sync::Arc};

use debbuild_cli::app::{App, Machine, Overrides};
use debbuild_compose::blueprint::Blueprint;
use debbuild_core::{
    context::Context,
    event::{Event, Reporter},
};

/// Prints what begins.
#[derive(Debug)]
struct Begun;

impl Reporter for Begun {
    #[expect(clippy::print_stderr, reason = "an example shows its progress")]
    fn report(&self, event: Event) {
        if let Event::Started { what, .. } = event {
            eprintln!("{what}");
        }
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows its answer")]
async fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args().nth(1).ok_or("usage: compose BLUEPRINT.toml")?;
    let machine = Machine::current().map_err(|error| error.message())?;
    let blueprint = Blueprint::read(&machine.path(&file)?)?;
    let app = App::open(machine, &Overrides::new()).map_err(|error| error.message())?;
    let cx = Context::new().with_events(Arc::new(Begun));
    let report = app.compose_run(&cx, &blueprint, None, 1).await.map_err(|error| error.message())?;
    println!("{report:?}");
    Ok(())
}
