//! A plain check of a clear-signed text before any tool sees it: one frame, nothing around it, no control characters.

use super::SignError;

const BEGIN: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";
const END: &[u8] = b"-----END PGP SIGNATURE-----";

/// Refuses what has been used to smuggle text past verifiers: text before or after the signed part, a second frame,
/// NUL, form feeds and escape sequences. What is signed is still only what the tool writes out.
pub(super) fn check(what: &str, signed: &[u8]) -> Result<(), SignError> {
    let refuse = |reason: &str| Err(SignError::NotVerified { what: what.to_owned(), reason: reason.to_owned() });
    let is_odd = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\n' | b'\r' | b'\t') || *byte == 0x7f;
    if signed.iter().any(is_odd) {
        return refuse("it holds control characters");
    }
    let lines: Vec<&[u8]> = signed.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).collect();
    let count = |mark: &[u8]| lines.iter().filter(|line| **line == mark).count();
    let last = lines.iter().rfind(|line| !line.is_empty());
    match (lines.first(), last) {
        (Some(first), _) if *first != BEGIN => refuse("it does not begin with a signed text"),
        (_, Some(last)) if *last != END => refuse("it does not end with a signature"),
        (Some(_), Some(_)) if [BEGIN, SIGNATURE, END].iter().all(|mark| count(mark) == 1) => Ok(()),
        _ => refuse("it is not exactly one signed text"),
    }
}
