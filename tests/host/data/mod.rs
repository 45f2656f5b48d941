//! The data model and the .deb reader on the whole of a real archive, against dpkg's own tools.

mod debs;
mod indexes;
mod relations;
mod versions;

use debbuild_core::{
    command::{CommandRunnerExt as _, CommandSpec, Stdin, SystemRunner},
    context::Context,
};

/// Runs a program on this input and returns its lines.
async fn lines(spec: CommandSpec, input: String) -> Vec<String> {
    let spec = spec.with_stdin(Stdin::Bytes(input.into_bytes()));
    let out = SystemRunner.output(&Context::new(), &spec).await.unwrap();
    String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
}

/// What a perl script answers to each line of input.
async fn perl(script: &str, input: &[String]) -> Vec<String> {
    let text = input.iter().map(|line| format!("{line}\n")).collect();
    let answers = lines(CommandSpec::new("perl").with_args(["-w", "-e", script]), text).await;
    assert_eq!(answers.len(), input.len(), "one answer for each question");
    answers
}
