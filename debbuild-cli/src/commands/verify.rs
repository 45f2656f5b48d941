//! `debbuild repo verify` and `debbuild repo check`: what is wrong with a repository, ours or somebody else's.

use debbuild_core::{
    acquire::fetch::Uri,
    arch::Architecture,
    error::Class,
    mirror::Mended,
    name::SuiteName,
    repo::{Report, VerifyOptions},
};

use super::{
    Answer, Done, Door,
    repo::{SuiteArgs, open, paths},
};
use crate::app::{
    AppError, Failure,
    mirror::{MendFrom, verified_json},
};

#[derive(Debug, clap::Args)]
pub(super) struct VerifyArgs {
    /// The repository's folder, or the URI of any archive (`https://mirror.example/debian`, `file:///srv/apt`,
    /// `s3://BUCKET/PREFIX`)
    dir: String,
    /// The suite; needed where the repository has several, and for a URI
    #[arg(long, short)]
    suite: Option<SuiteName>,
    /// A keyring to check the signatures with; without, our own key for a folder or a bucket, and for other URIs the
    /// keyrings of the setting `archives.keyrings`
    #[arg(long, value_name = "FILE")]
    keyring: Vec<String>,
    /// Of a URI, check only the indexes of this architecture and those of none
    #[arg(long = "arch", short, value_name = "ARCHITECTURE")]
    architecture: Vec<Architecture>,
    /// Of a URI, check only release files and indexes, not the packages
    #[arg(long)]
    indexes_only: bool,
    /// Count as wrong also what is only odd: binary packages without their source, a Contents that names others
    #[arg(long)]
    strict: bool,
    /// Put back what is missing or damaged: indexes made again, packages from the stored bytes, or from an archive by hash
    #[arg(long)]
    repair: bool,
    /// The archive to repair from
    #[arg(long, value_name = "URI", requires = "repair")]
    from: Option<Uri>,
    /// The suite of that archive; without, of the same name
    #[arg(long, value_name = "SUITE", requires = "from")]
    from_suite: Option<SuiteName>,
    /// A keyring that may sign that archive; without, those of the setting `archives.keyrings`
    #[arg(long, value_name = "FILE", requires = "from")]
    from_keyring: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    /// Count as wrong also what is only odd: files of the pool that nothing names
    #[arg(long)]
    strict: bool,
}

pub(super) async fn verify(door: &Door, args: &VerifyArgs) -> Answer {
    if args.dir.contains(":/") {
        return verify_archive(door, args).await;
    }
    let keyrings = paths(door, &args.keyring)?;
    if !args.architecture.is_empty() || args.indexes_only {
        return Err(usage("--arch and --indexes-only are for a URI: our own repository is checked whole"));
    }
    let named = SuiteArgs { dir: args.dir.clone(), suite: args.suite.clone() };
    let (repository, suite) = open(door, &named).await?;
    let mut mended = None;
    if args.repair {
        let from = match &args.from {
            None => None,
            Some(uri) => {
                let from_suite = args.from_suite.clone().unwrap_or_else(|| suite.clone());
                Some(MendFrom::new(uri.clone(), from_suite, paths(door, &args.from_keyring)?))
            }
        };
        let done = door.app.repo_mend(&door.cx, &repository, &suite, from.as_ref()).await?;
        for path in &done.mended {
            door.talk.say(&format!("{path}: put back"));
        }
        for (path, reason) in &done.lost {
            door.talk.warn(&format!("{path}: {reason}"));
        }
        mended = Some(done);
    }
    let report = door.app.repo_verify(&door.cx, &repository, &suite, keyrings).await?;
    show(door, &report, args.strict, mended.as_ref())
}

async fn verify_archive(door: &Door, args: &VerifyArgs) -> Answer {
    let Some(suite) = &args.suite else { return Err(usage("a URI needs --suite")) };
    if args.repair {
        return Err(usage("--repair is for a repository of ours: a folder"));
    }
    let options =
        VerifyOptions::new().with_architectures(args.architecture.clone()).with_indexes_only(args.indexes_only);
    let keyrings = paths(door, &args.keyring)?;
    let report = door.app.archive_verify(&door.cx, &args.dir, suite, keyrings, &options).await?;
    show(door, &report, args.strict, None)
}

fn usage(message: &str) -> AppError {
    Failure::new(Class::Usage, message).into()
}

pub(super) async fn check(door: &Door, args: &CheckArgs) -> Answer {
    let (repository, suite) = open(door, &args.suite).await?;
    show(door, &repository.check(&door.cx, &suite).await?, args.strict, None)
}

fn show(door: &Door, report: &Report, strict: bool, mended: Option<&Mended>) -> Answer {
    door.out.show(&verified_json(report, mended), |_| {
        let mut text = String::new();
        for finding in &report.findings {
            text.push_str(&format!("{}: {}\n", finding.path, finding.problem));
        }
        for note in &report.notes {
            text.push_str(&format!("note: {}: {}\n", note.path, note.problem));
        }
        let (problems, notes) = (report.findings.len(), report.notes.len());
        text.push_str(&format!("{} files read, {problems} problems, {notes} notes\n", report.files));
        text
    })?;
    let odd = strict && !report.notes.is_empty();
    Ok(report.class().or(odd.then_some(Class::Verification)).map_or(Done::Well, Done::Failed))
}
