//! `subscribe --share`: a session for each slot of topics that this process holds.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, interval, sleep, sleep_until};

use super::{Context, SessionParts, no_thread};
use crate::cli::options::SubscribeArgs;
use crate::dialect::ClientSetup;
use crate::error::{Failure, Result};
use crate::event::EndReason;
use crate::exit::Exit;
use crate::rendezvous::{self, hash};
use crate::session::policy::Outcome;
use crate::session::{Controller, Order};
use crate::share::bucket::{BUCKET, GroupBucket};
use crate::share::lease::SlotLease;
use crate::share::view::{GroupView, SeenSlot, SlotValue};
use crate::signals::Signals;
use crate::sink::nats;
use crate::sink::place::{BrokerKind, BrokerUrl};
use crate::text::counted;

/// A lease's time, unless the URL says otherwise, and the shortest that it may say.
const LEASE: Duration = Duration::from_secs(15);
const SHORTEST_LEASE: u64 = 2;

/// Slots at most, unless the URL says otherwise. Each is a connection to the provider.
const SLOTS: usize = 64;

/// How often the process looks at who holds what, besides at every change, as a part of the lease.
const LOOKS: u32 = 10;

/// Topics that go together: their name in the bucket, and which they are.
struct TopicSlot {
    name: String,
    topics: Vec<String>,
    /// Tells the slot's session to end. `None`: this process does nothing about the slot.
    stop: Option<watch::Sender<bool>>,
}

/// How the work on a slot ended.
struct SlotEnd {
    index: usize,
    /// The session failed for good, and so does the process.
    failed: Option<Exit>,
}

type SlotWork<'a> = Pin<Box<dyn Future<Output = Result<SlotEnd>> + 'a>>;

/// Runs the command.
///
/// # Errors
/// Whatever can be said before a connection is tried.
pub(super) async fn run(
    session: SessionParts<'_>,
    args: &SubscribeArgs,
    url: &str,
    context: &Context<'_>,
) -> Result<Exit> {
    check(args, &session)?;
    let url = BrokerUrl::parse(url).ok().filter(|url| url.kind == BrokerKind::Nats);
    let url = url.ok_or_else(|| Failure::usage("--share: expected nats://HOST/GROUP"))?;
    url.takes(&["bucket", "cacert", "cert", "key", "lease", "slots"])?;
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !url.name.chars().all(is_word) {
        return Err(Failure::usage(format!("--share {url}: a group is named with letters, digits, - and _")));
    }
    let lease = match url.number("lease")? {
        Some(seconds) if seconds < SHORTEST_LEASE => {
            return Err(Failure::usage(format!(
                "--share {url}: a lease takes at least {SHORTEST_LEASE} seconds"
            )));
        }
        Some(seconds) => Duration::from_secs(seconds),
        None => LEASE,
    };
    if session.dialect.client(&ClientSetup::default()).is_ok_and(|client| !client.replays()) {
        context.report.warning(&format!(
            "events of {} cannot be replayed: each takeover leaves a gap",
            session.dialect.name()
        ));
    }
    let slots = slots(&session.topics, url.number("slots")?);
    let options = crate::config::connection::broker(&args.session.connection, &url, context.world)?;
    let credentials = super::delivery::nats_credentials(context);
    let bucket_name = url.option("bucket").unwrap_or(BUCKET).to_owned();
    let store = nats::open_store(&url, &options, &credentials, &bucket_name).await;
    let store = store.map_err(|(text, hint)| {
        let failure = Failure::new(Exit::OutputFailed, format!("--share {url}: {text}"));
        Failure { hint: hint.map(str::to_owned), ..failure }
    })?;
    let me = format!("{:016x}", fastrand::u64(..));
    let bucket = GroupBucket::new(store, &url.name);
    let group = ShareGroup { session, bucket, me, lease, context };
    group.run(slots).await
}

/// Options that mean something else for several sessions, or nothing.
fn check(args: &SubscribeArgs, session: &SessionParts<'_>) -> Result<()> {
    let (output, common) = (&args.session.output, &args.session);
    let refused = [
        ("--mock", common.mock.is_some()),
        ("--from", common.from.is_some()),
        ("--output", output.output.is_some()),
        ("--record", output.record.is_some()),
        ("--tee", common.delivery.tee),
        ("--interactive", args.send.interactive),
        ("--shard", args.shard.is_some()),
        ("--cursor-file", args.cursor_file.is_some()),
        ("--cursor-in-sink", args.cursor_in_sink),
        ("--from-cursor", args.from_cursor.is_some()),
        ("a condition for the end", common.has_end_condition()),
    ];
    if let Some((option, _)) = refused.into_iter().find(|(_, given)| *given) {
        return Err(Failure::usage(format!("--share cannot be combined with {option}")));
    }
    if !common.delivery.has_sinks() {
        return Err(Failure::usage("--share needs --to or --to-cmd: each share is delivered on its own"));
    }
    if session.topics.is_empty() {
        return Err(Failure::usage("--share needs topics to divide"));
    }
    Ok(())
}

