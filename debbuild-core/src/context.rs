//! The first argument of everything: how to cancel, where progress goes, what time it is.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    cancel::CancelToken,
    clock::{Clock, SystemClock, Timestamp},
    error::{Class, Classify},
    event::{Event, NullReporter, Reporter, SpanId, Unit},
};

static NEXT_SPAN: AtomicU64 = AtomicU64::new(1);

/// What a call inherits from its caller: cancellation, events, clock and the span it is part of. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    cancel: CancelToken,
    events: Arc<dyn Reporter>,
    clock: Arc<dyn Clock>,
    span: Option<SpanId>,
}

impl Context {
    /// A context that nobody cancels, that reports nowhere, on the machine's clock.
    #[must_use]
    pub fn new() -> Self {
        Self { cancel: CancelToken::new(), events: Arc::new(NullReporter), clock: Arc::new(SystemClock), span: None }
    }

    /// The same with another token.
    #[must_use]
    pub fn with_cancel(mut self, cancel: CancelToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// The same with another reporter.
    #[must_use]
    pub fn with_events(mut self, events: Arc<dyn Reporter>) -> Self {
        self.events = events;
        self
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The token that cancels this call.
    #[must_use]
    pub fn cancel(&self) -> &CancelToken {
        &self.cancel
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// The time of day.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The step that this call is part of.
    #[must_use]
    pub fn span(&self) -> Option<SpanId> {
        self.span
    }

    /// Reports an event as it is.
    pub fn report(&self, event: Event) {
        self.events.report(event);
    }

    /// Reports a line.
    pub fn note(&self, text: impl Into<String>) {
        self.report(Event::Note { span: self.span, text: text.into() });
    }

    /// Reports something that deserves attention.
    pub fn warn(&self, text: impl Into<String>) {
        self.report(Event::Warning { span: self.span, text: text.into() });
    }

    /// Begins a step; it ends when the returned [`Step`] is finished or dropped.
    #[must_use]
    pub fn step(&self, what: impl Into<String>, unit: Unit, total: Option<u64>) -> Step {
        let span = SpanId(NEXT_SPAN.fetch_add(1, Ordering::Relaxed));
        self.report(Event::Started { span, parent: self.span, what: what.into(), unit, total });
        let context = Self { span: Some(span), ..self.clone() };
        Step { context, span, failed: Some(Class::Internal) }
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

/// A step of work that has begun. Dropped without [`Step::finish`] it counts as failed or abandoned.
#[derive(Debug)]
pub struct Step {
    context: Context,
    span: SpanId,
    failed: Option<Class>,
}

impl Step {
    /// The context for the work inside this step.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Reports how many are done.
    pub fn progress(&self, done: u64) {
        self.context.report(Event::Progress { span: self.span, done });
    }

    /// Ends the step well.
    pub fn finish(mut self) {
        self.failed = None;
    }

    /// Ends the step as this result does, and hands the result on.
    ///
    /// # Errors
    /// The result's own.
    pub fn end<T, E: Classify>(mut self, result: Result<T, E>) -> Result<T, E> {
        self.failed = result.as_ref().err().map(Classify::class);
        result
    }

    /// Ends the step with a failure of this class.
    pub fn fail(mut self, class: Class) {
        self.failed = Some(class);
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.context.report(Event::Finished { span: self.span, failed: self.failed });
    }
}
