//! GnuPG's status lines (its doc/DETAILS): which signatures are good, and whether anything else was said.

use super::{Fingerprint, Signature};
use crate::clock::Timestamp;

/// How far a signature may lie in the future of a named time that it is checked at, in seconds (as apt's `Max-FutureTime`).
const SLACK: i64 = 10;
/// How far it may lie in the future of the clock, in seconds: clocks differ, and sqv allows as much.
const CLOCK_SLACK: i64 = 30 * 60;

/// Words that say nothing against a signature.
const NEUTRAL: [&str; 11] = [
    "KEY_CONSIDERED",
    "SIG_ID",
    "NOTATION_NAME",
    "NOTATION_FLAGS",
    "NOTATION_DATA",
    "POLICY_URL",
    "PLAINTEXT_LENGTH",
    "VERIFICATION_COMPLIANCE_MODE",
    "ERRSIG",
    "NO_PUBKEY",
    "SIGEXPIRED",
];

// What both tools' answers are told as.
pub(super) const CHANGED: &str = "the text was changed after it was signed";
pub(super) const UNKNOWN: &str = "signed by a key that is not in the keyring";
pub(super) const EXPIRED: &str = "the key has expired";
pub(super) const REVOKED: &str = "the key is revoked";
pub(super) const WEAK: &str = "the signature is over a weak hash";
pub(super) const LATER: &str = "the signature was made after the time it is checked at";

/// What one signature block (from `NEWSIG` to the next) has said so far.
#[derive(Debug, Default)]
struct Block {
    verdict: Verdict,
    key_expired: Option<i64>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    #[default]
    None,
    Good,
    KeyExpired,
    SignatureExpired,
    Revoked,
}

/// Reads the status lines of one gpgv run.
///
/// Accepted is a signature with `GOODSIG` and `VALIDSIG`, of class 00 or 01, over a hash better than SHA-1, made no later
/// than `at`. An expired key or signature is accepted only where `at` is given and lies before the expiry. Signatures by
/// unknown keys are passed over, as an archive may sign with several; a bad one, or a word that is not known, refuses all.
pub(super) fn good_signatures(status: &str, at: Option<Timestamp>, now: Timestamp) -> Result<Vec<Signature>, String> {
    let (mut good, mut refused, mut plaintexts) = (Vec::new(), None, 0);
    let mut block = Block::default();
    for line in status.lines() {
        let Some(line) = line.strip_prefix("[GNUPG:] ") else { return Err(format!("gpgv said {line:?}")) };
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words.first().copied().unwrap_or("") {
            "NEWSIG" => block = Block::default(),
            "PLAINTEXT" => plaintexts += 1,
            "GOODSIG" => block.verdict = Verdict::Good,
            "EXPKEYSIG" => block.verdict = Verdict::KeyExpired,
            "EXPSIG" => block.verdict = Verdict::SignatureExpired,
            "REVKEYSIG" => block.verdict = Verdict::Revoked,
            "KEYEXPIRED" => {
                let expiry = words.get(1).and_then(|time| time.parse().ok()).unwrap_or(0);
                block.key_expired = Some(block.key_expired.map_or(expiry, |earlier| earlier.min(expiry)));
            }
            "VALIDSIG" => match accept(&block, &words, at, now) {
                Ok(signature) => good.push(signature),
                Err(reason) => refused = Some(reason),
            },
            "BADSIG" => return Err(CHANGED.to_owned()),
            "NODATA" => return Err("it is not signed".to_owned()),
            "NO_PUBKEY" if refused.is_none() => {
                refused = Some(format!("{UNKNOWN}: {}", words.get(1).unwrap_or(&"?")));
            }
            "ERRSIG" if words.get(6) == Some(&"4") => refused = Some("unknown signature algorithm".to_owned()),
            word if NEUTRAL.contains(&word) => {}
            word => return Err(format!("gpgv said {word}")),
        }
    }
    if plaintexts > 1 {
        return Err("it holds more than one text".to_owned());
    }
    if good.is_empty() { Err(refused.unwrap_or_else(|| "it is not signed".to_owned())) } else { Ok(good) }
}

/// Takes the signature of a `VALIDSIG` line: fingerprint, date, time, expiry, version, reserved, public key algorithm,
/// hash algorithm, class, primary key's fingerprint.
fn accept(block: &Block, words: &[&str], at: Option<Timestamp>, now: Timestamp) -> Result<Signature, String> {
    let field = |index: usize| words.get(index).copied().unwrap_or("");
    let number = |index: usize| field(index).parse::<i64>().map_err(|_| format!("gpgv said {words:?}"));
    let (made, expires) = (number(3)?, number(4)?);
    match (block.verdict, at, block.key_expired) {
        (Verdict::Good, ..) => {}
        (Verdict::KeyExpired, Some(at), Some(expired)) if at.seconds() < expired => {}
        (Verdict::SignatureExpired, Some(at), _) if at.seconds() < expires => {}
        (Verdict::KeyExpired, ..) => return Err(EXPIRED.to_owned()),
        (Verdict::SignatureExpired, ..) => return Err("the signature has expired".to_owned()),
        (Verdict::Revoked, ..) => return Err(REVOKED.to_owned()),
        (Verdict::None, ..) => return Err("a signature without a verdict".to_owned()),
    }
    // Hash algorithms 1, 2 and 3 are MD5, SHA-1 and RIPEMD-160 (RFC 9580, section 9.5).
    if matches!(field(8), "1" | "2" | "3") {
        return Err(WEAK.to_owned());
    }
    if !matches!(field(9), "00" | "01") {
        return Err("it is not the signature of a document".to_owned());
    }
    if made > at.map_or(now.seconds() + CLOCK_SLACK, |at| at.seconds() + SLACK) {
        return Err(LATER.to_owned());
    }
    let primary = Fingerprint::new(field(10)).map_err(|error| error.to_string())?;
    Ok(Signature::new(primary, Some(Timestamp::from_seconds(made))))
}
