//! `--to kafka://HOST/TOPIC`: a Kafka topic.
//!
//! A line is a record with the header `id`, the key if there is one, and the headers. A batch of lines becomes a batch of
//! records for each partition, and is stored when all replicas in sync have it. The producer is idempotent: batches have
//! numbers, so one that is sent again after a lost answer is stored once. With `--cursor-in-sink`, all lines go to one
//! partition, and the last record of each batch has the provider's cursor as a header. A batch is stored as a whole or
//! not at all.

use std::collections::HashMap;

use futures_util::future::join_all;

use super::place::BrokerUrl;
use super::{LineStore, SinkLine, Stored, Trouble, Work};
use crate::clock;
use crate::error::{Failure, Result};
use crate::limits;
use crate::net::{Options, WsUrl};

mod errors;
mod link;
mod login;
mod messages;
mod plan;
mod records;
mod wire;

use errors::BatchVerdict;
use link::KafkaLink;
pub use login::{KafkaLogin, KafkaMechanism};
use messages::{AppendAnswer, AppendBatches, AskEnd, AskProducer, AskTopic, FetchBatch, TopicAnswer};
use plan::{DeliveryPlan, Parcel};
use records::{BatchCompression, BatchIdentity, KafkaRecord};

/// How long the broker may wait for replicas, in milliseconds.
const REPLICAS: i32 = 10_000;

/// Bytes of records in one batch: brokers take 1 MiB unless they are told otherwise.
const BATCH: usize = 1_000_000;

/// Lines that are stored together with a cursor. With keys and headers they fit into a batch.
const BATCH_WITH_CURSOR: usize = 512 << 10;

/// How often a topic that was there may be missing, as it is while brokers start.
const MISSES: u32 = 10;

/// The header with the id of the event.
const ID: &str = "id";

/// The header with the provider's cursor.
const CURSOR: &str = "wstap-cursor";

/// A topic, and connections to its brokers while there are any.
pub struct KafkaStore {
    url: BrokerUrl,
    options: Options,
    login: Option<KafkaLogin>,
    compression: BatchCompression,
    /// The partition that all lines go to, if it is one.
    partition: Option<i32>,
    keeps_cursor: bool,
    /// The cursor that was stored last, or is to be stored with the next lines.
    cursor: Option<String>,
    topic: Option<TopicLayout>,
    links: HashMap<i32, KafkaLink>,
    producer: Option<KafkaProducer>,
    plan: DeliveryPlan,
    /// Counts batches, for lines without a key.
    batches: usize,
    /// How often the topic was missing in a row; `None`: it was never there.
    misses: Option<u32>,
}

/// Where a topic is.
struct TopicLayout {
    /// The broker that leads each partition; -1: none does.
    leaders: Vec<i32>,
    addresses: HashMap<i32, WsUrl>,
}

/// What the broker recognizes repeated batches by.
struct KafkaProducer {
    identity: BatchIdentity,
    /// The number of the next record of each partition.
    next: HashMap<i32, i32>,
}

impl KafkaStore {
    /// A store for the topic of this URL.
    ///
    /// # Errors
    /// If the URL has options that are unknown or wrong.
    pub fn new(url: BrokerUrl, options: Options, login: Option<KafkaLogin>, cursor: bool) -> Result<Self> {
        url.takes(&["cacert", "cert", "compression", "key", "partition", "sasl"])?;
        let compression = url.option("compression").unwrap_or("none");
        let compression = BatchCompression::parse(compression).ok_or_else(|| {
            Failure::usage(format!("--to {url}: compression={compression} is not known"))
                .hint("use none, gzip or zstd")
        })?;
        let partition = url.number("partition")?.map(|number| i32::try_from(number).unwrap_or(i32::MAX));
        Ok(Self {
            url,
            options,
            login,
            compression,
            partition: partition.or(cursor.then_some(0)),
            keeps_cursor: cursor,
            cursor: None,
            topic: None,
            links: HashMap::new(),
            producer: None,
            plan: DeliveryPlan::default(),
            batches: fastrand::usize(..usize::MAX / 2),
            misses: None,
        })
    }

    /// Asks the first host that answers where the topic is.
    async fn connect(&mut self) -> std::result::Result<(), Trouble> {
        self.disconnect();
        let mut last = Trouble::Away("no host".to_owned());
        for server in self.url.servers() {
            match self.find_topic(&server).await {
                Err(trouble @ Trouble::Away(_)) => last = trouble,
                done => return done,
            }
        }
        Err(last)
    }

