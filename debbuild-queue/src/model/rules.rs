//! The rules, pure: what a command changes, given what is there. Stores carry the changes out, guarded by revisions.

use debbuild_core::{
    build::{Failure, Outcome},
    clock::Timestamp,
    error::Class,
};

use super::{
    Attempt, AttemptState, CancelWish, Change, Command, Completion, Decision, EventKind, LeaseToken, Limits, NewEvent,
    Rejection, Subject, Task, TaskId, TaskState, UserName, View,
};

/// What the command changes.
///
/// # Errors
/// [`Rejection`]; then nothing changes.
pub fn decide(view: View<'_>, command: &Command<'_>, limits: &Limits, now: Timestamp) -> Result<Decision, Rejection> {
    match command {
        Command::Accept(token) => accept(open(view, token)?, now),
        Command::Beat(token, counter) => beat(open(view, token)?, *counter),
        Command::Complete(token, completion) => complete(view, token, completion, limits, now),
        Command::Refuse(token, reason) => {
            let attempt = open(view, token)?;
            let mut decision = end(view.task, attempt, AttemptState::Refused, infrastructure(reason), limits, now);
            decision.changes.push(Change::Avoid(view.task.id, attempt.worker.clone()));
            Ok(decision)
        }
        Command::Release(token, reason) => {
            Ok(end(view.task, open(view, token)?, AttemptState::Released, infrastructure(reason), limits, now))
        }
        Command::Abandon(token, reason) => {
            let attempt = open(view, token)?;
            // What was never accepted was never begun.
            let begun = attempt.state == AttemptState::Running;
            let state = if begun { AttemptState::Lost } else { AttemptState::Void };
            Ok(end(view.task, attempt, state, infrastructure(reason), limits, now))
        }
        Command::Lose(counter) => lose(view, *counter, limits, now),
        Command::Cancel(by, reason) => cancel(view, by, reason, now),
        Command::Prioritise(priority, rank) => prioritise(view.task, *priority, *rank, now),
    }
}

/// What it changes that an attempt, the task's next one, is leased.
#[must_use]
pub fn lease(task: &Task, attempt: Attempt) -> Decision {
    let next = Task { state: TaskState::Leased, attempts: attempt.id.number, not_before: None, ..task.clone() };
    let event = NewEvent::new(attempt.leased, Subject::Attempt(attempt.id), EventKind::Leased, attempt.worker.as_str());
    Decision {
        changes: vec![Change::Task(Box::new(next)), Change::NewAttempt(Box::new(attempt)), Change::Event(event)],
    }
}

/// What the end of a dependency means for a task that waits for it; `waiting` is how many others it still waits for.
#[must_use]
pub fn dependency_ended(
    task: &Task,
    dependency: TaskId,
    state: TaskState,
    waiting: usize,
    now: Timestamp,
) -> Option<Decision> {
    if task.state != TaskState::Blocked || (state == TaskState::Succeeded && waiting > 0) {
        return None;
    }
    let mut next = task.clone();
    if state == TaskState::Succeeded {
        next.state = TaskState::Ready;
        let event = NewEvent::new(now, Subject::Task(task.id), EventKind::Released, "");
        return Some(Decision { changes: vec![Change::Task(Box::new(next)), Change::Event(event)] });
    }
    let message = format!("task {dependency}, which must succeed first, is {}", state.name());
    next.failure = Some(Failure::new(Class::Cancelled, message));
    Some(Decision { changes: end_task(next, TaskState::Cancelled, now) })
}

/// The attempt, if the token is its own.
fn shown<'a>(view: View<'a>, token: &LeaseToken) -> Result<&'a Attempt, Rejection> {
    let attempt = view.attempt.ok_or(Rejection::NoAttempt(view.task.id))?;
    // Hashes of secrets are compared, so the time that this takes tells nothing about the secret.
    if attempt.token_hash == token.hash() { Ok(attempt) } else { Err(Rejection::Token(attempt.id)) }
}

/// The attempt, if the token is its own and it still holds the task.
fn open<'a>(view: View<'a>, token: &LeaseToken) -> Result<&'a Attempt, Rejection> {
    let attempt = shown(view, token)?;
    if attempt.state.is_open() && attempt.id.number == view.task.attempts {
        Ok(attempt)
    } else {
        Err(Rejection::Stale { attempt: attempt.id, state: attempt.state })
    }
}

