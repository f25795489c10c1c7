//! Hashes and signatures, which some providers want of a client, and the time in milliseconds that goes into them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jaq_core::native::{Filter, bome, v};
use jaq_core::{RunPtr, ValR};

use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use ring::{digest, hmac};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;

use super::natives::EngineTypes;
use super::strings::raw;
use super::value::{Error, Val};
use crate::clock;
use crate::text::hex;

pub(super) fn filters() -> Box<[Filter<RunPtr<EngineTypes>>]> {
    Box::new([
        ("sha256", v(0), |cv| {
            bome(spelled(digest::digest(&digest::SHA256, raw(&cv.1).as_bytes()).as_ref(), None))
        }),
        ("sha256", v(1), |mut cv| {
            let spelling = cv.0.pop_var();
            bome(spelled(digest::digest(&digest::SHA256, raw(&cv.1).as_bytes()).as_ref(), Some(&spelling)))
        }),
        ("hmac_sha256", v(1), |mut cv| {
            let key = cv.0.pop_var();
            bome(hmac_of(hmac::HMAC_SHA256, &cv.1, &key, None))
        }),
        ("hmac_sha256", v(2), |mut cv| {
            let spelling = cv.0.pop_var();
            let key = cv.0.pop_var();
            bome(hmac_of(hmac::HMAC_SHA256, &cv.1, &key, Some(&spelling)))
        }),
        ("hmac_sha512", v(1), |mut cv| {
            let key = cv.0.pop_var();
            bome(hmac_of(hmac::HMAC_SHA512, &cv.1, &key, None))
        }),
        ("hmac_sha512", v(2), |mut cv| {
            let spelling = cv.0.pop_var();
            let key = cv.0.pop_var();
            bome(hmac_of(hmac::HMAC_SHA512, &cv.1, &key, Some(&spelling)))
        }),
        ("base64url", v(0), |cv| bome(Ok(Val::from(URL_SAFE_NO_PAD.encode(raw(&cv.1)))))),
        ("jwt_sign", v(2), |mut cv| {
            let header = cv.0.pop_var();
            let key = cv.0.pop_var();
            bome(token(&cv.1, &key, &header))
        }),
        ("now_ms", v(0), |_| bome(Ok(Val::from(clock::now().as_millisecond() as isize)))),
    ])
}

/// Bytes as text: `hex` unless it is said otherwise.
fn spelled(bytes: &[u8], spelling: Option<&Val>) -> ValR<Val> {
    let name = spelling.map_or_else(|| "hex".to_owned(), raw);
    match name.as_str() {
        "hex" => Ok(Val::from(hex(bytes))),
        "base64" => Ok(Val::from(STANDARD.encode(bytes))),
        "base64url" => Ok(Val::from(URL_SAFE_NO_PAD.encode(bytes))),
        other => Err(Error::str(format!("unknown spelling {other} (expected hex, base64 or base64url)"))),
    }
}

fn key_text(key: &Val) -> Result<String, Error> {
    match key {
        Val::Str(text) => Ok((**text).to_owned()),
        // Its value is a credential perhaps.
        other => Err(Error::str(format!("the key must be a string, not {}", other.kind()))),
    }
}

fn hmac_of(algorithm: hmac::Algorithm, input: &Val, key: &Val, spelling: Option<&Val>) -> ValR<Val> {
    let key = hmac::Key::new(algorithm, key_text(key)?.as_bytes());
    spelled(hmac::sign(&key, raw(input).as_bytes()).as_ref(), spelling)
}

/// A JSON Web Token (RFC 7515, compact serialization) of these claims.
fn token(claims: &Val, key: &Val, header: &Val) -> ValR<Val> {
    let Val::Obj(fields) = header else { return Err(Error::str("the header of a token must be an object")) };
    let part = |value: &Val| URL_SAFE_NO_PAD.encode(value.text());
    let signed = format!("{}.{}", part(header), part(claims));
    let key = key_text(key)?;
    let algorithm = fields.get("alg").map(raw).unwrap_or_default();
    let signature = match algorithm.as_str() {
        "HS256" => hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), signed.as_bytes())
            .as_ref()
            .to_vec(),
        "ES256" => ecdsa(&key, signed.as_bytes())?,
        "EdDSA" => ed25519(&key, signed.as_bytes())?,
        other => return Err(Error::str(format!("unknown alg {other} (expected HS256, ES256 or EdDSA)"))),
    };
    Ok(Val::from(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

/// The key of a PEM text. In a variable of the environment, its line breaks may be written as `\n`.
fn pem(text: &str) -> Option<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(text.replace("\\n", "\n").as_bytes()).ok()
}

fn ecdsa(key: &str, message: &[u8]) -> Result<Vec<u8>, Error> {
    let unusable = || Error::str("the key is not a P-256 private key in PEM");
    let der = match pem(key).ok_or_else(unusable)? {
        PrivateKeyDer::Pkcs8(der) => der.secret_pkcs8_der().to_vec(),
        PrivateKeyDer::Sec1(der) => sec1_as_pkcs8(der.secret_sec1_der()),
        _ => return Err(unusable()),
    };
    let random = SystemRandom::new();
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der, &random).map_err(|_| unusable())?;
    let signature = pair.sign(&random, message).map_err(|_| Error::str("cannot sign"))?;
    Ok(signature.as_ref().to_vec())
}