    fn disconnect(&mut self) {
        self.topic = None;
        self.links.clear();
    }

    async fn find_topic(&mut self, server: &WsUrl) -> std::result::Result<(), Trouble> {
        let mut link = KafkaLink::open(server, &self.options, self.login.as_ref()).await?;
        let answer = link.request(&AskTopic(&self.url.name)).await?;
        let layout = self.layout(answer)?;
        self.misses = Some(0);
        if self.producer.is_none() {
            self.producer = ask_producer(&mut link).await?;
        }
        let own = |address: &WsUrl| address.host() == server.host() && address.port() == server.port();
        if let Some((broker, _)) = layout.addresses.iter().find(|(_, address)| own(address)) {
            self.links.insert(*broker, link);
        }
        self.topic = Some(layout);
        Ok(())
    }

    fn layout(&mut self, answer: TopicAnswer) -> std::result::Result<TopicLayout, Trouble> {
        let name = &self.url.name;
        match answer.error {
            0 => {}
            errors::UNKNOWN_TOPIC => {
                let text = format!("the broker has no topic '{name}'");
                let misses = self.misses.map_or(MISSES, |misses| misses + 1);
                self.misses = self.misses.map(|_| misses);
                return Err(match misses < MISSES {
                    true => Trouble::Away(text),
                    false => Trouble::Unusable(text, Some("create the topic first")),
                });
            }
            error => {
                let text = format!("topic '{name}': {}", errors::text(error, ""));
                return Err(match errors::verdict(error) {
                    BatchVerdict::Later => Trouble::Away(text),
                    _ => Trouble::Unusable(text, None),
                });
            }
        }
        let scheme = if self.url.server.is_tls() { "wss" } else { "ws" };
        let address = |(broker, host, port): (i32, String, i32)| {
            let host = if host.contains(':') { format!("[{host}]") } else { host };
            Some((broker, WsUrl::parse(&format!("{scheme}://{host}:{port}/")).ok()?))
        };
        let addresses = answer.brokers.into_iter().filter_map(address).collect();
        let leaders: Vec<i32> = answer.partitions.into_iter().map(|(_, leader)| leader).collect();
        let count = leaders.len();
        if let Some(partition) = self.partition
            && usize::try_from(partition).is_ok_and(|partition| partition >= count)
        {
            let text = format!("topic '{name}' has no partition {partition}, only {}", partitions(count));
            return Err(Trouble::Unusable(text, Some("choose one with ?partition=")));
        }
        Ok(TopicLayout { leaders, addresses })
    }

    /// The connection to the broker that leads a partition, made if there is none that can be relied on.
    async fn leader(&mut self, partition: i32) -> std::result::Result<(i32, &mut KafkaLink), Trouble> {
        let layout = self.topic.as_ref().ok_or_else(not_connected)?;
        let leader = usize::try_from(partition).ok().and_then(|partition| layout.leaders.get(partition));
        let found = leader.and_then(|leader| Some((*leader, layout.addresses.get(leader)?)));
        let (broker, address) =
            found.ok_or_else(|| Trouble::Away(format!("partition {partition} has no leader")))?;
        if self.links.get(&broker).is_none_or(KafkaLink::is_stale) {
            let link = KafkaLink::open(address, &self.options, self.login.as_ref()).await?;
            self.links.insert(broker, link);
        }
        self.links.get_mut(&broker).map(|link| (broker, link)).ok_or_else(not_connected)
    }

    async fn read_cursor(&mut self) -> std::result::Result<Option<String>, Trouble> {
        let Some(partition) = self.partition.filter(|_| self.keeps_cursor) else { return Ok(None) };
        let topic = self.url.name.clone();
        let (_, link) = self.leader(partition).await?;
        let (error, end) = link.request(&AskEnd { topic: &topic, partition }).await?;
        check(error, "cannot read the cursor")?;
        let Some(record) = end.checked_sub(1).filter(|last| *last >= 0) else { return Ok(None) };
        let (error, batch) = link.request(&FetchBatch { topic: &topic, partition, record }).await?;
        check(error, "cannot read the cursor")?;
        let cursor = records::last_header(&batch, CURSOR, limits::KAFKA_ANSWER).map_err(|why| {
            let text = format!("cannot read the cursor in the last record of partition {partition}: {why}");
            Trouble::Unusable(text, Some("use a topic, or a ?partition=, that only wstap writes to"))
        })?;
        self.cursor.clone_from(&cursor);
        Ok(cursor)
    }

