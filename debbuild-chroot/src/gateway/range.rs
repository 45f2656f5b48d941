//! `Range` requests (RFC 9110 section 14) of one range, as apt makes them to resume.

/// What part of a file a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it: no range was asked for, or one that may be ignored.
    Whole,
    /// From the first byte to before the second.
    Bytes(u64, u64),
    /// Nothing of it lies in the file.
    Outside,
}

/// Reads a `Range` header for a file of this size in bytes. Several ranges, and other units, give the whole file.
pub(super) fn part(header: Option<&str>, size: u64) -> Part {
    let Some((from, to)) =
        header.and_then(|text| text.trim().strip_prefix("bytes=")).and_then(|range| range.split_once('-'))
    else {
        return Part::Whole;
    };
    if size == 0 {
        return Part::Whole;
    }
    match (from.trim().parse::<u64>(), to.trim()) {
        (Ok(from), _) if from >= size => Part::Outside,
        (Ok(from), "") => Part::Bytes(from, size),
        (Ok(from), to) => match to.parse::<u64>() {
            Ok(to) if to >= from => Part::Bytes(from, size.min(to.saturating_add(1))),
            _ => Part::Whole,
        },
        (Err(_), suffix) if from.trim().is_empty() => match suffix.parse::<u64>() {
            Ok(0) => Part::Outside,
            Ok(count) => Part::Bytes(size.saturating_sub(count), size),
            Err(_) => Part::Whole,
        },
        _ => Part::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_the_rfc_has_them() {
        for (header, expected) in [
            ("bytes=0-", Part::Bytes(0, 10)),
            ("bytes=4-", Part::Bytes(4, 10)),
            ("bytes=4-6", Part::Bytes(4, 7)),
            ("bytes=4-99", Part::Bytes(4, 10)),
            ("bytes=-3", Part::Bytes(7, 10)),
            ("bytes=-30", Part::Bytes(0, 10)),
            ("bytes=10-", Part::Outside),
            ("bytes=-0", Part::Outside),
            ("bytes=6-4", Part::Whole),
            ("bytes=1-2,4-5", Part::Whole),
            ("lines=1-2", Part::Whole),
            ("bytes=x-", Part::Whole),
        ] {
            assert_eq!(part(Some(header), 10), expected, "{header}");
        }
        assert_eq!(part(None, 10), Part::Whole);
    }
}
