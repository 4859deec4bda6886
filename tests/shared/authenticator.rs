//! An authenticator in software: makes passkeys and uses them, and lies where a test wants it to.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub(crate) const PRESENT: u8 = 0x01;
pub(crate) const VERIFIED: u8 = 0x04;

/// A passkey on a device, and what the device and the browser around it say.
pub(crate) struct TestPasskey {
    key: TestKey,
    pub(crate) id: Vec<u8>,
    /// The origin of the page.
    pub(crate) origin: String,
    /// The relying party.
    pub(crate) party: String,
    pub(crate) flags: u8,
    pub(crate) count: u32,
    /// Further members of the client data, with a comma in front.
    pub(crate) said: String,
}

enum TestKey {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

/// What a browser sends.
pub(crate) struct TestAssertion {
    pub(crate) client_data: Vec<u8>,
    pub(crate) authenticator_data: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

impl TestPasskey {
    pub(crate) fn es256(url: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        Self::with(TestKey::Es256(key), url)
    }

    pub(crate) fn eddsa(url: &str) -> Self {
        Self::with(TestKey::EdDsa(Ed25519KeyPair::generate().unwrap()), url)
    }

    pub(crate) fn rs256(url: &str) -> Self {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        Self::with(TestKey::Rs256(key), url)
    }

    fn with(key: TestKey, url: &str) -> Self {
        let mut id = vec![0; 32];
        aws_lc_rs::rand::fill(&mut id).unwrap();
        let (_, authority) = url.split_once("://").unwrap();
        let party = authority.split(':').next().unwrap().to_owned();
        Self {
            key,
            id,
            origin: url.to_owned(),
            party,
            flags: PRESENT | VERIFIED,
            count: 0,
            said: String::new(),
        }
    }

    pub(crate) fn id(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.id)
    }

    pub(crate) fn client_data(&self, kind: &str, challenge: &str) -> Vec<u8> {
        let (origin, said) = (&self.origin, &self.said);
        format!(
            "{{\"type\":\"{kind}\",\"challenge\":\"{challenge}\",\"origin\":\"{origin}\",\
             \"crossOrigin\":false{said}}}"
        )
        .into_bytes()
    }

    /// `COSE_Key`.
    pub(crate) fn cose(&self) -> Vec<u8> {
        match &self.key {
            TestKey::Es256(key) => {
                let point = key.public_key().as_ref();
                let head: &[u8] = &[0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
                [head, &point[1..33], &[0x22, 0x58, 0x20], &point[33..]].concat()
            }
            TestKey::EdDsa(key) => {
                let head: &[u8] = &[0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];
                [head, key.public_key().as_ref()].concat()
            }
            TestKey::Rs256(key) => {
                // PKCS #1: the head of the sequence and of an integer with a leading zero.
                let modulus = &key.public_key().as_ref()[9..265];
                let head: &[u8] = &[
                    0xa4, 0x01, 0x03, 0x03, 0x39, 0x01, 0x00, 0x20, 0x59, 0x01, 0x00,
                ];
                [head, modulus, &[0x21, 0x43, 0x01, 0x00, 0x01]].concat()
            }
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            TestKey::Es256(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            TestKey::EdDsa(key) => key.sign(message).as_ref().to_vec(),
            TestKey::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .unwrap();
                signature
            }
        }
    }

    fn head(&self, more_flags: u8) -> Vec<u8> {
        let party = digest(&SHA256, self.party.as_bytes());
        let flags = [self.flags | more_flags];
        [party.as_ref(), &flags, &self.count.to_be_bytes()].concat()
    }

    /// The attestation object of a new passkey.
    pub(crate) fn attestation(&self) -> Vec<u8> {
        let length = u16::try_from(self.id.len()).unwrap().to_be_bytes();
        let data = [
            &self.head(0x40),
            &[0; 16][..],
            &length,
            &self.id,
            &self.cose(),
        ]
        .concat();
        let head: &[u8] = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData";
        // As short as it can be.
        let length = if let Ok(length) = u8::try_from(data.len()) {
            vec![0x58, length]
        } else {
            let length = u16::try_from(data.len()).unwrap().to_be_bytes();
            [&[0x59], &length[..]].concat()
        };
        [head, &length, &data].concat()
    }

    pub(crate) fn assertion(&self, challenge: &str) -> TestAssertion {
        let client_data = self.client_data("webauthn.get", challenge);
        let authenticator_data = self.head(0);
        let hash = digest(&SHA256, &client_data);
        TestAssertion {
            signature: self.sign(&[&authenticator_data, hash.as_ref()].concat()),
            client_data,
            authenticator_data,
        }
    }
}
