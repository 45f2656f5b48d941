//! The strict test twins: signatures that hold only for the same key, text and kind, without any tool. Not cryptography.

use async_trait::async_trait;

use super::{
    Fingerprint, Keyring, SignError, Signature, Signer, Verified, Verifier,
    armor::{self, decode, encode},
    frame,
};
use crate::{
    blocking,
    clock::Timestamp,
    context::Context,
    digest::{KeyHasher, Sha256},
    path::IoResultExt as _,
};

const CLEAR: &str = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n";
const BEGIN: &str = "-----BEGIN PGP SIGNATURE-----\n\n";
const END: &str = "-----END PGP SIGNATURE-----\n";
/// What a twin's public key begins with: an OpenPGP packet tag, then a mark of its own.
const MARK: &[u8] = b"\x99twin";
const KEY_SIZE: usize = MARK.len() + 20;

/// Signs with a key that is derived from a name.
#[derive(Debug, Clone)]
pub struct MemorySigner {
    id: [u8; 20],
}

impl MemorySigner {
    /// The key of this name; the same name gives the same key.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut id = [0; 20];
        id.copy_from_slice(&Sha256::of(name.as_bytes()).as_bytes()[..20]);
        Self { id }
    }

    fn signature(&self, cx: &Context, kind: &str, text: &[u8]) -> String {
        let made = cx.now().seconds();
        let mut bytes = self.id.to_vec();
        bytes.extend(made.to_be_bytes());
        bytes.extend(seal(&self.id, kind, made, text).as_bytes());
        format!("{BEGIN}{}\n{END}", encode(&bytes))
    }
}

fn seal(id: &[u8; 20], kind: &str, made: i64, text: &[u8]) -> Sha256 {
    let mut key = KeyHasher::new("twin signature");
    key.part("key", id).part("kind", kind).part("made", made.to_be_bytes()).part("text", text);
    key.finish()
}

#[async_trait]
impl Signer for MemorySigner {
    async fn public_key(&self, _: &Context) -> Result<Vec<u8>, SignError> {
        Ok([MARK, &self.id].concat())
    }

    async fn fingerprints(&self, _: &Context) -> Result<Vec<Fingerprint>, SignError> {
        Ok(vec![Fingerprint::new(&hex::encode(self.id))?])
    }

    async fn clear_sign(&self, cx: &Context, text: &[u8]) -> Result<Vec<u8>, SignError> {
        cx.cancel().check()?;
        let mut signed = CLEAR.as_bytes().to_vec();
        let body = canonical(text);
        for line in body.split_inclusive(|byte| *byte == b'\n') {
            if line.starts_with(b"-") {
                signed.extend(b"- ");
            }
            signed.extend(line);
        }
        signed.extend(self.signature(cx, "clear", &body).bytes());
        Ok(signed)
    }

    async fn detach_sign(&self, cx: &Context, data: &[u8]) -> Result<Vec<u8>, SignError> {
        cx.cancel().check()?;
        Ok(self.signature(cx, "detached", data).into_bytes())
    }
}

/// Lines without trailing blanks, the last one ended: what a clear-signed text vouches for (RFC 9580, section 7.2).
fn canonical(text: &[u8]) -> Vec<u8> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.split(|byte| *byte == b'\n').flat_map(|line| [line.trim_ascii_end(), b"\n"].concat()).collect()
}

/// Checks what [`MemorySigner`] signed.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemoryVerifier;

impl MemoryVerifier {
    /// The twin; it has no state.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

async fn ids(keys: &Keyring) -> Result<Vec<[u8; 20]>, SignError> {
    let keys = keys.clone();
    let wrong = |what: &str, reason: String| SignError::Keyring { what: what.to_owned(), reason };
    blocking::run(move || {
        let sources = match keys {
            Keyring::Bytes(bytes) => vec![("an embedded key".to_owned(), bytes)],
            Keyring::Files(files) if files.is_empty() => {
                return Err(SignError::NoKey("the keyring names no files".to_owned()));
            }
            Keyring::Files(files) => files
                .iter()
                .map(|file| Ok((file.to_string(), std::fs::read(file).at("read", file)?)))
                .collect::<Result<_, SignError>>()?,
        };
        let mut ids = Vec::new();
        for (what, bytes) in sources {
            let binary = armor::dearmor(&bytes).map_err(|error| wrong(&what, error.to_string()))?;
            for key in binary.chunks(KEY_SIZE) {
                let id = key.strip_prefix(MARK).and_then(|id| id.try_into().ok());
                ids.push(id.ok_or_else(|| wrong(&what, "it is not a key of the test twin".to_owned()))?);
            }
        }
        Ok(ids)
    })
    .await
}

async fn check(
    kind: &str,
    text: &[u8],
    signature: &[u8],
    keys: &Keyring,
    at: Timestamp,
) -> Result<Result<Signature, &'static str>, SignError> {
    let known = ids(keys).await?;
    let signature = String::from_utf8_lossy(signature).into_owned();
    let body = signature.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)).map(str::trim_end);
    let Some(bytes) = body.and_then(|body| decode(body).ok()).filter(|bytes| bytes.len() == 60) else {
        return Ok(Err("it is not signed"));
    };
    let (mut id, mut made) = ([0; 20], [0; 8]);
    id.copy_from_slice(&bytes[..20]);
    made.copy_from_slice(&bytes[20..28]);
    let made = i64::from_be_bytes(made);
    Ok(if !known.contains(&id) {
        Err("signed by a key that is not in the keyring")
    } else if seal(&id, kind, made, text).as_bytes() != &bytes[28..] {
        Err("the text was changed after it was signed")
    } else if made > at.seconds() + 10 {
        Err("the signature was made after the time it is checked at")
    } else {
        Ok(Signature::new(Fingerprint::new(&hex::encode(id))?, Some(Timestamp::from_seconds(made))))
    })
}

#[async_trait]
impl Verifier for MemoryVerifier {
    async fn verify_clear(
        &self,
        cx: &Context,
        what: &str,
        signed: &[u8],
        keys: &Keyring,
        at: Option<Timestamp>,
    ) -> Result<Verified, SignError> {
        cx.cancel().check()?;
        frame::check(what, signed)?;
        let refuse = |reason: &str| SignError::NotVerified { what: what.to_owned(), reason: reason.to_owned() };
        let signed = std::str::from_utf8(signed).map_err(|_| refuse("it is not UTF-8"))?;
        let body = signed.strip_prefix(CLEAR).ok_or_else(|| refuse("it is not signed"))?;
        let begin = body.rfind(BEGIN).ok_or_else(|| refuse("it is not signed"))?;
        let (body, signature) = body.split_at(begin);
        let lines = body.split_inclusive('\n').map(|line| line.strip_prefix("- ").unwrap_or(line));
        let text = lines.collect::<String>().into_bytes();
        match check("clear", &text, signature.as_bytes(), keys, at.unwrap_or_else(|| cx.now())).await? {
            Ok(signature) => Ok(Verified::vouch(text, vec![signature])),
            Err(reason) => Err(refuse(reason)),
        }
    }

    async fn verify_detached(
        &self,
        cx: &Context,
        what: &str,
        data: &[u8],
        signature: &[u8],
        keys: &Keyring,
        at: Option<Timestamp>,
    ) -> Result<Verified, SignError> {
        cx.cancel().check()?;
        match check("detached", data, signature, keys, at.unwrap_or_else(|| cx.now())).await? {
            Ok(signature) => Ok(Verified::vouch(data.to_vec(), vec![signature])),
            Err(reason) => Err(SignError::NotVerified { what: what.to_owned(), reason: reason.to_owned() }),
        }
    }
}