/// Divides topics into slots: one for each, or as many as asked for.
fn slots(topics: &[String], count: Option<u64>) -> Vec<TopicSlot> {
    let slot = |name: String| TopicSlot { name, topics: Vec::new(), stop: None };
    let most = count.and_then(|count| usize::try_from(count).ok()).unwrap_or(SLOTS).max(1);
    if count.is_none() && topics.len() <= most {
        let of_topic = |topic: &String| TopicSlot {
            topics: vec![topic.clone()],
            ..slot(format!("{:016x}", hash(topic)))
        };
        return topics.iter().map(of_topic).collect();
    }
    let mut slots: Vec<TopicSlot> = (0..most).map(|number| slot(format!("{number}-of-{most}"))).collect();
    let hashes: Vec<u64> = slots.iter().map(|slot| hash(&slot.name)).collect();
    for topic in topics {
        if let Some(index) = rendezvous::owner(hash(topic), &hashes) {
            slots[index].topics.push(topic.clone());
        }
    }
    slots.retain(|slot| !slot.topics.is_empty());
    slots
}

/// A process of a group.
struct ShareGroup<'a> {
    session: SessionParts<'a>,
    bucket: GroupBucket,
    me: String,
    lease: Duration,
    context: &'a Context<'a>,
}

impl ShareGroup<'_> {
    async fn run(&self, mut slots: Vec<TopicSlot>) -> Result<Exit> {
        let mut signals = Signals::listen().map_err(|error| no_thread(&error))?;
        let mut view = GroupView::new(self.me.clone(), self.lease);
        let mut works: FuturesUnordered<SlotWork<'_>> = FuturesUnordered::new();
        let (mut watch, mut complete, mut ended) = (None, false, None);
        let mut alive = std::pin::pin!(self.show_alive());
        let mut looks = interval(self.lease / LOOKS);
        let notice = format!("member {} shares {}", self.me, counted(slots.len(), "slot"));
        self.context.report.notice(&notice);
        loop {
            tokio::select! {
                biased;
                outcome = signals.next(), if ended.is_none() => ended = Some(outcome.exit),
                Some(done) = works.next(), if !works.is_empty() => {
                    let SlotEnd { index, failed } = done?;
                    slots[index].stop = None;
                    ended = ended.or(failed);
                }
                () = &mut alive => {}
                known = self.bucket.follow(&mut watch, &mut view) => complete |= known,
                _ = looks.tick() => {}
            }
            if let Some(exit) = ended {
                slots.iter().for_each(TopicSlot::end);
                if works.is_empty() {
                    self.bucket.remove_member(&self.me).await;
                    return Ok(exit);
                }
            } else if complete {
                self.look(&mut slots, &view, &works);
            }
        }
    }

    /// Takes slots that this process should hold, and ends the work on others.
    fn look<'s>(&'s self, slots: &mut [TopicSlot], view: &GroupView, works: &FuturesUnordered<SlotWork<'s>>) {
        let now = Instant::now();
        for (index, slot) in slots.iter_mut().enumerate() {
            match (view.is_mine(&slot.name, now), slot.stop.is_some()) {
                (true, false) => {
                    let Some(seen) = view.free(&slot.name, now) else { continue };
                    let (stop, stopped) = watch::channel(false);
                    slot.stop = Some(stop);
                    let work = self.work(index, slot.name.clone(), slot.topics.clone(), seen, stopped);
                    works.push(Box::pin(work));
                }
                (false, true) => slot.end(),
                _ => {}
            }
        }
    }

    /// Shows that this process is alive, for ever.
    async fn show_alive(&self) {
        loop {
            self.bucket.show_member(&self.me).await;
            sleep(self.lease / 3).await;
        }
    }

    /// Takes a slot, runs its session while the lease lasts, and gives the slot back.
    async fn work(
        &self,
        index: usize,
        name: String,
        topics: Vec<String>,
        seen: SeenSlot,
        mut stopped: watch::Receiver<bool>,
    ) -> Result<SlotEnd> {
        let Some(mut lease) = SlotLease::take(&self.bucket, &name, &self.me, &seen, self.lease).await else {
            // Another process was faster, which is seen soon.
            sleep(self.lease / LOOKS).await;
            return Ok(SlotEnd { index, failed: None });
        };
        let report = self.context.report.prefixed(&format!("slot {name}: "));
        report.notice(&taken(&seen.value, topics.len()));
        let (keeper, mut cursors) = watch::channel(lease.cursor().map(str::to_owned));
        let (end, ending) = watch::channel(false);
        let seat = Seat {
            cursor: lease.cursor().map(str::to_owned),
            // Who gave the slot back has left no gap.
            missed_since: seen.value.member.as_ref().and_then(|_| seen.value.at.parse().ok()),
            taken_over_from: seen.value.member.clone(),
            keeper,
            controller: SlotController::new(ending)?,
        };
        let session = SessionParts { topics, ..self.session.clone() };
        let context = Context { report: &report, world: self.context.world, color: self.context.color };
        let mut running = std::pin::pin!(session.run_seat(seat, &context));
        let (mut lost, mut asked) = (false, false);
        let outcome = loop {
            let last_moment = lease.last_moment();
            tokio::select! {
                biased;
                why = lease.keep(&mut cursors), if !lost => {
                    lost = true;
                    report.warning(&format!("lost: {why}"));
                    let _ = end.send(true);
                }
                _ = stopped.changed(), if !asked => {
                    asked = true;
                    let _ = end.send(true);
                }
                // It waits for the rest of its output, or for the provider to close the connection.
                () = sleep_until(last_moment), if lost => break None,
                outcome = &mut running => break Some(outcome?),
            }
        };
        if !lost {
            let cursor = cursors.borrow().clone();
            lease.release(cursor).await;
            report.notice("given back");
        }
        let failed = outcome.filter(|_| !lost && !asked).map(|outcome| outcome.report(&report));
        Ok(SlotEnd { index, failed })
    }
}

