//! The ceremonies with the vectors of the standard, and with an authenticator that lies.

use super::*;
use crate::identity::PasskeyError as E;

#[path = "../../../tests/shared/authenticator.rs"]
mod authenticator;

use authenticator::{PRESENT, TestAssertion, TestPasskey};

const URL: &str = "https://id.shop.example";
const CHALLENGE: Challenge = Challenge([7; 32]);

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits.chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn challenge(text: &str) -> Challenge {
    Challenge(unhex(text).try_into().unwrap())
}

/// W3C Web Authentication Level 3 section 16.2, "ES256 Credential with No Attestation".
mod vector {
    pub(super) const MADE_FOR: &str =
        "00c30fb78531c464d2b6771dab8d7b603c01162f2fa486bea70f283ae556e130";
    pub(super) const MADE_CLIENT_DATA: &str = "7b2274797065223a22776562617574686e2e637265617465222c226368616c\
        6c656e6765223a22414d4d507434557878475453746e63647134313759447742466938767049612d7077386f4f755657345441\
        222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73\
        652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206\
        164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a20426b516544\
        6a646354427258426941774a544c453551227d";
    pub(super) const ATTESTATION: &str = "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432\
        958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b559000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f\
        391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4a5010203262001215820afefa16f97ca9b2d23eb86cc\
        b64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e266479\
        6b9220";
    pub(super) const CREDENTIAL: &str =
        "f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4";
    pub(super) const USED_FOR: &str =
        "39c0e7521417ba54d43e8dc95174f423dee9bf3cd804ff6d65c857c9abf4d408";
    pub(super) const USED_CLIENT_DATA: &str = "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765\
        223a224f63446e55685158756c5455506f334a5558543049393770767a7a59425039745a63685879617630314167222c226f7269\
        67696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d";
    pub(super) const AUTHENTICATOR_DATA: &str =
        "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000";
    pub(super) const SIGNATURE: &str = "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd3\
        80221008480ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87";
}

#[test]
fn the_vector_of_the_standard_holds() {
    let party = RelyingParty::of_issuer("https://example.org").unwrap();
    let (client_data, attestation) = (unhex(vector::MADE_CLIENT_DATA), unhex(vector::ATTESTATION));
    let registration = Registration {
        client_data: &client_data,
        attestation: &attestation,
    };
    let (made_for, used_for) = (challenge(vector::MADE_FOR), challenge(vector::USED_FOR));
    let made = registration.verify(&party, &made_for, Verification::Welcome);
    let made = made.unwrap();
    assert_eq!(
        made.id,
        CredentialId::new(&unhex(vector::CREDENTIAL)).unwrap()
    );
    assert_eq!((made.sign_count, made.backup), (0, Backup::Done));
    let strict = registration.verify(&party, &made_for, Verification::Required);
    assert_eq!(strict.unwrap_err(), E::Unverified);
    let other = registration.verify(&party, &used_for, Verification::Welcome);
    assert_eq!(other.unwrap_err(), E::Challenge);

    let (client_data, authenticator_data, signature) = (
        unhex(vector::USED_CLIENT_DATA),
        unhex(vector::AUTHENTICATOR_DATA),
        unhex(vector::SIGNATURE),
    );
    let assertion = Assertion {
        client_data: &client_data,
        authenticator_data: &authenticator_data,
        signature: &signature,
    };
    let state = PasskeyState {
        key: PasskeyKey::parse(made.key.as_bytes()).unwrap(),
        sign_count: 0,
        backup: made.backup,
    };
    let used = assertion.verify(&party, &used_for, Verification::Welcome, &state);
    assert_eq!(used.unwrap().backup, Backup::Done);
    // Each bit of what is signed counts, and each of the signature.
    for position in 0..authenticator_data.len() {
        let mut changed = authenticator_data.clone();
        changed[position] ^= 1;
        let assertion = Assertion {
            authenticator_data: &changed,
            ..assertion
        };
        let used = assertion.verify(&party, &used_for, Verification::Welcome, &state);
        assert!(used.is_err(), "byte {position}");
    }
    for position in 0..signature.len() {
        let mut changed = signature.clone();
        changed[position] ^= 1;
        let assertion = Assertion {
            signature: &changed,
            ..assertion
        };
        let used = assertion.verify(&party, &used_for, Verification::Welcome, &state);
        assert_eq!(used.unwrap_err(), E::Signature, "byte {position}");
    }
}

fn party() -> RelyingParty {
    RelyingParty::of_issuer(URL).unwrap()
}

fn register(passkey: &TestPasskey, kind: &str, attestation: &[u8]) -> Result<NewPasskey, E> {
    let client_data = passkey.client_data(kind, &CHALLENGE.to_text());
    let registration = Registration {
        client_data: &client_data,
        attestation,
    };
    registration.verify(&party(), &CHALLENGE, Verification::Required)
}

