//! A source of packages of one's own: a list of commas that somebody's service gives.
//!
//! `cargo run --example package_source -- LIST NAME..`, where each line of LIST is
//! `package,version,architecture,path,size,sha256,depends`.

use std::{env, error::Error, fs, sync::Arc};

use async_trait::async_trait;
use debbuild_core::{
    context::Context,
    control::{ControlError, Stanza},
    relation::Relations,
    resolve::*,
};

#[derive(Debug)]
struct List(String);

/// A line as a stanza of Packages; what has no place in one is an error of its own line.
fn stanza(line: &str) -> Result<String, ControlError> {
    const FIELDS: [&str; 7] = ["Package", "Version", "Architecture", "Filename", "Size", "SHA256", "Depends"];
    let mut stanza = Stanza::new();
    for (field, value) in FIELDS.into_iter().zip(line.splitn(FIELDS.len(), ',')).filter(|(_, value)| !value.is_empty())
    {
        stanza.field(field, value)?;
    }
    Ok(format!("{}\n", stanza.as_str()))
}

#[async_trait]
impl PackageSource for List {
    fn name(&self) -> &str {
        "list"
    }

    async fn load(&self, cx: &Context, _: &Question) -> Result<Arc<PackageIndex>, SourceError> {
        cx.cancel().check()?;
        let wrong = |source| SourceError::Index { name: self.name().to_owned(), source };
        let text = self.0.lines().map(stanza).collect::<Result<String, _>>().map_err(wrong)?;
        Ok(Arc::new(PackageIndex::parse(self.name(), text)))
    }
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows its answer")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let list = List(fs::read_to_string(arguments.next().ok_or("usage: package_source LIST NAME..")?)?);
    let question = Question::Install(Install::new(Relations::parse(&arguments.collect::<Vec<_>>().join(", "))?));
    let (cx, options) = (Context::new(), UniverseOptions::new("amd64".parse()?));
    let universe = Universe::new(options, [(list.load(&cx, &question).await?, PRIORITY)]);
    match SatResolver::new().answer(&cx, &universe, &question)? {
        Answer::Satisfied(found) => found.packages.iter().for_each(|one| println!("{}", one.package.file_name())),
        Answer::Unsatisfiable(why) => println!("cannot be installed: {why}"),
        other => println!("no answer: {other:?}"),
    }
    Ok(())
}
