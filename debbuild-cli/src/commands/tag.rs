//! `debbuild tag`: named, versioned sets of builds, published as suites.

use clap::Subcommand;
use debbuild_core::name::{ComponentName, SuiteName};
use debbuild_queue::{
    api::v1::{Tag, Tags as _},
    model::TagName,
};

use super::{Answer, Done, Door};
use crate::{app::published_json, console::Table};

/// Keep builds in tags and publish tags as suites
#[derive(Debug, clap::Args)]
pub(crate) struct TagArgs {
    #[command(subcommand)]
    verb: TagVerb,
}

#[derive(Debug, Subcommand)]
enum TagVerb {
    /// Create a tag
    Create(CreateArgs),
    /// List the tags
    List,
    /// Show what a tag offers, with what it inherits
    Show(OneArgs),
    /// Add builds to a tag
    Add(BuildsArgs),
    /// Take builds out of a tag
    Remove(BuildsArgs),
    /// Set what a tag inherits from, the nearest first
    Inherit(CreateArgs),
    /// Inherit a source package no longer
    Block(BlockArgs),
    /// Show every change of a tag
    History(HistoryArgs),
    /// Publish what a tag offers as a suite of a repository
    Publish(PublishArgs),
}

#[derive(Debug, clap::Args)]
struct OneArgs {
    /// The tag's name
    #[arg(value_name = "TAG")]
    tag: String,
}

#[derive(Debug, clap::Args)]
struct CreateArgs {
    /// The tag's name
    #[arg(value_name = "TAG")]
    tag: String,
    /// Tags to inherit from, the nearest first
    #[arg(long = "parent", value_name = "TAG", value_delimiter = ',')]
    parents: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct BuildsArgs {
    /// The tag's name
    #[arg(value_name = "TAG")]
    tag: String,
    /// The builds' numbers
    #[arg(value_name = "BUILD", required = true)]
    builds: Vec<i64>,
    /// Why
    #[arg(long, default_value = "")]
    reason: String,
}

#[derive(Debug, clap::Args)]
struct BlockArgs {
    /// The tag's name
    #[arg(value_name = "TAG")]
    tag: String,
    /// The source package
    #[arg(value_name = "SOURCE")]
    source: String,
}

#[derive(Debug, clap::Args)]
struct HistoryArgs {
    /// The tag's name
    #[arg(value_name = "TAG")]
    tag: String,
    /// Only after this version
    #[arg(long, default_value_t = 0)]
    after: u64,
    /// At most so many changes
    #[arg(long, default_value_t = 1000)]
    limit: u32,
}

#[derive(Debug, clap::Args)]
struct PublishArgs {
    /// The tag's name
    #[arg(value_name = "TAG")]
    tag: TagName,
    /// The repository's folder; `debbuild repo init` makes one
    #[arg(long, value_name = "DIR")]
    repo: String,
    /// The suite, which then holds exactly what the tag offers
    #[arg(long, short)]
    suite: SuiteName,
    /// The component that the packages are in
    #[arg(long, default_value = "main")]
    component: ComponentName,
}

pub(super) async fn tag(door: &Door, args: &TagArgs) -> Answer {
    match &args.verb {
        TagVerb::Create(args) => {
            let tag = door.app.api().await?.create_tag(&door.cx, &args.tag, &args.parents).await?;
            changed(door, &tag)
        }
        TagVerb::List => list(door).await,
        TagVerb::Show(args) => show(door, args).await,
        TagVerb::Add(args) => {
            let api = door.app.api().await?;
            for build in &args.builds {
                changed(door, &api.tag_add(&door.cx, &args.tag, *build, &args.reason).await?)?;
            }
            Ok(Done::Well)
        }
        TagVerb::Remove(args) => {
            let api = door.app.api().await?;
            for build in &args.builds {
                changed(door, &api.tag_remove(&door.cx, &args.tag, *build, &args.reason).await?)?;
            }
            Ok(Done::Well)
        }
        TagVerb::Inherit(args) => {
            let tag = door.app.api().await?.tag_inherit(&door.cx, &args.tag, &args.parents).await?;
            changed(door, &tag)
        }
        TagVerb::Block(args) => {
            let tag = door.app.api().await?.tag_block(&door.cx, &args.tag, &args.source).await?;
            changed(door, &tag)
        }
        TagVerb::History(args) => history(door, args).await,
        TagVerb::Publish(args) => publish(door, args).await,
    }
}

fn changed(door: &Door, tag: &Tag) -> Answer {
    door.out.line(tag, |tag| format!("tag {} version {}\n", tag.name, tag.version))?;
    Ok(Done::Well)
}

async fn list(door: &Door) -> Answer {
    let list = door.app.api().await?.tags(&door.cx).await?;
    door.out.show(&list, |list| {
        let mut table = Table::new(["TAG", "VERSION", "PARENTS", "BLOCKED"]);
        for tag in &list.tags {
            table.row([tag.name.clone(), tag.version.to_string(), tag.parents.join(" "), tag.blocked.join(" ")]);
        }
        table.text()
    })?;
    Ok(Done::Well)
}

async fn show(door: &Door, args: &OneArgs) -> Answer {
    let content = door.app.api().await?.tag(&door.cx, &args.tag).await?;
    door.out.show(&content, |content| {
        let mut table = Table::new(["BUILD", "SOURCE", "VERSION", "ARCHITECTURE", "FROM"]);
        for one in &content.builds {
            table.row([
                one.build.to_string(),
                one.source.clone(),
                one.version.clone(),
                one.architecture.clone(),
                one.from.clone(),
            ]);
        }
        format!("tag {} version {}\n{}", content.tag.name, content.tag.version, table.text())
    })?;
    Ok(Done::Well)
}

async fn history(door: &Door, args: &HistoryArgs) -> Answer {
    let history = door.app.api().await?.tag_history(&door.cx, &args.tag, args.after, args.limit).await?;
    door.out.show(&history, |history| {
        let mut table = Table::new(["VERSION", "AT", "BY", "CHANGE", "BUILD", "WHY"]);
        for change in &history.changes {
            table.row([
                change.version.to_string(),
                change.at.to_string(),
                change.by.clone(),
                change.action.clone(),
                change.build.map(|build| build.to_string()).unwrap_or_default(),
                change.text.clone(),
            ]);
        }
        table.text()
    })?;
    Ok(Done::Well)
}

async fn publish(door: &Door, args: &PublishArgs) -> Answer {
    let repository = door.app.machine().path(&args.repo)?;
    let (suite, component) = (args.suite.clone(), args.component.clone());
    let published = door.app.publish_tag(&door.cx, args.tag.clone(), repository, suite, component).await?;
    let wire = published_json(&published);
    door.out.show(&wire, |_| {
        let (state, count) = (published.state.number, published.state.content.packages);
        format!("suite {} state {state}: {count} packages of tag {}\n", args.suite, args.tag)
    })?;
    Ok(Done::Well)
}
