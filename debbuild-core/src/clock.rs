//! Time as a value: points in time, their Debian spellings, and the clock that gives them.

use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A point in time with millisecond precision, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From seconds since 1970-01-01 UTC, as in `SOURCE_DATE_EPOCH`.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// From milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Seconds since 1970-01-01 UTC, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This time plus a span.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The span since an earlier time; zero if that is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The spelling of `Date` and `Valid-Until` in a Release file: `Sat, 10 May 2025 09:16:05 UTC`.
    #[must_use]
    pub fn release_date(self) -> String {
        self.civil().strftime("%a, %d %b %Y %H:%M:%S UTC").to_string()
    }

    /// The spelling of changelog and .changes dates, in UTC: `Sat, 10 May 2025 09:16:05 +0000`.
    #[must_use]
    pub fn rfc2822(self) -> String {
        self.civil().strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
    }

    /// The time as archives of snapshots spell it: `20250510T091605Z`.
    #[must_use]
    pub fn snapshot_id(self) -> String {
        self.civil().strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    /// The day as `YYYYMMDD`, UTC.
    #[must_use]
    pub fn day(self) -> String {
        self.civil().strftime("%Y%m%d").to_string()
    }

    /// Reads an RFC 2822 date as Release files and changelogs have it (`UTC`, `GMT` and numeric zones). As dpkg and apt, it does
    /// not mind a day of the week that does not belong to the date.
    ///
    /// # Errors
    /// [`TimestampError`].
    pub fn parse_rfc2822(text: &str) -> Result<Self, TimestampError> {
        let zone = text.trim().replace(" UTC", " +0000").replace(" GMT", " +0000");
        let parser = jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
        parser.parse_timestamp(&zone).map(|at| Self(at.as_millisecond())).map_err(|_| TimestampError(text.to_owned()))
    }

    fn civil(self) -> jiff::civil::DateTime {
        jiff::Timestamp::from_millisecond(self.0)
            .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
            .to_zoned(jiff::tz::TimeZone::UTC)
            .datetime()
    }
}

/// RFC 3339, UTC, whole seconds where there are no milliseconds: `2025-05-10T09:16:05Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spelling = if self.0 % 1000 == 0 { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S%.3fZ" };
        write!(f, "{}", self.civil().strftime(spelling))
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>().map(|at| Self(at.as_millisecond())).map_err(|_| TimestampError(text.to_owned()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Text that is not a date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a date: {0:?}")]
pub struct TimestampError(String);

impl crate::error::Classify for TimestampError {
    fn class(&self) -> crate::error::Class {
        crate::error::Class::Usage
    }
}

/// Where time comes from, so that builds and tests can be repeated.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time of day.
    fn now(&self) -> Timestamp;

    /// A clock that never goes back, for measuring and time limits.
    fn monotonic(&self) -> Instant;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that stands still until it is moved: the test twin, and the clock of reproducible runs.
#[derive(Debug, Clone)]
pub struct FixedClock {
    state: Arc<Mutex<(Timestamp, Instant)>>,
}

impl FixedClock {
    /// A clock that shows `at`.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self { state: Arc::new(Mutex::new((at, Instant::now()))) }
    }

    /// Moves both clocks on.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = (state.0.after(by), state.1 + by);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn monotonic(&self) -> Instant {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_spellings() {
        let at = Timestamp::from_seconds(1_746_868_565);
        assert_eq!(at.release_date(), "Sat, 10 May 2025 09:16:05 UTC");
        assert_eq!(at.rfc2822(), "Sat, 10 May 2025 09:16:05 +0000");
        assert_eq!(at.to_string(), "2025-05-10T09:16:05Z");
        assert_eq!(at.day(), "20250510");
        for text in [at.release_date(), at.rfc2822(), "Sat, 10 May 2025 11:16:05 +0200".to_owned()] {
            assert_eq!(Timestamp::parse_rfc2822(&text), Ok(at), "{text}");
        }
        assert_eq!(at.to_string().parse(), Ok(at));
        assert_eq!(Timestamp::parse_rfc2822("Mon, 10 May 2025 09:16:05 +0000"), Ok(at));
        assert!(Timestamp::parse_rfc2822("yesterday").is_err());
    }
}
