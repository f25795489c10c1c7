//! A connection to one broker.

use std::io;
use std::ops::RangeInclusive;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};

use super::super::Trouble;
use super::errors::{self, AUTHENTICATION, UNSUPPORTED_MECHANISM};
use super::login::{KafkaLogin, KafkaMechanism, Scram};
use super::messages::{AskVersions, BeginLogin, KafkaRequest, LoginStep};
use super::wire::{WireReader, WireWriter};
use crate::limits;
use crate::net::{Options, Transport, WsUrl, open_bare};

/// How long a broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long a connection may rest. Brokers close one after 10 minutes, and services in front of them earlier.
const REST: Duration = Duration::from_secs(3 * 60);

/// The bytes of a request's length.
const LENGTH: usize = 4;

/// What helps if a login fails.
const LOGIN_HINT: &str = "check KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and the mechanism (?sasl=)";

/// An open connection. After a failure it is of no use.
pub(super) struct KafkaLink {
    stream: Box<dyn Transport>,
    /// The number of the next request.
    next: i32,
    /// When the last answer came.
    used: Instant,
    /// What the broker knows, if it was asked.
    versions: Vec<(i16, RangeInclusive<i16>)>,
}

impl KafkaLink {
    /// Connects and logs in.
    pub(super) async fn open(
        server: &WsUrl,
        options: &Options,
        login: Option<&KafkaLogin>,
    ) -> Result<Self, Trouble> {
        let stream = open_bare(server, options).await.map_err(|failure| Trouble::Away(failure.what))?;
        let versions = vec![(AskVersions::API, AskVersions::VERSIONS)];
        let mut link = Self { stream, next: 0, used: Instant::now(), versions };
        link.versions = link.request(&AskVersions).await?;
        if let Some(login) = login {
            link.log_in(login).await?;
        }
        Ok(link)
    }

    /// Has it rested for so long that the broker may have closed it?
    pub(super) fn is_stale(&self) -> bool {
        self.used.elapsed() > REST
    }

