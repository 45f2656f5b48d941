//! What would be installed for these packages, and why: a question about any Packages files.
//!
//! `cargo run --example resolve -- PACKAGES-FILE NAME..`

use std::{env, error::Error, fs};

use debbuild_core::{
    context::Context,
    relation::Relations,
    resolve::{
        Answer, Install, PRIORITY, PackageIndex, Question, Resolver as _, SatResolver, Universe, UniverseOptions,
    },
};

#[expect(clippy::print_stdout, reason = "an example shows its answer")]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let file = arguments.next().ok_or("usage: resolve PACKAGES-FILE NAME..")?;
    let wanted = arguments.collect::<Vec<_>>().join(", ");
    let index = PackageIndex::parse(&file, &fs::read_to_string(&file)?);
    let universe = Universe::new(UniverseOptions::new("amd64".parse()?), [(index.into(), PRIORITY)]);
    let question = Question::Install(Install::new(Relations::parse(&wanted)?));
    match SatResolver::new().answer(&Context::new(), &universe, &question)? {
        Answer::Satisfied(solution) => {
            for selected in &solution.packages {
                println!("{} {}", selected.package.package, selected.package.version);
            }
        }
        Answer::Unsatisfiable(why) => println!("cannot be installed:\n  {}", why.sentences.join("\n  ")),
        other => println!("no answer: {other:?}"),
    }
    Ok(())
}
