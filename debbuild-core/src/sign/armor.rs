//! ASCII armor of public keys (RFC 9580, section 6): gpgv reads only binary keyrings, `Signed-By` may hold either.

const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const END: &str = "-----END PGP PUBLIC KEY BLOCK-----";
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Why armor could not be taken off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArmorError {
    /// Nothing is there.
    #[error("no OpenPGP key in it")]
    Empty,
    /// A block has no end line.
    #[error("an armored key block has no end")]
    NoEnd,
    /// A line is not base64.
    #[error("an armored key block has a line that is not base64: {0:?}")]
    Base64(String),
    /// The checksum of a block is wrong.
    #[error("an armored key block has a wrong checksum")]
    Checksum,
}

/// Keys in binary form, whether they come binary or as one or more armored blocks (also indented, with ` .` for
/// empty lines, as deb822 fields embed them).
///
/// # Errors
/// [`ArmorError`].
pub fn dearmor(keys: &[u8]) -> Result<Vec<u8>, ArmorError> {
    // The first octet of every OpenPGP packet has its high bit set; a keybox file begins with its blob length (0).
    if keys.first().is_some_and(|first| first & 0x80 != 0 || *first == 0) {
        return Ok(keys.to_vec());
    }
    let text = String::from_utf8_lossy(keys);
    let mut lines = text.lines().map(str::trim);
    let mut binary = Vec::new();
    // `take_while` below eats the end line, so only the text itself can say whether there was one.
    if text.matches(BEGIN).count() != text.matches(END).count() {
        return Err(ArmorError::NoEnd);
    }
    while lines.by_ref().any(|line| line == BEGIN) {
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != END).collect();
        binary.extend(block_content(&block)?);
    }
    if binary.is_empty() { Err(ArmorError::Empty) } else { Ok(binary) }
}

fn block_content(lines: &[&str]) -> Result<Vec<u8>, ArmorError> {
    let is_header = |line: &&&str| line.contains(": ") || line.is_empty() || **line == ".";
    let mut content = Vec::new();
    let mut checksum = None;
    for line in lines.iter().skip_while(is_header).filter(|line| !line.is_empty()) {
        match line.strip_prefix('=') {
            Some(sum) if sum.len() == 4 => checksum = Some(decode(sum)?),
            _ => content.extend(decode(line)?),
        }
    }
    match checksum {
        Some(sum) if sum != crc24(&content).to_be_bytes()[1..] => Err(ArmorError::Checksum),
        _ => Ok(content),
    }
}

/// A binary keyring as one armored block.
#[must_use]
pub fn armor(keys: &[u8]) -> String {
    let mut text = format!("{BEGIN}\n\n");
    for chunk in keys.chunks(48) {
        text.push_str(&encode(chunk));
        text.push('\n');
    }
    text.push_str(&format!("={}\n{END}\n", encode(&crc24(keys).to_be_bytes()[1..])));
    text
}

/// Base64 with padding.
#[must_use]
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let octet = |index: usize| chunk.get(index).copied().map_or(0, u32::from);
        let word = octet(0) << 16 | octet(1) << 8 | octet(2);
        for position in 0..4 {
            if position <= chunk.len() {
                text.push(char::from(ALPHABET[(word >> (18 - 6 * position) & 63) as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

/// The bytes of one whole base64 text with padding.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, ArmorError> {
    let wrong = || ArmorError::Base64(text.to_owned());
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return Err(wrong());
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut word, mut bits) = (0_u32, 0);
    for digit in digits.bytes() {
        let value = ALPHABET.iter().position(|known| *known == digit).ok_or_else(wrong)?;
        word = word << 6 | u32::try_from(value).unwrap_or(0);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits & 0xff) as u8);
        }
    }
    Ok(bytes)
}

/// The checksum of RFC 9580, section 6.1.
fn crc24(bytes: &[u8]) -> u32 {
    let mut crc = 0x00b7_04ce_u32;
    for byte in bytes {
        crc ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x0100_0000 != 0 {
                crc ^= 0x0186_4cfb;
            }
        }
    }
    crc & 0x00ff_ffff
}