fn made(passkey: &TestPasskey) -> Result<NewPasskey, E> {
    register(passkey, "webauthn.create", &passkey.attestation())
}

fn state(passkey: &TestPasskey, sign_count: u32) -> PasskeyState {
    PasskeyState {
        key: PasskeyKey::parse(&passkey.cose()).unwrap(),
        sign_count,
        backup: Backup::Never,
    }
}

fn verify(sent: &TestAssertion, state: &PasskeyState) -> Result<PasskeyUse, E> {
    let assertion = Assertion {
        client_data: &sent.client_data,
        authenticator_data: &sent.authenticator_data,
        signature: &sent.signature,
    };
    assertion.verify(&party(), &CHALLENGE, Verification::Required, state)
}

fn used(passkey: &TestPasskey, sign_count: u32) -> Result<PasskeyUse, E> {
    let sent = passkey.assertion(&CHALLENGE.to_text());
    verify(&sent, &state(passkey, sign_count))
}

#[test]
fn passkeys_of_each_algorithm_are_made_and_used() {
    for passkey in [
        TestPasskey::es256(URL),
        TestPasskey::eddsa(URL),
        TestPasskey::rs256(URL),
    ] {
        let made = made(&passkey).unwrap();
        assert_eq!(made.key.as_bytes(), passkey.cose());
        assert_eq!(made.id.to_text(), passkey.id());
        let sent = passkey.assertion(&CHALLENGE.to_text());
        verify(&sent, &state(&passkey, 0)).unwrap();
        let other = TestPasskey::es256(URL);
        assert_eq!(verify(&sent, &state(&other, 0)), Err(E::Signature));
    }
}

/// What somebody changes of a passkey, and why it is refused then.
type Lie = (fn(&mut TestPasskey), E);

#[test]
fn what_is_for_another_page_or_party_is_refused() {
    let rows: [Lie; 10] = [
        (
            |key| key.origin = "https://id.shop.example.evil.example".to_owned(),
            E::Origin,
        ),
        (
            |key| key.origin = "http://id.shop.example".to_owned(),
            E::Origin,
        ),
        (
            |key| key.origin = "https://id.shop.example:8443".to_owned(),
            E::Origin,
        ),
        (
            |key| key.origin = "https://id.shop.example/".to_owned(),
            E::Origin,
        ),
        (|key| key.party = "shop.example".to_owned(), E::RelyingParty),
        (
            |key| key.said = ",\"topOrigin\":\"https://evil.example\"".to_owned(),
            E::Framed,
        ),
        (
            |key| key.said = ",\"type\":\"webauthn.get\"".to_owned(),
            E::ClientData,
        ),
        (|key| key.flags = PRESENT, E::Unverified),
        (|key| key.flags = 0x04, E::NobodyThere),
        (|key| key.flags |= 0x10, E::AuthenticatorData),
    ];
    for (number, (lie, expected)) in rows.into_iter().enumerate() {
        let mut passkey = TestPasskey::es256(URL);
        lie(&mut passkey);
        assert_eq!(made(&passkey).unwrap_err(), expected, "row {number}");
        assert_eq!(used(&passkey, 0).unwrap_err(), expected, "row {number}");
    }
}

#[test]
fn one_ceremony_is_not_the_other() {
    let passkey = TestPasskey::es256(URL);
    let swapped = register(&passkey, "webauthn.get", &passkey.attestation());
    assert_eq!(swapped.unwrap_err(), E::Ceremony);
    let mut sent = passkey.assertion(&CHALLENGE.to_text());
    sent.client_data = passkey.client_data("webauthn.create", &CHALLENGE.to_text());
    assert_eq!(verify(&sent, &state(&passkey, 0)), Err(E::Ceremony));
    let other = passkey.assertion(&Challenge([8; 32]).to_text());
    assert_eq!(verify(&other, &state(&passkey, 0)), Err(E::Challenge));
    let said = passkey.client_data("webauthn.get", &CHALLENGE.to_text());
    let framed = String::from_utf8(said).unwrap().replace("false", "true");
    sent.client_data = framed.into_bytes();
    assert_eq!(verify(&sent, &state(&passkey, 0)), Err(E::Framed));
}

#[test]
fn a_passkey_that_is_used_attests_no_other() {
    let passkey = TestPasskey::es256(URL);
    let mut sent = passkey.assertion(&CHALLENGE.to_text());
    verify(&sent, &state(&passkey, 0)).unwrap();
    let whole = passkey.attestation();
    sent.authenticator_data = whole[whole.len() - 164..].to_vec();
    sent.signature = passkey.sign(&signed(&sent.authenticator_data, &sent.client_data));
    assert_eq!(
        verify(&sent, &state(&passkey, 0)),
        Err(E::AuthenticatorData)
    );
}

