//! Delivery as a part of commands: the sinks that options name, from their start to their end.

use std::sync::Arc;

use super::Context;
use crate::cli::options::SessionArgs;
use crate::config::session::back_off;
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::pipeline::output::Output;
use crate::report::Report;
use crate::secret::Place;
use crate::sink::command::CommandStore;
use crate::sink::dead_letter::DeadLetters;
use crate::sink::place::BrokerUrl;
use crate::sink::several::Several;
use crate::sink::{self, LineStore, SinkHandle, SinkSetup};

/// How sinks start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Starting {
    /// The first broker keeps the cursor.
    pub(super) keeps_cursor: bool,
    /// The first attempt to connect is repeated, too.
    pub(super) patient: bool,
}

/// The sinks of a run. There may be none.
#[derive(Default)]
pub(super) struct Sinks {
    outputs: Vec<Box<dyn Output>>,
    handles: Vec<SinkHandle>,
    /// The cursor that is kept in the first broker, if it is kept there.
    pub(super) cursor: Option<String>,
}

impl Sinks {
    /// Starts the sinks, and waits until all of them are connected.
    ///
    /// # Errors
    /// If one cannot be connected to, or the file of dead letters cannot be opened.
    pub(super) async fn start(args: &SessionArgs, how: Starting, context: &Context<'_>) -> Result<Self> {
        let (delivery, report) = (&args.delivery, context.report);
        if how.keeps_cursor && delivery.to.is_empty() {
            return Err(Failure::usage("--cursor-in-sink needs --to"));
        }
        if !delivery.has_sinks() {
            return Ok(Self::default());
        }
        let mut stores: Vec<(String, Box<dyn LineStore>)> = Vec::new();
        for text in &delivery.to {
            let url = BrokerUrl::parse(text)?;
            url.user.iter().for_each(|(user, password)| {
                report.secrets().add_user(user, password, Place::Arguments);
            });
            let keeps_cursor = how.keeps_cursor && stores.is_empty();
            stores.push((url.to_string(), broker(url, args, keeps_cursor, context)?));
        }
        let with_key = delivery.to_key.is_some();
        for line in &delivery.to_cmd {
            let store = CommandStore::new(line, with_key, report.clone());
            stores.push((format!("--to-cmd '{line}'"), Box::new(store)));
        }
        let dead_letters = dead_letters(args, report)?;
        let mut started = Self::default();
        for (name, store) in stores {
            let (mut reconnect, dead_letters) = (back_off(args), dead_letters.clone());
            reconnect.first_too |= how.patient;
            let setup = SinkSetup { name, store, reconnect, dead_letters, report: report.clone() };
            let sink = sink::start(setup).await?;
            started.outputs.push(Box::new(sink.output));
            started.handles.push(sink.handle);
            started.cursor = started.cursor.or(sink.cursor);
        }
        Ok(started)
    }

    /// What the pipeline writes to: the sinks, and `lines` beside them if both are wanted.
    pub(super) fn output(&mut self, lines: Option<Box<dyn Output>>) -> Box<dyn Output> {
        let mut outputs = std::mem::take(&mut self.outputs);
        outputs.extend(lines);
        match outputs.len() {
            1 => outputs.remove(0),
            _ => Box::new(Several::new(outputs)),
        }
    }

    /// Waits until the sinks have ended.
    pub(super) async fn finish(self) {
        for handle in self.handles {
            handle.finish().await;
        }
    }
}

fn dead_letters(args: &SessionArgs, report: &Report) -> Result<Option<Arc<DeadLetters>>> {
    let Some(path) = args.delivery.dead_letter.as_deref() else { return Ok(None) };
    let failed =
        |error| Failure::system(Exit::OutputFailed, format!("--dead-letter {}", path.display()), &error);
    DeadLetters::open(path, report.clone()).map(|letters| Some(Arc::new(letters))).map_err(failed)
}

/// The store of a broker. Credentials that the URL does not have come from the environment, by the names that the
/// broker's own clients use.
#[cfg(feature = "brokers")]
fn broker(
    url: BrokerUrl,
    args: &SessionArgs,
    cursor: bool,
    context: &Context<'_>,
) -> Result<Box<dyn LineStore>> {
    use crate::sink::kafka::KafkaStore;
    use crate::sink::nats::NatsStore;
    use crate::sink::place::BrokerKind;
    use crate::sink::redis::RedisStore;

    let options = crate::config::connection::broker(&args.connection, &url, context.world)?;
    if options.tls.insecure && url.server.is_tls() {
        context.report.caution(&format!("--to {url}: certificate not verified (-k)"));
    }
    Ok(match url.kind {
        BrokerKind::Redis => {
            Box::new(RedisStore::new(url, options, cursor, secret_var("REDISCLI_AUTH", context))?)
        }
        BrokerKind::Nats => {
            let credentials = nats_credentials(context);
            let with_key = args.delivery.to_key.is_some();
            Box::new(NatsStore::new(url, options, credentials, cursor, with_key)?)
        }
        BrokerKind::Kafka => {
            let login = kafka_login(&url, context)?;
            Box::new(KafkaStore::new(url, options, login, cursor)?)
        }
    })
}

/// The credentials for NATS that the environment has.
#[cfg(feature = "brokers")]
pub(super) fn nats_credentials(context: &Context<'_>) -> crate::sink::nats::NatsCredentials {
    let var = context.world.var;
    crate::sink::nats::NatsCredentials {
        file: var("NATS_CREDS"),
        nkey: var("NATS_NKEY"),
        token: secret_var("NATS_TOKEN", context),
        user: var("NATS_USER").zip(secret_var("NATS_PASSWORD", context)),
    }
}

/// User and password for Kafka, in the URL or in the environment. Kafka's own tools read neither, so the names are those
/// that container images use.
#[cfg(feature = "brokers")]
fn kafka_login(url: &BrokerUrl, context: &Context<'_>) -> Result<Option<crate::sink::kafka::KafkaLogin>> {
    use crate::sink::kafka::{KafkaLogin, KafkaMechanism};

    let var = context.world.var;
    let of_environment = || var("KAFKA_SASL_USERNAME").zip(secret_var("KAFKA_SASL_PASSWORD", context));
    let name = url.option("sasl").map(str::to_owned).or_else(|| var("KAFKA_SASL_MECHANISM"));
    let mechanism = match name {
        None => KafkaMechanism::default(),
        Some(name) => KafkaMechanism::parse(&name).ok_or_else(|| {
            let known = KafkaMechanism::ALL.map(KafkaMechanism::name).join(", ");
            Failure::usage(format!("--to {url}: '{name}' is not a login mechanism"))
                .hint(format!("use {known}"))
        })?,
    };
    let credentials = url.user.clone().or_else(of_environment);
    Ok(credentials.map(|(user, password)| KafkaLogin { user, password, mechanism }))
}

/// A secret from the environment, which is masked from now on.
#[cfg(feature = "brokers")]
fn secret_var(name: &str, context: &Context<'_>) -> Option<crate::secret::Secret> {
    let secret = (context.world.var)(name).map(crate::secret::Secret::new);
    secret.iter().for_each(|secret| context.report.secrets().add(secret, Place::Call));
    secret
}

#[cfg(not(feature = "brokers"))]
#[expect(clippy::needless_pass_by_value, reason = "as in a build with brokers")]
fn broker(url: BrokerUrl, _: &SessionArgs, _: bool, _: &Context<'_>) -> Result<Box<dyn LineStore>> {
    Err(Failure::usage(format!("--to {url}: this wstap was built without brokers"))
        .hint("build it with `--features brokers`, or use --to-cmd"))
}
