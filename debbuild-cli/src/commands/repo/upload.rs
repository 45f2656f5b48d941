//! `debbuild repo accept` and `debbuild repo uploads`: signed uploads by people who may, and what became of each.

use debbuild_core::{
    error::Class,
    name::{ComponentName, SourceName, SuiteName},
    repo::Repository,
    upload::{Outcome, Upload},
};
use serde_json::Value;

use super::{Answer, Done, Door, paths};
use crate::{
    app::upload::{UploadOrder, upload_json},
    console::Table,
};

#[derive(Debug, clap::Args)]
pub(super) struct AcceptArgs {
    /// The repository's folder
    dir: String,
    /// Who may upload what: a TOML file with a table `[[uploader]]` for each (name, keys, sources, suites, binaries)
    #[arg(long, value_name = "FILE")]
    uploaders: String,
    /// A file with public keys of uploaders
    #[arg(long, value_name = "FILE", required = true)]
    keyring: Vec<String>,
    /// The suite; without, what the upload says
    #[arg(long, short)]
    suite: Option<SuiteName>,
    /// The component; without, what the upload says
    #[arg(long, short)]
    component: Option<ComponentName>,
    /// Remove the files of uploads that were taken
    #[arg(long)]
    remove: bool,
    /// .changes files, and folders with such
    #[arg(required = true, value_name = "FILE|FOLDER")]
    files: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct UploadsArgs {
    /// The repository's folder
    dir: String,
    /// Only uploads of these sources
    #[arg(value_name = "SOURCE")]
    sources: Vec<SourceName>,
}

pub(super) async fn accept(door: &Door, args: &AcceptArgs) -> Answer {
    let repository = Repository::open(&door.cx, door.app.machine().path(&args.dir)?).await?;
    let uploaders = door.app.machine().path(&args.uploaders)?;
    let mut order = UploadOrder::new(paths(door, &args.files)?, uploaders, paths(door, &args.keyring)?);
    (order.suite, order.component, order.remove) = (args.suite.clone(), args.component.clone(), args.remove);
    let uploads = door.app.repo_accept(&door.cx, &repository, order).await?;
    show(door, &uploads)?;
    let refused = uploads.iter().find_map(|upload| upload.class.as_deref().and_then(Class::from_name));
    Ok(refused.map_or(Done::Well, Done::Failed))
}

pub(super) async fn uploads(door: &Door, args: &UploadsArgs) -> Answer {
    let repository = Repository::open(&door.cx, door.app.machine().path(&args.dir)?).await?;
    show(door, &door.app.repo_uploads(&door.cx, &repository, &args.sources).await?)
}

fn show(door: &Door, uploads: &[Upload]) -> Answer {
    let wire: Vec<Value> = uploads.iter().map(upload_json).collect();
    door.out.show(&wire, |_| {
        let mut table = Table::new(["DATE", "UPLOAD", "SUITE", "BY", "OUTCOME"]);
        for upload in uploads {
            let outcome = match (&upload.outcome, &upload.reason) {
                (Outcome::Accepted, _) => "accepted".to_owned(),
                (_, Some(reason)) => format!("refused: {reason}"),
                _ => "refused".to_owned(),
            };
            let by = upload.by.as_ref().or(upload.key.as_ref()).cloned().unwrap_or_default();
            table.row([upload.at.to_string(), upload.file.clone(), upload.suites.join(" "), by, outcome]);
        }
        table.text()
    })?;
    Ok(Done::Well)
}
