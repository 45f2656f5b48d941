//! The text inside a clear-signed file, for readers that were told not to verify.

use super::{ControlError, utf8};

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END: &str = "-----END PGP SIGNATURE-----";

/// The text of what we accept: besides [`utf8`], no control character but tabs and line ends. None has a place in a control file, and
/// a form feed or an escape sequence would show a reader something else than what is signed.
pub(super) fn clean(bytes: &[u8]) -> Result<&str, ControlError> {
    let text = utf8(bytes)?;
    match text.find(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
        None => Ok(text),
        Some(at) => {
            Err(ControlError::Syntax { line: 1 + text[..at].matches('\n').count(), reason: "control character" })
        }
    }
}

/// The text of a file that may be clear-signed (RFC 9580, section 7), without checking the signature: for local input that
/// the caller explicitly takes unverified. Text without armor is returned as it is.
///
/// # Errors
/// [`ControlError::Armor`] when anything but empty lines stands before or after the one signed block;
/// [`ControlError::Syntax`] when the bytes are not text.
pub fn signed_text(bytes: &[u8]) -> Result<String, ControlError> {
    let text = clean(bytes)?;
    let is_marker = |line: &str| line.starts_with("-----");
    if !text.lines().any(is_marker) {
        return Ok(text.to_owned());
    }
    let mut lines = text.lines().map(str::trim_end).skip_while(|line| line.is_empty());
    if lines.next() != Some(BEGIN) {
        return Err(ControlError::Armor("text before the signed block"));
    }
    for header in lines.by_ref().take_while(|line| !line.is_empty()) {
        if !header.starts_with("Hash: ") {
            return Err(ControlError::Armor("unknown armor header"));
        }
    }
    let mut inside = String::with_capacity(text.len());
    for line in lines.by_ref().take_while(|line| *line != SIGNATURE) {
        if is_marker(line) {
            return Err(ControlError::Armor("armor inside the signed block"));
        }
        inside.push_str(line.strip_prefix("- ").unwrap_or(line));
        inside.push('\n');
    }
    if !lines.by_ref().any(|line| line == END) {
        return Err(ControlError::Armor("the signature is not finished"));
    }
    match lines.find(|line| !line.is_empty()) {
        Some(_) => Err(ControlError::Armor("text after the signed block")),
        None => Ok(inside),
    }
}