impl TopicSlot {
    /// Tells its session to end, if there is one.
    fn end(&self) {
        self.stop.iter().for_each(|stop| {
            stop.send_if_modified(|stop| !std::mem::replace(stop, true));
        });
    }
}

/// What is said of a slot that was taken.
fn taken(before: &SlotValue, topics: usize) -> String {
    let from = match (&before.member, &before.cursor) {
        (None, _) => String::new(),
        (Some(member), _) => format!(" over from member {member}, last seen {}", before.at),
    };
    let cursor = if before.cursor.is_some() { ", from its cursor" } else { "" };
    format!("taken{from} ({}{cursor})", counted(topics, "topic"))
}

/// What a session of a slot has besides the options.
pub(super) struct Seat {
    /// Where it continues.
    pub(super) cursor: Option<String>,
    /// Since when events may be missing, because the holder before it died.
    pub(super) missed_since: Option<Timestamp>,
    /// That holder.
    pub(super) taken_over_from: Option<String>,
    /// Where its cursors go.
    pub(super) keeper: watch::Sender<Option<String>>,
    pub(super) controller: SlotController,
}

/// Ends the session of a slot: by a signal, or because the slot goes to another process.
pub(super) struct SlotController {
    signals: Signals,
    ending: Pin<Box<dyn Future<Output = ()>>>,
    ended: bool,
}

impl SlotController {
    fn new(mut ending: watch::Receiver<bool>) -> Result<Self> {
        let signals = Signals::listen().map_err(|error| no_thread(&error))?;
        let ending = Box::pin(async move {
            let _ = ending.wait_for(|ending| *ending).await;
        });
        Ok(Self { signals, ending, ended: false })
    }
}

impl SlotController {
    /// Waits until the session has to end.
    pub(super) async fn ended(&mut self) -> Outcome {
        poll_fn(|context| self.poll_end(context)).await
    }

    fn poll_end(&mut self, context: &mut TaskContext<'_>) -> Poll<Outcome> {
        if !self.ended && self.ending.as_mut().poll(context).is_ready() {
            self.ended = true;
            // As after a signal, the rest of the output has a second.
            return Poll::Ready(Outcome::new(EndReason::Terminated, Exit::Ok));
        }
        self.signals.poll_next(context)
    }
}

impl Controller for SlotController {
    fn poll_order(&mut self, context: &mut TaskContext<'_>) -> Poll<Order> {
        self.poll_end(context).map(Order::Signal)
    }
}