/// An `EC PRIVATE KEY` of P-256 (RFC 5915) as a `PRIVATE KEY` (RFC 5208).
fn sec1_as_pkcs8(key: &[u8]) -> Vec<u8> {
    // Version 0; id-ecPublicKey with prime256v1.
    const HEAD: &[u8] = &[
        0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
        0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
    ];
    let tagged = |tag: u8, content: &[u8]| {
        let length = content.len();
        let mut der = match length {
            0..0x80 => vec![tag, length as u8],
            0x80..0x100 => vec![tag, 0x81, length as u8],
            _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
        };
        der.extend_from_slice(content);
        der
    };
    tagged(0x30, &[HEAD, &tagged(0x04, key)].concat())
}

fn ed25519(key: &str, message: &[u8]) -> Result<Vec<u8>, Error> {
    let unusable = || Error::str("the key is not an Ed25519 private key in PEM or base64");
    let pair = match pem(key) {
        Some(PrivateKeyDer::Pkcs8(der)) => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()),
        Some(_) => return Err(unusable()),
        None => {
            let bytes = STANDARD.decode(key.trim()).map_err(|_| unusable())?;
            // Some give the seed alone, others the public key behind it.
            let seed = bytes.get(..32).filter(|_| matches!(bytes.len(), 32 | 64)).ok_or_else(unusable)?;
            Ed25519KeyPair::from_seed_unchecked(seed)
        }
    };
    Ok(pair.map_err(|_| unusable())?.sign(message).as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::super::{Program, Value, Vars};
    use super::*;

    fn run(source: &str) -> Result<String, String> {
        let program = Program::compile("x", source, &Vars::default()).unwrap();
        let mut output = String::new();
        let end = program.run(&Value::null(), &mut |value| {
            output = value.text();
            ControlFlow::Continue(())
        });
        end.map(|()| output).map_err(|error| error.to_string())
    }

    #[test]
    fn hashes_are_those_of_the_standards() {
        // FIPS 180-2 B.1, RFC 4231 test case 2.
        assert_eq!(
            run(r#""abc" | sha256"#).unwrap(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(
            run(r#""abc" | sha256("base64")"#).unwrap(),
            "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
        );
        let message = r#""what do ya want for nothing?""#;
        assert_eq!(
            run(&format!(r#"{message} | hmac_sha256("Jefe")"#)).unwrap(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            run(&format!(r#"{message} | hmac_sha256("Jefe"; "base64")"#)).unwrap(),
            "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="
        );
        assert!(
            run(&format!(r#"{message} | hmac_sha512("Jefe")"#))
                .unwrap()
                .starts_with("164b7a7bfcf819e2e395fbe73b56e0a3")
        );
        assert_eq!(run(r#""a?>~" | base64url"#).unwrap(), "YT8-fg");
        assert!(run("1 | hmac_sha256(null)").unwrap_err().contains("the key must be a string"));
        assert!(run(r#""a" | sha256("x")"#).unwrap_err().contains("hex, base64 or base64url"));
        assert!(run("now_ms").unwrap().parse::<u64>().unwrap() > 1_700_000_000_000);
    }

    #[test]
    fn tokens_are_signed() {
        // The claims and key of jwt.io's example.
        let token = run(
            r#"{sub: "1234567890", name: "John Doe", iat: 1516239022} | jwt_sign("your-256-bit-secret"; {alg: "HS256", typ: "JWT"})"#,
        );
        assert_eq!(
            token.unwrap(),
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
        );
        assert!(run(r#"{} | jwt_sign("k"; {alg: "none"})"#).unwrap_err().contains("HS256"));
        assert!(run(r#"{} | jwt_sign("k"; {alg: "ES256"})"#).unwrap_err().contains("P-256"));
        assert!(run(r#"{} | jwt_sign("k"; {alg: "EdDSA"})"#).unwrap_err().contains("Ed25519"));
    }

    #[test]
    fn tokens_are_signed_with_key_pairs() {
        use ring::signature::{ECDSA_P256_SHA256_FIXED, ED25519, KeyPair as _, UnparsedPublicKey};
        let random = SystemRandom::new();
        let check =
            |token: &str, algorithm: &'static dyn ring::signature::VerificationAlgorithm, public: &[u8]| {
                let (signed, signature) = token.rsplit_once('.').unwrap();
                let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
                UnparsedPublicKey::new(algorithm, public).verify(signed.as_bytes(), &signature).unwrap();
            };
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap();
        // What follows the head of the PKCS#8 is the key as RFC 5915 has it.
        let sec1 =
            &pkcs8.as_ref()[pkcs8.as_ref().windows(2).position(|two| two == [0x04, 0x6d]).unwrap() + 2..];
        for (label, der) in [("PRIVATE KEY", pkcs8.as_ref()), ("EC PRIVATE KEY", sec1)] {
            let pem =
                format!("-----BEGIN {label}-----\\n{}\\n-----END {label}-----\\n", STANDARD.encode(der));
            let token =
                run(&format!(r#"{{}} | jwt_sign({}; {{alg: "ES256"}})"#, serde_json::json!(pem))).unwrap();
            check(&token, &ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref());
        }
        let seed = [7; 32];
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let token =
            run(&format!(r#"{{}} | jwt_sign("{}"; {{alg: "EdDSA"}})"#, STANDARD.encode(seed))).unwrap();
        check(&token, &ED25519, pair.public_key().as_ref());
    }
}
