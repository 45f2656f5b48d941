//! What every [`Signer`] and [`Verifier`] must do together.

use std::time::Duration;

use super::{Keyring, SignError, Signer, Verified, Verifier, armor};
use crate::{clock::Timestamp, context::Context};

const TEXT: &[u8] = b"Origin: Example\n- a dash\n-----BEGIN nothing\n\nlast line\n";

async fn ring(cx: &Context, signer: &dyn Signer) -> Keyring {
    Keyring::Bytes(signer.public_key(cx).await.expect("the public key is exported"))
}

fn refused(result: &Result<Verified, SignError>) -> bool {
    matches!(result, Err(SignError::NotVerified { .. }))
}

/// A signed text comes back exactly, with the signer's fingerprint.
///
/// # Panics
/// When the pair does not conform.
pub async fn round_trip(signer: &dyn Signer, verifier: &dyn Verifier) {
    let cx = Context::new();
    let keys = ring(&cx, signer).await;
    let fingerprint = signer.fingerprint(&cx).await.expect("the fingerprint is known");
    let signed = signer.clear_sign(&cx, TEXT).await.expect("the text is signed");
    let verified = verifier.verify_clear(&cx, "text", &signed, &keys, None).await.expect("the text is verified");
    assert_eq!(verified.text(), TEXT);
    assert!(verified.signatures().iter().any(|signature| signature.fingerprint == fingerprint));

    let signature = signer.detach_sign(&cx, TEXT).await.expect("the data is signed");
    let verified = verifier.verify_detached(&cx, "data", TEXT, &signature, &keys, None).await;
    let verified = verified.expect("the data is verified");
    assert_eq!(verified.text(), TEXT);
    assert!(verified.signatures().iter().any(|signature| signature.fingerprint == fingerprint));

    let (signature, signed) = signer.sign_release(&cx, TEXT).await.expect("both are signed");
    let verified = verifier.verify_clear(&cx, "text", &signed, &keys, None).await.expect("the text is verified");
    assert_eq!(verified.text(), TEXT);
    let verified = verifier.verify_detached(&cx, "data", TEXT, &signature, &keys, None).await;
    assert_eq!(verified.expect("the data is verified").text(), TEXT);
}

/// Keys may be armored.
///
/// # Panics
/// When the pair does not conform.
pub async fn armored_keys(signer: &dyn Signer, verifier: &dyn Verifier) {
    let cx = Context::new();
    let armored = armor::armor(&signer.public_key(&cx).await.expect("the public key is exported"));
    let embedded: String =
        armored.lines().map(|line| if line.is_empty() { " .\n".to_owned() } else { format!(" {line}\n") }).collect();
    let signed = signer.clear_sign(&cx, TEXT).await.expect("the text is signed");
    for keys in [armored, embedded] {
        let keys = Keyring::Bytes(keys.into_bytes());
        let verified = verifier.verify_clear(&cx, "text", &signed, &keys, None).await;
        assert_eq!(verified.expect("the text is verified").text(), TEXT);
    }
}

/// Changed text, text around the signed part, no signature, and another's key are all refused.
///
/// # Panics
/// When the pair does not conform.
pub async fn forgeries(signer: &dyn Signer, other: &dyn Signer, verifier: &dyn Verifier) {
    let cx = Context::new();
    let keys = ring(&cx, signer).await;
    let signed = signer.clear_sign(&cx, TEXT).await.expect("the text is signed");
    let text = String::from_utf8(signed.clone()).expect("a clear-signed text is text");
    let forged = [
        text.replace("Example", "Exbmple"),
        format!("Origin: Evil\n{text}"),
        format!("{text}Origin: Evil\n"),
        text.replace("last line", "last line\x0c"),
        format!("{text}{text}"),
        String::from_utf8_lossy(TEXT).into_owned(),
        String::new(),
    ];
    for forged in forged {
        let result = verifier.verify_clear(&cx, "text", forged.as_bytes(), &keys, None).await;
        assert!(refused(&result), "{forged:?} gave {result:?}");
    }
    let signature = signer.detach_sign(&cx, TEXT).await.expect("the data is signed");
    assert!(refused(&verifier.verify_detached(&cx, "data", b"other", &signature, &keys, None).await));
    assert!(refused(&verifier.verify_detached(&cx, "data", TEXT, b"", &keys, None).await));

    let others = ring(&cx, other).await;
    assert!(refused(&verifier.verify_clear(&cx, "text", &signed, &others, None).await));
    assert!(refused(&verifier.verify_detached(&cx, "data", TEXT, &signature, &others, None).await));
}

/// A signature holds at and after the time it was made, not before.
///
/// # Panics
/// When the pair does not conform.
pub async fn time(signer: &dyn Signer, verifier: &dyn Verifier) {
    let cx = Context::new();
    let keys = ring(&cx, signer).await;
    let signed = signer.clear_sign(&cx, TEXT).await.expect("the text is signed");
    let signature = signer.detach_sign(&cx, TEXT).await.expect("the data is signed");
    let day = Duration::from_secs(86_400);
    let after = Some(cx.now().after(day));
    let before = Some(Timestamp::from_seconds(cx.now().seconds() - 86_400));
    assert!(verifier.verify_clear(&cx, "text", &signed, &keys, after).await.is_ok());
    assert!(verifier.verify_detached(&cx, "data", TEXT, &signature, &keys, after).await.is_ok());
    assert!(refused(&verifier.verify_clear(&cx, "text", &signed, &keys, before).await));
    assert!(refused(&verifier.verify_detached(&cx, "data", TEXT, &signature, &keys, before).await));
}

/// Something that is not a keyring is an error of the configuration, not a bad signature.
///
/// # Panics
/// When the pair does not conform.
pub async fn broken_keyring(signer: &dyn Signer, verifier: &dyn Verifier) {
    let cx = Context::new();
    let signed = signer.clear_sign(&cx, TEXT).await.expect("the text is signed");
    let result = verifier.verify_clear(&cx, "text", &signed, &Keyring::Bytes(b"no key".to_vec()), None).await;
    assert!(matches!(result, Err(SignError::Keyring { .. })), "{result:?}");
    let result = verifier.verify_clear(&cx, "text", &signed, &Keyring::Files(Vec::new()), None).await;
    assert!(matches!(result, Err(SignError::NoKey(_))), "{result:?}");
}