    /// The partition of each line. Lines without a key go to one partition for each batch.
    fn plan(&mut self, lines: &[SinkLine]) -> DeliveryPlan {
        let leaders = self.topic.as_ref().map_or(&[][..], |layout| &layout.leaders);
        let led: Vec<usize> = (0..leaders.len()).filter(|partition| leaders[*partition] >= 0).collect();
        self.batches += 1;
        let unkeyed = led.get(self.batches % led.len().max(1)).copied().unwrap_or(0);
        let partition = |line: &SinkLine| match (self.partition, line.key()) {
            (Some(partition), _) => partition,
            (None, None) => i32::try_from(unkeyed).unwrap_or(0),
            (None, Some(key)) => {
                i32::try_from(records::partition_of(key.as_bytes(), leaders.len())).unwrap_or(0)
            }
        };
        DeliveryPlan::new(lines.iter().map(|line| (partition(line), size(line))), BATCH)
    }

    async fn deliver(&mut self, lines: &[SinkLine], cursor: Option<&str>, stored: &dyn Fn(usize)) -> Stored {
        if !self.plan.is_for(lines.len()) {
            self.plan = self.plan(lines);
        }
        loop {
            let parcels = self.plan.next();
            if parcels.is_empty() {
                break;
            }
            let trouble = self.send(parcels, lines, cursor).await;
            stored(self.plan.stored_first());
            if trouble.is_some() {
                self.disconnect();
                return self.plan.report(trouble);
            }
        }
        if let Some(cursor) = cursor {
            self.cursor = Some(cursor.to_owned());
        }
        self.plan.report(None)
    }

    /// Sends parcels to the brokers that lead their partitions, to all at once, and notes what became of each.
    async fn send(
        &mut self,
        parcels: Vec<Parcel>,
        lines: &[SinkLine],
        cursor: Option<&str>,
    ) -> Option<Trouble> {
        let mut batches: HashMap<i32, Vec<(i32, Vec<u8>)>> = HashMap::new();
        for parcel in &parcels {
            let broker = match self.leader(parcel.partition).await {
                Ok((broker, _)) => broker,
                Err(trouble) => return Some(trouble),
            };
            match self.batch(parcel, lines, cursor) {
                Ok(batch) => batches.entry(broker).or_default().push((parcel.partition, batch)),
                Err(why) => return Some(Trouble::Unusable(why, None)),
            }
        }
        let topic = self.url.name.as_str();
        let sent = self.links.iter_mut().filter_map(|(broker, link)| {
            let request = AppendBatches { topic, patience: REPLICAS, batches: batches.remove(broker)? };
            Some(async move { link.request(&request).await })
        });
        let (mut answers, mut trouble) = (Vec::new(), None);
        for answered in join_all(sent).await {
            match answered {
                Ok(answered) => answers.extend(answered),
                Err(failed) => trouble = Some(failed),
            }
        }
        for parcel in &parcels {
            match answers.iter().find(|answer| answer.partition == parcel.partition) {
                Some(answer) => trouble = self.settle(parcel, answer).or(trouble),
                None => {
                    let none = || Trouble::Away(format!("no answer for partition {}", parcel.partition));
                    trouble = trouble.or_else(|| Some(none()));
                }
            }
        }
        trouble
    }

    /// Notes what became of a parcel.
    fn settle(&mut self, parcel: &Parcel, answer: &AppendAnswer) -> Option<Trouble> {
        let text = || errors::text(answer.error, &answer.words);
        let verdict = if answer.error == 0 { BatchVerdict::Stored } else { errors::verdict(answer.error) };
        match verdict {
            BatchVerdict::Stored => {
                if let Some(producer) = &mut self.producer {
                    producer.advance(parcel);
                }
                self.plan.stored(parcel);
                None
            }
            BatchVerdict::Refused => {
                self.plan.refused(parcel, &text());
                None
            }
            BatchVerdict::Later => Some(Trouble::Away(text())),
            BatchVerdict::NewProducer => {
                self.producer = None;
                Some(Trouble::Away(text()))
            }
            BatchVerdict::Unusable => Some(Trouble::Unusable(text(), None)),
        }
    }