    /// Sends a request, and waits for the answer.
    pub(super) async fn request<R: KafkaRequest>(&mut self, request: &R) -> Result<R::Answer, Trouble> {
        let version = self.version::<R>()?;
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        let mut out = WireWriter::default();
        // Its length is known in the end.
        out.int32(0).int16(R::API).int16(version).int32(number).text("wstap");
        request.write(&mut out);
        let away = |text: String| Trouble::Away(format!("{}: {text}", R::NAME));
        let answer = match timeout(PATIENCE, self.exchange(out.into_bytes())).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                // So does one that expects TLS or a login, without a word.
                return Err(away("the broker closed the connection".to_owned()));
            }
            Ok(Err(error)) => return Err(away(error.to_string())),
            Err(_) => return Err(away(format!("no answer for {} s", PATIENCE.as_secs()))),
        };
        self.used = Instant::now();
        let mut from = WireReader::new(&answer);
        if from.int32() != Some(number) {
            return Err(away("this is not an answer of a Kafka broker".to_owned()));
        }
        R::read(version, &mut from).ok_or_else(|| away("the answer is cut short".to_owned()))
    }

    /// Sends a request, of which the first bytes are for its length.
    async fn exchange(&mut self, mut request: Vec<u8>) -> io::Result<Vec<u8>> {
        let length = u32::try_from(request.len() - LENGTH).map_err(io::Error::other)?;
        request[..LENGTH].copy_from_slice(&length.to_be_bytes());
        self.stream.write_all(&request).await?;
        self.stream.flush().await?;
        let length = self.stream.read_u32().await?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > limits::KAFKA_ANSWER {
            return Err(io::Error::other(format!("an answer of {length} bytes is too large for Kafka")));
        }
        let mut answer = Vec::new();
        (&mut self.stream).take(length as u64).read_to_end(&mut answer).await?;
        if answer.len() < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(answer) }
    }

    /// The highest version that both sides know.
    fn version<R: KafkaRequest>(&self) -> Result<i16, Trouble> {
        let of_broker = self.versions.iter().find(|(api, _)| *api == R::API).map(|(_, versions)| versions);
        let highest = of_broker.map(|versions| (*versions.end()).min(*R::VERSIONS.end()));
        let lowest = of_broker.map(|versions| (*versions.start()).max(*R::VERSIONS.start()));
        highest.filter(|highest| lowest.is_some_and(|lowest| lowest <= *highest)).ok_or_else(|| {
            let [from, to] = [R::VERSIONS.start(), R::VERSIONS.end()];
            let text = format!("the broker does not support {} in a version from {from} to {to}", R::NAME);
            Trouble::Unusable(text, Some("use a broker that is compatible with Apache Kafka 1.0 or newer"))
        })
    }

    async fn log_in(&mut self, login: &KafkaLogin) -> Result<(), Trouble> {
        let name = login.mechanism.name();
        let (error, known) = self.request(&BeginLogin(name)).await?;
        match error {
            0 => {}
            UNSUPPORTED_MECHANISM => {
                let text = format!("the broker does not take {name}, only {}", known.join(", "));
                return Err(Trouble::Unusable(text, Some("choose one with ?sasl=, or KAFKA_SASL_MECHANISM")));
            }
            _ => return Err(Trouble::Away(errors::text(error, ""))),
        }
        if login.mechanism == KafkaMechanism::Plain {
            return self.login_step(login.plain()).await.map(drop);
        }
        let wrong = |text: &str| Trouble::Unusable(format!("{name}: {text}"), None);
        let nonce = rand::generate::<[u8; 18]>(&rand::SystemRandom::new());
        let nonce = nonce.map_err(|_| wrong("cannot get random bytes from the system"))?.expose();
        let mut scram = Scram::new(login, BASE64.encode(nonce));
        let asked = self.login_step(scram.first()).await?;
        let answer = scram.answer(&asked).ok_or_else(|| wrong("the broker's challenge is not valid"))?;
        let said = self.login_step(answer).await?;
        if !scram.is_proved(&said) {
            let text = format!("{name}: the broker has not proved that it knows the password");
            return Err(Trouble::Unusable(text, Some(LOGIN_HINT)));
        }
        Ok(())
    }

    async fn login_step(&mut self, step: Vec<u8>) -> Result<Vec<u8>, Trouble> {
        let (error, words, said) = self.request(&LoginStep(step)).await?;
        match error {
            0 => Ok(said),
            AUTHENTICATION => Err(Trouble::Unusable(errors::text(error, &words), Some(LOGIN_HINT))),
            _ => Err(Trouble::Away(errors::text(error, &words))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::messages::AskTopic;
    use super::*;

    /// Asks a broker that answers with these bytes.
    async fn asked(answer: &[u8]) -> Trouble {
        let (ours, mut theirs) = tokio::io::duplex(1 << 10);
        theirs.write_all(answer).await.unwrap();
        let versions = vec![(AskTopic::API, 0..=13)];
        let mut link = KafkaLink { stream: Box::new(ours), next: 7, used: Instant::now(), versions };
        let asking = link.request(&AskTopic("t"));
        // It hangs up after it was asked.
        let hanging_up = async {
            theirs.read_u32().await.unwrap();
            drop(theirs);
        };
        tokio::join!(asking, hanging_up).0.unwrap_err()
    }

    #[tokio::test]
    async fn an_answer_that_is_too_large_is_not_read() {
        let away = |text: &str| Trouble::Away(format!("Metadata: {text}"));
        let too_large = "an answer of 1213486160 bytes is too large for Kafka";
        assert_eq!(asked(b"HTTP/1.1 400 Bad Request\r\n").await, away(too_large));
        let gone = "the broker closed the connection";
        assert_eq!(asked(&[0, 0, 0, 9, 0, 0]).await, away(gone));
        let cut = [0, 0, 0, 8, 0, 0, 0, 7, 0, 0, 0, 0];
        assert_eq!(asked(&cut).await, away("the answer is cut short"));
        let other = [0, 0, 0, 8, 0, 0, 0, 6, 0, 0, 0, 0];
        assert_eq!(asked(&other).await, away("this is not an answer of a Kafka broker"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_has_rested_is_not_used() {
        let link = KafkaLink {
            stream: Box::new(tokio::io::empty()),
            next: 0,
            used: Instant::now(),
            versions: Vec::new(),
        };
        tokio::time::advance(REST).await;
        assert!(!link.is_stale());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(link.is_stale());
    }

    #[test]
    fn a_broker_that_is_too_old_is_named_as_such() {
        let link = |versions| KafkaLink {
            stream: Box::new(tokio::io::empty()),
            next: 0,
            used: Instant::now(),
            versions: vec![(AskTopic::API, versions)],
        };
        assert_eq!(link(0..=13).version::<AskTopic<'_>>(), Ok(4));
        for versions in [0..=3, 5..=9] {
            let trouble = link(versions).version::<AskTopic<'_>>().unwrap_err();
            assert!(matches!(trouble, Trouble::Unusable(text, _) if text.contains("Metadata")));
        }
        assert!(link(0..=13).version::<BeginLogin<'_>>().is_err());
    }
}
