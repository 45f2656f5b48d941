//! The question of a problem as fields of a stanza.

use super::{
    super::{BuildDeps, Changes, Install, Question, Recommends},
    ProblemError,
};
use crate::{
    arch::Architecture,
    control::{Paragraph, SourceControl, SourceRelations},
    relation::Relations,
};

/// The relation fields of a source package.
pub(super) const SOURCE: [&str; 6] = [
    "Build-Depends",
    "Build-Depends-Arch",
    "Build-Depends-Indep",
    "Build-Conflicts",
    "Build-Conflicts-Arch",
    "Build-Conflicts-Indep",
];

/// Its relations, in that order.
pub(super) const fn relations(of: &SourceRelations) -> [&Relations; 6] {
    [&of.depends, &of.depends_arch, &of.depends_indep, &of.conflicts, &of.conflicts_arch, &of.conflicts_indep]
}

/// The same, to be changed.
pub(super) const fn relations_mut(of: &mut SourceRelations) -> [&mut Relations; 6] {
    [
        &mut of.depends,
        &mut of.depends_arch,
        &mut of.depends_indep,
        &mut of.conflicts,
        &mut of.conflicts_arch,
        &mut of.conflicts_indep,
    ]
}

/// The question without what has no part in the answer.
pub(super) fn kept(question: &Question) -> Question {
    let mut question = question.clone();
    if let Question::BuildDeps(build) = &mut question {
        let source = &mut build.source;
        (source.binaries, source.architectures, source.files) = Default::default();
        (source.maintainer, source.section, source.priority, source.directory) = Default::default();
    }
    question
}

/// The fields that say what is asked.
pub(super) fn fields(question: &Question) -> Vec<(&'static str, String)> {
    let yes = |name: &'static str, flag: bool| flag.then(|| (name, "yes".to_owned()));
    let mut fields = Vec::new();
    match question {
        Question::Install(install) => {
            fields.push(("Question", "install".to_owned()));
            let recommends = match install.recommends {
                Recommends::Ignore => "no",
                Recommends::TopLevel => "top-level",
                Recommends::Install => "yes",
            };
            fields.push(("Seeds", install.seeds.to_string()));
            fields.push(("Recommends", recommends.to_owned()));
            fields.extend(yes("Suggests", install.suggests));
            fields.extend(yes("Essential", install.essential));
            fields.push(("Remove", install.remove.to_string()));
            fields.extend(yes("Upgrade-All", install.changes.upgrade_all));
            fields.extend(yes("Keep-All", install.changes.keep_all));
            fields.extend(yes("Nothing-New", install.changes.nothing_new));
        }
        Question::BuildDeps(build) => {
            fields.push(("Question", "build-deps".to_owned()));
            let profiles: Vec<String> = build.profiles.iter().map(ToString::to_string).collect();
            fields.push(("Profiles", profiles.join(" ")));
            let builds = [("any", build.any), ("all", build.all)].into_iter().filter(|(_, built)| *built);
            fields.push(("Builds", builds.map(|(name, _)| name).collect::<Vec<_>>().join(" ")));
        }
    }
    fields.retain(|(_, value)| !value.is_empty());
    fields
}

/// The source package that is to be built, as a stanza of Sources.
pub(super) fn source_fields(source: &SourceControl) -> Vec<(&'static str, String)> {
    let mut fields = vec![("Package", source.source.to_string()), ("Version", source.version.to_string())];
    fields.push(("Format", source.format.clone()));
    let relations = relations(&source.relations).map(ToString::to_string);
    fields.extend(SOURCE.into_iter().zip(relations).filter(|(_, value)| !value.is_empty()));
    // A stanza of Sources has to list its files, if only none.
    fields.push(("Checksums-Sha256", String::new()));
    fields
}

/// What a stanza asks; `source` is the stanza behind it, for questions about a source package.
pub(super) fn read<'a>(
    asked: &Paragraph<'a>,
    architecture: &Architecture,
    source: impl FnOnce() -> Result<Paragraph<'a>, ProblemError>,
) -> Result<Question, ProblemError> {
    match asked.require("Question")? {
        "install" => {
            let recommends = match asked.get("Recommends").unwrap_or("no") {
                "no" => Recommends::Ignore,
                "top-level" => Recommends::TopLevel,
                "yes" => Recommends::Install,
                _ => return Err(asked.error("Recommends", "is none of no, top-level and yes").into()),
            };
            let install = Install::new(asked.relations("Seeds")?).with_recommends(recommends);
            let install = install.with_suggests(asked.flag("Suggests")?).with_essential(asked.flag("Essential")?);
            let changes = Changes {
                upgrade_all: asked.flag("Upgrade-All")?,
                keep_all: asked.flag("Keep-All")?,
                nothing_new: asked.flag("Nothing-New")?,
            };
            Ok(Question::Install(install.with_remove(asked.relations("Remove")?).with_changes(changes)))
        }
        "build-deps" => {
            let source = SourceControl::from_stanza(&source()?)?;
            let profiles = asked.list("Profiles", false)?.into_iter().collect();
            let mut build = BuildDeps::new(source, architecture.clone()).with_profiles(profiles);
            let builds: Vec<&str> = asked.words("Builds").collect();
            (build.any, build.all) = (builds.contains(&"any"), builds.contains(&"all"));
            Ok(kept(&Question::BuildDeps(Box::new(build))))
        }
        _ => Err(asked.error("Question", "is neither install nor build-deps").into()),
    }
}