fn accept(attempt: &Attempt, now: Timestamp) -> Result<Decision, Rejection> {
    if attempt.state == AttemptState::Running {
        return Ok(Decision::default());
    }
    let mut next = attempt.clone();
    next.state = AttemptState::Running;
    next.started = Some(now);
    next.counter = next.counter.max(1);
    let event = NewEvent::new(now, Subject::Attempt(attempt.id), EventKind::Started, attempt.worker.as_str());
    Ok(Decision { changes: vec![Change::Attempt(Box::new(next)), Change::Event(event)] })
}

fn beat(attempt: &Attempt, counter: u64) -> Result<Decision, Rejection> {
    if attempt.state != AttemptState::Running {
        return Err(Rejection::NotAccepted(attempt.id));
    }
    // A heartbeat that was overtaken by a later one says nothing new.
    if counter <= attempt.counter {
        return Ok(Decision::default());
    }
    let mut next = attempt.clone();
    next.counter = counter;
    Ok(Decision { changes: vec![Change::Attempt(Box::new(next))] })
}

fn complete(
    view: View<'_>,
    token: &LeaseToken,
    completion: &Completion,
    limits: &Limits,
    now: Timestamp,
) -> Result<Decision, Rejection> {
    let attempt = shown(view, token)?;
    let digest = completion.digest();
    match attempt.completion {
        Some(accepted) if accepted == digest => return Ok(Decision::default()),
        Some(_) => return Err(Rejection::OtherCompletion(attempt.id)),
        None => open(view, token)?,
    };
    if attempt.state != AttemptState::Running {
        return Err(Rejection::NotAccepted(attempt.id));
    }
    if let Some(log) = completion.log.filter(|log| log.size < attempt.log_size) {
        return Err(Rejection::ShortLog { attempt: attempt.id, size: log.size, acknowledged: attempt.log_size });
    }
    let outcome = &completion.outcome;
    let state = match outcome.outcome {
        Outcome::Succeeded => AttemptState::Succeeded,
        // Whatever the worker calls it: a failure whose class says nothing about the source is not the source's.
        Outcome::Failed if outcome.class().is_none_or(|class| Outcome::of(class) == Outcome::Failed) => {
            AttemptState::Failed
        }
        _ if outcome.class() == Some(Class::Cancelled) && view.task.cancel.is_some() => AttemptState::Cancelled,
        _ if outcome.class() == Some(Class::Cancelled) => AttemptState::Released,
        _ => AttemptState::Aborted,
    };
    let mut done = attempt.clone();
    done.completion = Some(digest);
    done.log = completion.log;
    let failure = (state != AttemptState::Succeeded).then(|| outcome.failure.clone()).flatten();
    let mut decision = end(view.task, &done, state, failure, limits, now);
    decision.changes.push(Change::Results(attempt.id, Box::new(outcome.clone())));
    Ok(decision)
}

fn lose(view: View<'_>, counter: u64, limits: &Limits, now: Timestamp) -> Result<Decision, Rejection> {
    let attempt = view.attempt.ok_or(Rejection::NoAttempt(view.task.id))?;
    if !attempt.state.is_open() {
        // Somebody else was first, which is as good.
        return Ok(Decision::default());
    }
    if attempt.counter != counter {
        return Err(Rejection::Alive(attempt.id));
    }
    let (state, failure) = if attempt.state == AttemptState::Leased {
        (AttemptState::Void, infrastructure("the worker did not accept the task in time"))
    } else {
        let message = format!("worker {} was not heard of for {} s", attempt.worker, limits.lease.as_secs());
        (AttemptState::Lost, Some(Failure::new(Class::Infrastructure, message)))
    };
    Ok(end(view.task, attempt, state, failure, limits, now))
}

