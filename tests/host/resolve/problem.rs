//! Problems of the host's own archive, kept and asked again.

use std::time::Duration;

use debbuild_core::{
    context::Context,
    relation::Relations,
    resolve::{
        Answer, AnswerKind, Install, Question, Recommends, Resolver as _, SatResolver, Versions, problem::Problem,
    },
};
use debbuild_suite::debbuild::Sandbox;

use super::{indexes, universe};

/// The packages of an answer, or its sentences in order of the alphabet.
fn said(answer: &Answer) -> Vec<String> {
    let mut said: Vec<String> = match answer {
        Answer::Satisfied(solution) => {
            let each = solution.packages.iter().map(|selected| {
                format!("{} {} {:?}", selected.package.package, selected.package.version, selected.reason)
            });
            each.collect()
        }
        Answer::Unsatisfiable(why) => why.sentences.clone(),
        other => panic!("{other:?}"),
    };
    said.sort();
    said
}

#[tokio::test]
async fn problems_of_a_real_archive_are_kept_small_and_have_the_same_answer() {
    let universe = universe(indexes().await, Versions::Candidate);
    let (cx, resolver) = (Context::new(), SatResolver::new());
    for seeds in [
        "gnome-calculator",
        "openssh-server, nginx",
        "task-gnome-desktop",
        "postfix, exim4-daemon-light",
        "hello (>= 99) | hello-traditional",
        "dracut, initramfs-tools",
        "systemd-sysv, sysvinit-core",
    ] {
        let install = Install::new(Relations::parse(seeds).unwrap()).with_recommends(Recommends::Install);
        let question = Question::Install(install);
        let answer = resolver.answer(&cx, &universe, &question).unwrap();
        let whole = Problem::of(&universe, &question, &answer).unwrap();
        let again = Problem::read(&whole.to_string()).unwrap();
        assert_eq!(again, whole, "{seeds}");
        let asked = |problem: &Problem| resolver.answer(&cx, &problem.universe().unwrap(), problem.question()).unwrap();
        assert_eq!(said(&asked(&again)), said(&answer), "{seeds}");
        if answer.kind() == AnswerKind::Unsatisfiable {
            let least = whole.reduced(&cx, &resolver, Duration::from_secs(60)).unwrap();
            assert_eq!(asked(&least).kind(), AnswerKind::Unsatisfiable, "{seeds}");
            assert!(least.len() < 10, "{seeds}: {least}");
        }
    }
}

#[tokio::test]
async fn the_command_line_keeps_a_problem_and_asks_it_again() {
    let user = Sandbox::new();
    user.write("Packages", &indexes().await.remove(0));
    let wanted = ["resolve", "install", "postfix, exim4-daemon-light", "--packages", "Packages", "--arch", "amd64"];
    let refused = user.run(wanted.into_iter().chain(["--save-problem", "problem", "--check"])).await;
    assert_eq!(refused.status, 8, "{refused:?}");
    let replayed = user.run(["resolve", "replay", "problem", "--check", "--format", "json"]).await;
    assert_eq!(replayed.status, 0, "{replayed:?}");
    let value = replayed.json();
    assert_eq!((value["same"].as_bool(), value["packages"].as_u64()), (Some(true), Some(2)), "{value}");
    // Where something is changed, the answer is another one, and that is said.
    let kept = std::fs::read_to_string(user.path().join("problem")).unwrap();
    user.write("problem", &kept.replace("Conflicts: ", "X-Conflicts: "));
    let other = user.run(["resolve", "replay", "problem", "--check"]).await;
    assert_eq!(other.status, 8, "{other:?}");
    assert!(other.stdout.ends_with("The answer was unsatisfiable when the problem was kept.\n"), "{other:?}");
}
