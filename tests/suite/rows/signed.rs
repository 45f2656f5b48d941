//! Rows 16 to 19: what a signature does not cover.

use debbuild_core::{
    context::Context,
    control::{SourceControl, signed_text},
    sign::{Fingerprint, Keyring, MemorySigner, MemoryVerifier, Signature, Signer as _, Verified, Verifier as _},
};

use super::{packages::DSC, refused};

fn block(text: &str) -> String {
    format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{text}\n-----BEGIN PGP SIGNATURE-----\n\nabc=\n-----END PGP SIGNATURE-----\n"
    )
}

#[test]
fn row_16_two_paragraphs() {
    refused(SourceControl::from_unverified(format!("{DSC}\n{DSC}").as_bytes()), "expected one paragraph, found 2");
}

#[test]
fn row_17_text_around_the_signed_block() {
    refused(signed_text(format!("Version: 9\n{}", block(DSC)).as_bytes()), "text before the signed block");
    refused(signed_text(format!("{}Version: 9\n", block(DSC)).as_bytes()), "text after the signed block");
}

#[test]
fn row_18_two_blocks_nested_armor_and_dashes() {
    refused(signed_text(format!("{}{}", block(DSC), block(DSC)).as_bytes()), "text after the signed block");
    refused(signed_text(block(&block(DSC)).as_bytes()), "armor inside the signed block");
    let dashed = block(&DSC.replace("Binary:", "- Binary:"));
    let source = SourceControl::from_unverified(dashed.as_bytes()).unwrap();
    assert_eq!(source.binaries.len(), 1, "the dash is the armor's");
}

#[tokio::test]
async fn row_18_only_what_the_verifier_vouches_for_is_read() {
    let (cx, signer, verifier) = (Context::new(), MemorySigner::new("one"), MemoryVerifier::new());
    let keys = Keyring::Bytes(signer.public_key(&cx).await.unwrap());
    let signed = signer.clear_sign(&cx, DSC.as_bytes()).await.unwrap();
    let verified = verifier.verify_clear(&cx, "the .dsc", &signed, &keys, None).await.unwrap();
    assert_eq!(SourceControl::from_verified(&verified).unwrap().source.as_str(), "hello");
    let twice = [&signed[..], &signed[..]].concat();
    refused(verifier.verify_clear(&cx, "the .dsc", &twice, &keys, None).await, "the .dsc");
}

#[test]
fn row_19_control_characters_inside_the_signed_text() {
    for sign in ['\x0c', '\x1b', '\x08'] {
        let text = DSC.replace("Maintainer: A", &format!("X-Note: a{sign}b\nMaintainer: A"));
        refused(SourceControl::from_unverified(text.as_bytes()), "control character");
        let key = Fingerprint::new(&"A".repeat(40)).unwrap();
        let verified = Verified::vouch(text.into_bytes(), vec![Signature::new(key, None)]);
        refused(SourceControl::from_verified(&verified), "control character");
    }
}