fn cancel(view: View<'_>, by: &UserName, reason: &str, now: Timestamp) -> Result<Decision, Rejection> {
    let task = view.task;
    match task.state {
        TaskState::Cancelled => return Ok(Decision::default()),
        state if state.is_ended() => return Err(Rejection::Ended { task: task.id, state }),
        TaskState::Leased if task.cancel.is_some() => return Ok(Decision::default()),
        _ => {}
    }
    let mut next = task.clone();
    next.cancel = Some(CancelWish { by: by.clone(), reason: reason.to_owned(), at: now });
    let wish = NewEvent::new(now, Subject::Task(task.id), EventKind::CancelWished, format!("{by}: {reason}"));
    let mut changes = vec![Change::Event(wish)];
    if task.state == TaskState::Leased {
        changes.push(Change::Task(Box::new(next)));
    } else {
        next.failure = Some(Failure::new(Class::Cancelled, format!("cancelled by {by}: {reason}")));
        changes.extend(end_task(next, TaskState::Cancelled, now));
    }
    Ok(Decision { changes })
}

fn prioritise(task: &Task, priority: i32, rank: i64, now: Timestamp) -> Result<Decision, Rejection> {
    if task.state.is_ended() {
        return Err(Rejection::Ended { task: task.id, state: task.state });
    }
    if task.priority == priority {
        return Ok(Decision::default());
    }
    let next = Task { priority, rank, ..task.clone() };
    let event = NewEvent::new(now, Subject::Task(task.id), EventKind::Priority, priority.to_string());
    Ok(Decision { changes: vec![Change::Task(Box::new(next)), Change::Event(event)] })
}

fn infrastructure(reason: &str) -> Option<Failure> {
    Some(Failure::new(Class::Infrastructure, reason))
}

/// The attempt ends in `state`; the task ends with it, or waits again.
fn end(
    task: &Task,
    attempt: &Attempt,
    state: AttemptState,
    failure: Option<Failure>,
    limits: &Limits,
    now: Timestamp,
) -> Decision {
    let ended = Attempt { state, ended: Some(now), failure: failure.clone(), ..attempt.clone() };
    let event = NewEvent::new(now, Subject::Attempt(attempt.id), EventKind::AttemptEnded, state.name());
    let mut changes = vec![Change::Attempt(Box::new(ended)), Change::Event(event)];
    let broken = matches!(state, AttemptState::Aborted | AttemptState::Lost);
    if broken || matches!(state, AttemptState::Succeeded | AttemptState::Failed) {
        changes.push(Change::Blame(attempt.worker.clone(), broken));
    }
    let mut next = Task { failure, ..task.clone() };
    next.infra_failures += u32::from(broken);
    let after = match state {
        AttemptState::Succeeded => Some(TaskState::Succeeded),
        AttemptState::Failed => Some(TaskState::Failed),
        _ if task.cancel.is_some() => Some(TaskState::Cancelled),
        AttemptState::Aborted if !may_help_again(next.failure.as_ref()) => Some(TaskState::Aborted),
        _ if broken => match limits.pause(attempt.id, next.infra_failures) {
            Some(pause) => {
                // One death of a worker says little about the task: it goes on at once where it can. The second makes it wait.
                let first_death = state == AttemptState::Lost && next.infra_failures == 1;
                next.not_before = (!first_death).then(|| now.after(pause));
                None
            }
            None => Some(TaskState::Aborted),
        },
        _ => None,
    };
    if let Some(state) = after {
        changes.extend(end_task(next, state, now));
    } else {
        next.state = TaskState::Ready;
        changes.push(Change::Task(Box::new(next)));
    }
    Decision { changes }
}

/// Whether another attempt may end otherwise: a wrong configuration or call is wrong the next time too.
fn may_help_again(failure: Option<&Failure>) -> bool {
    let class = failure.and_then(|failure| Class::from_name(&failure.class)).unwrap_or(Class::Internal);
    !matches!(class, Class::Config | Class::Usage | Class::NotAllowed)
}

fn end_task(mut task: Task, state: TaskState, now: Timestamp) -> Vec<Change> {
    task.state = state;
    task.ended = Some(now);
    task.not_before = None;
    let (id, event) = (task.id, NewEvent::new(now, Subject::Task(task.id), EventKind::Ended, state.name()));
    vec![Change::Task(Box::new(task)), Change::Event(event), Change::Wake(id, state)]
}
