//! Unit tests of signing and verifying without tools: armor, status lines, the twins.

use super::{armor::*, status::good_signatures, *};

const NOW: Timestamp = Timestamp::from_seconds(1_000_000);
const FPR: &str = "0123456789ABCDEF0123456789ABCDEF01234567";

fn lines(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("[GNUPG:] {line}\n")).collect()
}

fn valid(made: i64, expires: i64, hash: u8, class: &str) -> String {
    format!("VALIDSIG {FPR} 2025-05-10 {made} {expires} 4 0 22 {hash} {class} {FPR}")
}

#[test]
fn armor_goes_on_and_off() {
    for size in [1, 2, 3, 47, 48, 49, 200] {
        let keys: Vec<u8> = (0..size).map(|n| 0x80 | n as u8).collect();
        let armored = armor(&keys);
        assert_eq!(dearmor(armored.as_bytes()), Ok(keys.clone()), "{size}");
        assert_eq!(dearmor(&keys), Ok(keys.clone()));
        let twice = format!("{armored}\n{armored}");
        assert_eq!(dearmor(twice.as_bytes()), Ok([keys.clone(), keys].concat()));
    }
    assert_eq!(dearmor(b"nothing"), Err(ArmorError::Empty));
    let armored = armor(&[0x99; 60]);
    assert_eq!(dearmor(armored.replace("mZmZ", "mZma").as_bytes()), Err(ArmorError::Checksum));
    assert_eq!(dearmor(armored.replace("-----END", "-----AND").as_bytes()), Err(ArmorError::NoEnd));
    assert!(matches!(dearmor(armored.replace("mZmZ", "m!mZ").as_bytes()), Err(ArmorError::Base64(_))));
}

#[test]
fn status_lines_decide() {
    let good = valid(100, 0, 10, "01");
    let accepted = good_signatures(&lines(&["NEWSIG", "GOODSIG 01 x", &good]), None, NOW).unwrap();
    assert_eq!(accepted[0].fingerprint.as_str(), FPR);
    assert_eq!(accepted[0].made, Some(Timestamp::from_seconds(100)));
    // One unknown key among known ones is how archives change keys.
    let mixed = ["NEWSIG", "ERRSIG 02 1 10 01 1 9 -", "NO_PUBKEY 02", "NEWSIG", "GOODSIG 01 x", &good];
    assert_eq!(good_signatures(&lines(&mixed), None, NOW).unwrap().len(), 1);

    let refused: [(&[&str], &str); 9] = [
        (&["NEWSIG", "BADSIG 01 x"], "changed"),
        (&["NEWSIG", "GOODSIG 01 x", &good, "NEWSIG", "BADSIG 01 x"], "changed"),
        (&["NEWSIG", &good], "verdict"),
        (&["NEWSIG", "GOODSIG 01 x"], "not signed"),
        (&["NEWSIG", "GOODSIG 01 x", &valid(100, 0, 2, "01")], "weak hash"),
        (&["NEWSIG", "GOODSIG 01 x", &valid(100, 0, 10, "10")], "document"),
        (&["NEWSIG", "REVKEYSIG 01 x", &good], "revoked"),
        (&["NEWSIG", "SOMETHING_NEW"], "SOMETHING_NEW"),
        (&["PLAINTEXT 74 0", "PLAINTEXT 74 0", "NEWSIG", "GOODSIG 01 x", &good], "more than one"),
    ];
    for (said, reason) in refused {
        let answer = good_signatures(&lines(said), None, NOW).unwrap_err();
        assert!(answer.contains(reason), "{said:?}: {answer}");
    }
}

#[test]
fn expiry_is_judged_at_the_time_of_the_check() {
    let at = |seconds| Some(Timestamp::from_seconds(seconds));
    let key = lines(&["NEWSIG", "KEYEXPIRED 500", "EXPKEYSIG 01 x", &valid(100, 0, 10, "00")]);
    assert!(good_signatures(&key, None, NOW).unwrap_err().contains("key has expired"));
    assert!(good_signatures(&key, at(500), NOW).is_err());
    assert!(good_signatures(&key, at(499), NOW).is_ok());
    assert!(good_signatures(&key, at(50), NOW).unwrap_err().contains("after the time"));
    let signature = lines(&["NEWSIG", "EXPSIG 01 x", &valid(100, 500, 10, "00")]);
    assert!(good_signatures(&signature, None, NOW).is_err());
    assert!(good_signatures(&signature, at(499), NOW).is_ok());
    // Row 23 of the table of bad inputs: a signature that is dated days ahead.
    let ahead = |seconds| lines(&["NEWSIG", "GOODSIG 01 x", &valid(NOW.seconds() + seconds, 0, 10, "00")]);
    assert!(good_signatures(&ahead(60), None, NOW).is_ok());
    assert!(good_signatures(&ahead(8 * 86_400), None, NOW).unwrap_err().contains("made after the time"));
}

#[cfg(feature = "testing")]
#[tokio::test]
async fn the_twins_conform() {
    let (signer, other, verifier) = (MemorySigner::new("one"), MemorySigner::new("two"), MemoryVerifier::new());
    conformance::round_trip(&signer, &verifier).await;
    conformance::armored_keys(&signer, &verifier).await;
    conformance::forgeries(&signer, &other, &verifier).await;
    conformance::time(&signer, &verifier).await;
    conformance::broken_keyring(&signer, &verifier).await;
}
