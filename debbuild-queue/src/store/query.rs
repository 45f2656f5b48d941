//! Questions with pages: what to list, from where, and how many.

use std::{fmt, str::FromStr};

use debbuild_core::error::{Class, Classify};

use crate::model::{RequestId, TaskId, TaskState};

/// A place in a list. Opaque: it is good for nothing but for asking on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor(i64);

impl Cursor {
    pub(crate) const fn at(place: i64) -> Self {
        Self(place)
    }

    pub(crate) const fn place(self) -> i64 {
        self.0
    }
}

/// Three letters keep cursors apart from numbers that somebody may be tempted to count with.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cur{:x}", self.0)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix("cur")
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| i64::from_str_radix(digits, 16).ok())
            .map(Self)
            .ok_or_else(|| CursorError(text.to_owned()))
    }
}

/// Text that is not a cursor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor: {0:?}")]
pub struct CursorError(String);

impl Classify for CursorError {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The part.
    pub items: Vec<T>,
    /// Where the next part begins; `None` at the end.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// From up to `limit + 1` items: one more than asked for shows that there is a next page, which begins after `place`
    /// of the last one given.
    pub(crate) fn cut(mut items: Vec<T>, limit: u32, place: impl Fn(&T) -> i64) -> Self {
        let limit = limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| Cursor(place(last)));
        Self { items, next }
    }

    /// The same page of something else.
    ///
    /// # Errors
    /// The first error of `change`.
    pub fn try_map<U, E>(self, change: impl FnMut(T) -> Result<U, E>) -> Result<Page<U>, E> {
        Ok(Page { items: self.items.into_iter().map(change).collect::<Result<_, _>>()?, next: self.next })
    }
}

/// Which part of a list is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// From here on; `None` is the beginning.
    pub after: Option<Cursor>,
    /// At most so many.
    pub limit: u32,
}

impl Part {
    /// At most so many (1 to 1000), from here on.
    #[must_use]
    pub fn new(after: Option<Cursor>, limit: u32) -> Self {
        Self { after, limit: limit.clamp(1, 1000) }
    }
}

/// The first 100.
impl Default for Part {
    fn default() -> Self {
        Self { after: None, limit: 100 }
    }
}

/// Which tasks to list, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskQuery {
    /// Only in these states; empty for all.
    pub states: Vec<TaskState>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only with this text in the label.
    pub label: Option<String>,
    /// Only of this request.
    pub request: Option<RequestId>,
    /// Which part of them.
    pub part: Part,
}

impl TaskQuery {
    /// The newest 100 tasks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only in these states.
    #[must_use]
    pub fn with_states(mut self, states: Vec<TaskState>) -> Self {
        self.states = states;
        self
    }

    /// Only of this kind.
    #[must_use]
    pub fn with_kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Only with this text in the label.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Only of this request.
    #[must_use]
    pub fn with_request(mut self, request: RequestId) -> Self {
        self.request = Some(request);
        self
    }

    /// Only this part of them.
    #[must_use]
    pub fn with_part(mut self, part: Part) -> Self {
        self.part = part;
        self
    }
}

/// Which builds to list, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuildQuery {
    /// Only of this source package.
    pub source: Option<String>,
    /// Only with this version.
    pub version: Option<String>,
    /// Only of this task.
    pub task: Option<TaskId>,
    /// Which part of them.
    pub part: Part,
}

impl BuildQuery {
    /// The newest 100 builds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only of this source package.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Only with this version.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Only of this task.
    #[must_use]
    pub fn with_task(mut self, task: TaskId) -> Self {
        self.task = Some(task);
        self
    }

    /// Only this part of them.
    #[must_use]
    pub fn with_part(mut self, part: Part) -> Self {
        self.part = part;
        self
    }
}
