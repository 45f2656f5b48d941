//! Durations and sizes as people write them: `90s`, `1h30m`, `512M`, `4G`.

use std::time::Duration;

use debbuild_core::error::{Class, Classify};
use serde::{Deserialize as _, Deserializer, de};

/// Text that is not a duration or a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnitError {
    /// Not a duration.
    #[error("not a duration (try 90s, 30m or 1h30m): {0:?}")]
    Duration(String),
    /// Not a size.
    #[error("not a size (try 512M or 4G): {0:?}")]
    Size(String),
}

impl Classify for UnitError {
    fn class(&self) -> Class {
        Class::Usage
    }
}

/// Reads a duration: numbers with `d`, `h`, `m`, `s` or `ms`, largest first; a bare number is seconds.
///
/// # Errors
/// [`UnitError::Duration`].
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    let wrong = || UnitError::Duration(text.to_owned());
    let mut rest = text.trim();
    if let Ok(seconds) = rest.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let (mut millis, mut last) = (0_u64, u64::MAX);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let unit = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |at| digits + at);
        let scale = match rest[digits..unit].trim() {
            "d" => 86_400_000,
            "h" => 3_600_000,
            "m" | "min" => 60_000,
            "s" => 1000,
            "ms" => 1,
            _ => return Err(wrong()),
        };
        if scale >= last {
            return Err(wrong());
        }
        last = scale;
        millis = number.checked_mul(scale).and_then(|part| millis.checked_add(part)).ok_or_else(wrong)?;
        rest = &rest[unit..];
    }
    if last == u64::MAX { Err(wrong()) } else { Ok(Duration::from_millis(millis)) }
}

/// Reads a size in bytes: a number with an optional `K`, `M`, `G` or `T` (powers of 1024; `iB` and `B` may follow).
///
/// # Errors
/// [`UnitError::Size`].
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let wrong = || UnitError::Size(text.to_owned());
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let number: u64 = trimmed[..digits].parse().map_err(|_| wrong())?;
    let power = match trimmed[digits..].trim().trim_end_matches("iB").trim_end_matches('B') {
        "" => 0,
        "k" | "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => return Err(wrong()),
    };
    number.checked_mul(1024_u64.pow(power)).ok_or_else(wrong)
}

/// A size for people: `4.0 GiB`.
#[must_use]
pub fn show_size(bytes: u64) -> String {
    let mut value = bytes;
    let mut rest = 0;
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024 {
            break;
        }
        (value, rest, unit) = (value / 1024, value % 1024, larger);
    }
    if unit == "B" { format!("{value} B") } else { format!("{value}.{} {unit}", rest * 10 / 1024) }
}

/// For settings: a duration as a string.
pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(deserializer)?).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("1h30m", 5400), ("2d", 172_800), ("0s", 0), (" 5min ", 300)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "h", "5 weeks", "30m1h", "-1s", "1.5h", "99999999999999999999d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [("0", 0), ("512M", 512 << 20), ("4GiB", 4 << 30), ("1kB", 1024), ("7B", 7)] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "M", "-1", "1.5G", "99999999999T", "1X"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        assert_eq!(show_size(1023), "1023 B");
        assert_eq!(show_size(1536), "1.5 KiB");
        assert_eq!(show_size(4 << 30), "4.0 GiB");
    }
}