#[test]
fn an_rsa_key_has_2048_bits() {
    let whole = TestPasskey::rs256(URL).cose();
    PasskeyKey::parse(&whole).unwrap();
    for first in [0x00, 0x01, 0x7f] {
        let mut short = whole.clone();
        short[11] = first;
        assert_eq!(PasskeyKey::parse(&short), Err(E::Key), "{first:x}");
    }
}

#[test]
fn the_counter_grows_or_stays_at_zero() {
    let rows = [
        (0, 0, true),
        (0, 1, true),
        (1, 2, true),
        (1, 1, false),
        (2, 1, false),
        (1, 0, false),
    ];
    for (kept, said, expected) in rows {
        let mut passkey = TestPasskey::es256(URL);
        passkey.count = said;
        let used = used(&passkey, kept);
        assert_eq!(used.is_ok(), expected, "{kept} {said}");
        if !expected {
            assert_eq!(used, Err(E::Counter));
        }
    }
}

#[test]
fn whether_a_passkey_can_be_copied_does_not_change() {
    let mut passkey = TestPasskey::es256(URL);
    passkey.flags |= 0x08;
    assert_eq!(made(&passkey).unwrap().backup, Backup::Possible);
    assert_eq!(used(&passkey, 0), Err(E::Backup));
}

#[test]
fn an_attestation_is_whole_and_of_a_known_format() {
    let passkey = TestPasskey::es256(URL);
    let whole = passkey.attestation();
    let replaced = |from: &[u8], to: &[u8]| {
        let start = whole.windows(from.len()).position(|some| some == from);
        let (head, rest) = whole.split_at(start.unwrap());
        [head, to, &rest[from.len()..]].concat()
    };
    let longer = [&whole[..], &[0]].concat();
    let rows = [
        ("nothing", Vec::new()),
        ("cut off", whole[..whole.len() - 1].to_vec()),
        ("something behind", longer),
        ("another format", replaced(b"none", b"nons")),
        (
            "packed without a signature",
            replaced(b"\x64none", b"\x66packed"),
        ),
        (
            "a statement",
            replaced(b"attStmt\xa0", b"attStmt\xa1\x01\x01"),
        ),
        (
            "a fourth member",
            replaced(b"\xa3\x63fmt", b"\xa4\x01\x01\x63fmt"),
        ),
        (
            "an algorithm that was not asked for",
            replaced(&[1, 2, 3, 0x26, 0x20], &[1, 2, 3, 0x27, 0x20]),
        ),
        (
            "a point that is on no curve",
            replaced(&passkey.cose()[10..42], &[0xff; 32]),
        ),
    ];
    for (name, attestation) in rows {
        assert!(
            register(&passkey, "webauthn.create", &attestation).is_err(),
            "{name}"
        );
    }
    let mut nameless = TestPasskey::es256(URL);
    nameless.id.clear();
    assert_eq!(made(&nameless).unwrap_err(), E::CredentialId);
    nameless.id = vec![1; 1023];
    made(&nameless).unwrap();
    nameless.id.push(1);
    assert_eq!(made(&nameless).unwrap_err(), E::CredentialId);
}

#[test]
fn a_passkey_may_vouch_for_itself() {
    let passkey = TestPasskey::es256(URL);
    let whole = passkey.attestation();
    let data = &whole[whole.len() - 164..];
    let client_data = passkey.client_data("webauthn.create", &CHALLENGE.to_text());
    let packed = |signature: &[u8], algorithm: u8| {
        let length = u8::try_from(signature.len()).unwrap();
        let head: &[u8] = b"\xa3\x63fmt\x66packed\x67attStmt\xa2\x63alg";
        let statement = [head, &[algorithm], b"\x63sig\x58", &[length], signature].concat();
        [&statement[..], b"\x68authData\x58", &[164], data].concat()
    };
    let right = passkey.sign(&signed(data, &client_data));
    register(&passkey, "webauthn.create", &packed(&right, 0x26)).unwrap();
    let other = register(&passkey, "webauthn.create", &packed(&right, 0x27));
    assert_eq!(other.unwrap_err(), E::Attestation);
    let wrong = passkey.sign(data);
    let wrong = register(&passkey, "webauthn.create", &packed(&wrong, 0x26));
    assert_eq!(wrong.unwrap_err(), E::Signature);
}

#[test]
fn names_are_one_line() {
    for (name, expected) in [
        (" my phone ", Some("my phone")),
        ("", None),
        ("a\nb", None),
        (&"a".repeat(65), None),
    ] {
        let parsed = PasskeyName::parse(name).ok();
        assert_eq!(parsed.as_ref().map(PasskeyName::as_str), expected, "{name}");
    }
}
