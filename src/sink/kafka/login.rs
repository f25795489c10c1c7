//! Logging in to a broker: SASL with PLAIN (RFC 4616) or SCRAM (RFC 5802, RFC 7677).

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::{digest, hmac, pbkdf2};

use crate::secret::Secret;

/// Rounds that a broker may ask for. Kafka's own default is 4096.
const MOST_ROUNDS: u32 = 1_000_000;

/// How to prove who wstap is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KafkaMechanism {
    Plain,
    ScramSha256,
    #[default]
    ScramSha512,
}

impl KafkaMechanism {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::ScramSha256, Self::ScramSha512];

    /// Its name, as brokers write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }

    /// The mechanism of this name, in large or small letters.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name))
    }
}

/// User, password, and how they are sent.
#[derive(Clone, Debug)]
pub struct KafkaLogin {
    pub user: String,
    pub password: Secret,
    pub mechanism: KafkaMechanism,
}

impl KafkaLogin {
    /// The one message of PLAIN.
    pub(super) fn plain(&self) -> Vec<u8> {
        format!("\0{}\0{}", self.user, self.password.expose()).into_bytes()
    }
}

/// A login with SCRAM: the password is not sent, and the broker proves that it knows it as well.
pub(super) struct Scram<'a> {
    login: &'a KafkaLogin,
    first: String,
    nonce: String,
    /// What the broker has to answer at the end.
    proof: Option<Vec<u8>>,
}

impl<'a> Scram<'a> {
    pub(super) fn new(login: &'a KafkaLogin, nonce: String) -> Self {
        let user = login.user.replace('=', "=3D").replace(',', "=2C");
        Self { login, first: format!("n={user},r={nonce}"), nonce, proof: None }
    }

    pub(super) fn first(&self) -> Vec<u8> {
        format!("n,,{}", self.first).into_bytes()
    }

    /// The proof of the password, for what the broker has asked. `None`: it has asked for something else.
    pub(super) fn answer(&mut self, asked: &[u8]) -> Option<Vec<u8>> {
        let asked = std::str::from_utf8(asked).ok()?;
        let field = |name: &str| asked.split(',').find_map(|field| field.strip_prefix(name));
        let nonce =
            field("r=").filter(|nonce| nonce.len() > self.nonce.len() && nonce.starts_with(&self.nonce))?;
        let salt = BASE64.decode(field("s=")?).ok()?;
        let rounds = field("i=")?.parse().ok().filter(|rounds: &NonZeroU32| rounds.get() <= MOST_ROUNDS)?;
        let (derive, key) = match self.login.mechanism {
            KafkaMechanism::ScramSha256 => (pbkdf2::PBKDF2_HMAC_SHA256, hmac::HMAC_SHA256),
            _ => (pbkdf2::PBKDF2_HMAC_SHA512, hmac::HMAC_SHA512),
        };
        let hash = key.digest_algorithm();
        let mut salted = vec![0; hash.output_len()];
        pbkdf2::derive(derive, rounds, &salt, self.login.password.expose().as_bytes(), &mut salted);
        let sign = |with: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(key, with), text);
        let client = sign(&salted, b"Client Key");
        let last = format!("c=biws,r={nonce}");
        let all = format!("{},{asked},{last}", self.first);
        let signature = sign(digest::digest(hash, client.as_ref()).as_ref(), all.as_bytes());
        let proof: Vec<u8> = client.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        self.proof = Some(sign(sign(&salted, b"Server Key").as_ref(), all.as_bytes()).as_ref().to_vec());
        Some(format!("{last},p={}", BASE64.encode(proof)).into_bytes())
    }

    /// Has the broker proved that it knows the password?
    pub(super) fn is_proved(&self, said: &[u8]) -> bool {
        let said = std::str::from_utf8(said).ok().and_then(|said| said.strip_prefix("v="));
        let said = said.and_then(|said| BASE64.decode(said.split(',').next()?).ok());
        said.is_some() && said == self.proof
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange in RFC 7677 §3.
    #[test]
    fn scram_proves_the_password_both_ways() {
        let login = KafkaLogin {
            user: "user".to_owned(),
            password: Secret::new("pencil"),
            mechanism: KafkaMechanism::ScramSha256,
        };
        let mut scram = Scram::new(&login, "rOprNGfwEbeRWgbNEkqO".to_owned());
        assert_eq!(scram.first(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let asked = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let answer = scram.answer(asked.as_bytes()).unwrap();
        assert_eq!(
            String::from_utf8(answer).unwrap(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(scram.is_proved(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        assert!(!scram.is_proved(b"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        assert!(!scram.is_proved(b"e=other-error"));
        // Neither a nonce of another login nor rounds without end are answered.
        for asked in ["r=other,s=AAAA,i=4096", "r=rOprNGfwEbeRWgbNEkqOx,s=AAAA,i=2000000000", "", "\u{ff}"] {
            assert_eq!(scram.answer(asked.as_bytes()), None, "{asked}");
        }
        let special = KafkaLogin { user: "a=b,c".to_owned(), ..login.clone() };
        assert_eq!(Scram::new(&special, "x".to_owned()).first(), b"n,,n=a=3Db=2Cc,r=x");
        assert_eq!(login.plain(), b"\0user\0pencil");
    }
}
