//! One build on this machine, as `debbuild build` does it: chroot, sbuild, checked artifacts, record.
//!
//! `cargo run --example build -- FILE.dsc SUITE OUTPUT-FOLDER`

use std::{env, error::Error};

use debbuild_cli::app::{App, BuildOrder, BuildSource, Machine, Overrides};
use debbuild_core::{
    command::{OutputSink, Stream},
    context::Context,
};

/// Shows the log as it grows.
struct Show;

impl OutputSink for Show {
    fn write(&mut self, _stream: Stream, bytes: &[u8]) -> std::io::Result<()> {
        std::io::Write::write_all(&mut std::io::stderr(), bytes)
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows its answer")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [dsc, suite, output] = arguments.as_slice() else { return Err("usage: build FILE.dsc SUITE OUTPUT".into()) };
    let machine = Machine::current().map_err(|error| error.message())?;
    let mut order = BuildOrder::new(BuildSource::Dsc(machine.path(dsc)?));
    order.suite = Some(suite.parse()?);
    order.output = Some(machine.path(output)?);
    let app = App::open(machine, &Overrides::new()).map_err(|error| error.message())?;
    let record = app.build(&Context::new(), &order, &mut Show).await.map_err(|error| error.message())?;
    println!("{} {}: {}", record.source, record.version, record.outcome.name());
    for artifact in &record.artifacts {
        println!("  {} {}", artifact.sha256, artifact.name);
    }
    Ok(())
}