    /// The records of a parcel.
    fn batch(
        &self,
        parcel: &Parcel,
        lines: &[SinkLine],
        cursor: Option<&str>,
    ) -> std::result::Result<Vec<u8>, String> {
        let lines = parcel.lines.iter().filter_map(|line| lines.get(self.plan.place(*line)));
        let mut records: Vec<KafkaRecord<'_>> = lines.map(record).collect();
        // Lines before the last parcel belong to messages that are not stored whole.
        let cursor = cursor.filter(|_| self.plan.is_last(parcel)).or(self.cursor.as_deref());
        if let (true, Some(cursor), Some(last)) = (self.keeps_cursor, cursor, records.last_mut()) {
            last.headers.push((CURSOR, cursor));
        }
        let identity = self.producer.as_ref().map_or(BatchIdentity::NONE, |known| known.identity(parcel));
        records::write_batch(&records, identity, self.compression, clock::now().as_millisecond())
    }
}

impl KafkaProducer {
    fn identity(&self, parcel: &Parcel) -> BatchIdentity {
        let sequence = self.next.get(&parcel.partition).copied().unwrap_or(0);
        BatchIdentity { sequence, ..self.identity }
    }

    /// A parcel is stored. Numbers begin again with 0 after the largest.
    fn advance(&mut self, parcel: &Parcel) {
        let next = self.next.entry(parcel.partition).or_default();
        let count = i32::try_from(parcel.lines.len()).unwrap_or(0);
        *next = next.wrapping_add(count) & i32::MAX;
    }
}

impl LineStore for KafkaStore {
    fn open(&mut self) -> Work<'_, std::result::Result<(), Trouble>> {
        Box::pin(self.connect())
    }

    fn cursor(&mut self) -> Work<'_, std::result::Result<Option<String>, Trouble>> {
        Box::pin(self.read_cursor())
    }

    fn store<'a>(
        &'a mut self,
        lines: &'a [SinkLine],
        cursor: Option<&'a str>,
        stored: &'a dyn Fn(usize),
    ) -> Work<'a, Stored> {
        Box::pin(self.deliver(lines, cursor, stored))
    }

    fn keeps_cursor(&self) -> bool {
        self.keeps_cursor
    }

    fn batch(&self) -> usize {
        if self.keeps_cursor { BATCH_WITH_CURSOR } else { limits::SINK_BATCH }
    }
}

/// The numbers of so many partitions.
fn partitions(count: usize) -> String {
    match count {
        0 => "none".to_owned(),
        1 => "0".to_owned(),
        _ => format!("0 to {}", count - 1),
    }
}

fn not_connected() -> Trouble {
    Trouble::Away("not connected".to_owned())
}

fn check(error: i16, what: &str) -> std::result::Result<(), Trouble> {
    match error {
        0 => Ok(()),
        _ => {
            let text = format!("{what}: {}", errors::text(error, ""));
            Err(match errors::verdict(error) {
                BatchVerdict::Later => Trouble::Away(text),
                _ => Trouble::Unusable(text, None),
            })
        }
    }
}

/// Asks for a number for batches. A broker that gives none, or none to this user, does not recognize repeated ones.
async fn ask_producer(link: &mut KafkaLink) -> std::result::Result<Option<KafkaProducer>, Trouble> {
    let (error, producer, epoch) = link.request(&AskProducer).await?;
    match error {
        0 => {
            let identity = BatchIdentity { producer, epoch, sequence: 0 };
            Ok(Some(KafkaProducer { identity, next: HashMap::new() }))
        }
        errors::UNKNOWN => Ok(None),
        _ if errors::verdict(error) == BatchVerdict::Later => Err(Trouble::Away(errors::text(error, ""))),
        _ => Ok(None),
    }
}

fn record(line: &SinkLine) -> KafkaRecord<'_> {
    let mut headers = vec![(ID, line.id.as_str())];
    let given = line.address.iter().flat_map(|address| &address.headers);
    headers.extend(given.map(|(name, value)| (name.as_str(), value.as_str())));
    KafkaRecord { key: line.key(), text: &line.text, headers }
}

/// About how many bytes a line takes in a batch.
fn size(line: &SinkLine) -> usize {
    let headers = line.address.iter().flat_map(|address| &address.headers);
    let headers: usize = headers.map(|(name, value)| name.len() + value.len() + 8).sum();
    let key = line.key().map_or(0, str::len);
    line.text.len() + line.id.len() + key + headers + records::RECORD_OVERHEAD
}
