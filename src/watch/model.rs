//! What is known of everything that is watched: campaigns, and the links over which they are told. It sees every event
//! of every link before the pipeline does, makes records of progress, and says when a link has had its time.
//!
//! Told the time; all it does to the world is to send orders to sessions, and to say what people should know.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use super::link::{WatchLink, WatchLinkState};
use super::plan::{Plan, Tell};
use super::row::{Past, RowEnd, WatchedCampaign};
use crate::campaign::fold::{WINDOW, complete, record};
use crate::campaign::{Contact, History, Reading, Said};
use crate::event::{Direction, EndReason, Event, Kind, Role, Summary};
use crate::exit::Exit;
use crate::pipeline::record::{Line, read};
use crate::report::{Level, Report};
use crate::session::Order;
use crate::session::policy::Outcome;
use crate::watch::draw::{Look, chart};

/// How long the answer to a request for the history may take.
const HISTORY_WAIT: Duration = Duration::from_secs(10);

/// How long the same cause of a loss is not told again.
const SAME_CAUSE: Duration = Duration::from_secs(10);

/// Everything that is watched.
pub struct Model {
    plan: Plan,
    /// The campaigns.
    pub rows: BTreeMap<u64, WatchedCampaign>,
    /// The links, by number.
    pub links: Vec<WatchLink>,
    /// Contacts that were told of, over all links.
    contacts: u64,
    /// Why a link was lost, as it was told last.
    cause: Option<(String, Instant)>,
    /// Told whenever something has changed that can be seen.
    pub changed: Rc<Notify>,
    report: Report,
}

impl Model {
    /// Nothing is known yet. With as many links as there are campaigns, or one that shows all.
    #[must_use]
    pub fn new(plan: Plan, report: Report) -> Self {
        let links = if plan.monitor { 1 } else { plan.ids.len() };
        let window = WINDOW.div_f64(plan.time_scale);
        let row = |(number, id): (usize, &u64)| {
            (*id, WatchedCampaign::new(*id, if plan.monitor { 0 } else { number }, window))
        };
        Self {
            rows: plan.ids.iter().enumerate().map(row).collect(),
            links: (0..links.max(1)).map(|_| WatchLink::new()).collect(),
            contacts: 0,
            cause: None,
            changed: Rc::default(),
            plan,
            report,
        }
    }

    /// The session of a link takes orders here.
    pub fn hold(&mut self, link: usize, orders: UnboundedSender<Order>) {
        self.links[link].orders = Some(orders);
    }

    /// Looks at the events of a link, and changes them to what the pipeline is to have.
    pub fn look(&mut self, link: usize, events: &mut Vec<Event>, now: Instant) {
        if events.is_empty() {
            return;
        }
        let mut shown = Vec::with_capacity(events.len() + 1);
        for event in events.drain(..) {
            self.see(link, event, &mut shown, now);
        }
        *events = shown;
        self.dismiss();
        self.changed.notify_one();
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Instant) {
        let wait = HISTORY_WAIT.div_f64(self.plan.time_scale);
        for row in self.rows.values_mut() {
            if matches!(row.past, Past::Asked(since) if since + wait <= now) {
                row.past = Past::Nothing;
                let text = format!(
                    "campaign {}: the server did not send its history within {}",
                    row.campaign.id,
                    crate::text::short(wait)
                );
                self.report.warning(&text);
            }
        }
        self.dismiss();
    }

    /// When [`Model::tick`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let wait = HISTORY_WAIT.div_f64(self.plan.time_scale);
        let asked =
            |row: &WatchedCampaign| if let Past::Asked(since) = row.past { Some(since + wait) } else { None };
        self.rows.values().filter_map(asked).min()
    }

    /// Sends an order to every session.
    pub fn order_all(&self, order: &Order) {
        self.links.iter().for_each(|link| link.order(order.clone()));
    }

    /// Asks for the present state of everything.
    pub fn refresh(&self) {
        self.order_all(&Order::SendNow(self.plan.campaigns.request_update()));
    }

    /// The session of a link is over; with its status, if that is what came of the campaigns.
    pub fn ended(&mut self, link: usize, failed: Option<Exit>) {
        self.links[link].state = WatchLinkState::Ended;
        self.links[link].failed = failed;
        self.changed.notify_one();
    }

    /// The campaigns that are told over this link.
    pub fn rows_of(&self, link: usize) -> impl Iterator<Item = &WatchedCampaign> {
        self.rows.values().filter(move |row| row.link == link)
    }

    /// Prefix of notices; `None` if there is only one link.
    #[must_use]
    pub fn link_name(&self, link: usize) -> Option<String> {
        let several = !self.plan.monitor && self.plan.ids.len() > 1;
        several.then(|| format!("campaign {}: ", self.plan.ids[link]))
    }

    /// The accounts of the sessions that are over.
    pub fn accounts(&self) -> impl Iterator<Item = &Summary> {
        self.links.iter().filter_map(|link| link.summary.as_ref())
    }

    /// Hours of the past that were asked for.
    #[must_use]
    pub fn hours(&self) -> Option<u32> {
        self.plan.history
    }

    /// How long a link may be silent before that is worth a word.
    #[must_use]
    pub fn quiet(&self) -> Duration {
        Duration::from_secs(15).div_f64(self.plan.time_scale)
    }

    /// Says which of the campaigns that were asked for were not told of.
    pub fn tell_missing(&self) {
        for row in self.rows.values().filter(|row| row.end.is_none() && !row.campaign.is_known()) {
            self.report.warning(&format!("no updates received for campaign {}", row.campaign.id));
        }
    }

    /// Says how those campaigns stand that should have come to their end, and have not.
    pub fn tell_unfinished(&self) {
        for row in self.rows.values().filter(|row| row.end.is_none()) {
            let text = match row.campaign.is_known() {
                true => format!("{}; the watch ended first", row.sentence()),
                false => format!("no updates received for campaign {}", row.campaign.id),
            };
            self.report.say(Level::Error, &text);
        }
    }

    fn see(&mut self, link: usize, mut event: Event, shown: &mut Vec<Event>, now: Instant) {
        let mut said = Vec::new();
        match &mut event.kind {
            Kind::Open(_) => self.opened(link, now),
            Kind::Close(_) => self.links[link].state = WatchLinkState::Connecting,
            Kind::Reconnect(reconnect) => {
                self.links[link].state = WatchLinkState::Waiting(now + reconnect.delay);
                self.lost(&reconnect.cause, now);
            }
            Kind::Summary(summary) => {
                self.links[link].summary = Some(std::mem::take(&mut **summary));
                return;
            }
            Kind::Message { dir: Direction::In, message, role, .. } => {
                self.links[link].heard = Some(now);
                let masked = message.masked(self.report.secrets());
                said = self.plan.campaigns.read(masked.as_ref().unwrap_or(message));
                if self.plan.derive {
                    *role = Role::Bookkeeping;
                }
            }
            Kind::Recorded(line) => {
                if let (Line::Received(message), _) = read(line) {
                    said = self.plan.campaigns.read(&message);
                }
            }
            Kind::Ping(Direction::In, _) | Kind::Pong(..) => self.links[link].heard = Some(now),
            _ => {}
        }
        let (at, conn) = (event.at, event.conn);
        shown.push(event);
        let mut derived = Vec::new();
        for said in said {
            self.said(link, said, at, now, &mut derived);
        }
        let derived = derived.into_iter().filter(|_| self.plan.derive);
        shown.extend(derived.map(|json| Event { at, conn, kind: Kind::Derived(json) }));
    }

    fn opened(&mut self, number: usize, now: Instant) {
        let link = &mut self.links[number];
        link.state = WatchLinkState::Live;
        link.heard = Some(now);
        link.connections += 1;
        link.followed.clear();
        if link.connections > 1 {
            link.order(Order::SendNow(self.plan.campaigns.request_update()));
        }
        if !self.plan.ids.is_empty() {
            self.ask_for_history(number, now);
        }
    }

    /// Where links are drawn, their sessions do not say why they were lost; it mostly is the same for all.
    fn lost(&mut self, cause: &str, now: Instant) {
        let known = |(known, at): &(String, Instant)| known == cause && now.duration_since(*at) < SAME_CAUSE;
        if self.plan.tell == Tell::Nothing && !self.cause.as_ref().is_some_and(known) {
            self.report.warning(cause);
            self.cause = Some((cause.to_owned(), now));
        }
    }

    fn ask_for_history(&mut self, number: usize, now: Instant) {
        let Some(hours) = self.plan.history else { return };
        let mut ask = false;
        for row in self.rows.values_mut().filter(|row| row.link == number) {
            // A connection that was lost took the answer along; the patience is not renewed.
            ask |= matches!(row.past, Past::Unknown | Past::Asked(_));
            if row.past == Past::Unknown {
                row.past = Past::Asked(now);
            }
        }
        if ask {
            self.links[number].order(Order::SendNow(self.plan.campaigns.request_history(hours)));
        }
    }

    fn said(&mut self, link: usize, said: Said, at: Timestamp, now: Instant, derived: &mut Vec<String>) {
        match said {
            Said::Progress(reading) => self.progress(link, &reading, at, now, derived),
            Said::Overview(readings) => self.overview(link, &readings, at, now, derived),
            Said::Contact(contact) => self.contact(&contact),
            Said::History(history) => self.history(history, derived),
            Said::Refused { campaign, why } => self.refused(campaign, why),
        }
    }

    fn progress(
        &mut self,
        link: usize,
        reading: &Reading,
        at: Timestamp,
        now: Instant,
        derived: &mut Vec<String>,
    ) {
        let window = WINDOW.div_f64(self.plan.time_scale);
        if self.plan.ids.is_empty() {
            self.rows
                .entry(reading.campaign)
                .or_insert_with(|| WatchedCampaign::new(reading.campaign, link, window));
        }
        let Some(row) = self.rows.get_mut(&reading.campaign) else { return };
        if row.end == Some(RowEnd::Final) && reading.status.as_ref().is_some_and(|status| !status.is_final())
        {
            // It was sent before the end, and overtaken by it.
            return;
        }
        let before = (row.campaign.status.clone(), row.tenth());
        let change = row.campaign.told(reading, now);
        let first = row.since.is_none();
        row.since.get_or_insert(now);
        if let Some(odd) = change.odd {
            self.report.warning(&format!("campaign {}: {odd}", row.campaign.id));
        }
        for contact in reading.recent.iter().rev() {
            self.contacts += 1;
            row.campaign.contact(contact, self.contacts);
        }
        if change.changed {
            derived.push(row.campaign.record(at, now).to_json());
        }
        row.settle(&self.plan, first);
        if row.end.is_some() {
            row.until.get_or_insert(now);
        }
        let news = match self.plan.tell {
            Tell::Nothing => false,
            Tell::Statuses => row.campaign.status != before.0,
            Tell::Everything { .. } => (row.campaign.status.clone(), row.tenth()) != before,
        };
        if news {
            self.report.say(row.level(), &row.sentence());
        }
    }

    /// The list of all. Without ids to look for, it decides which campaigns there are.
    fn overview(
        &mut self,
        link: usize,
        readings: &[Reading],
        at: Timestamp,
        now: Instant,
        derived: &mut Vec<String>,
    ) {
        for reading in readings {
            self.progress(link, reading, at, now, derived);
        }
        if !self.plan.ids.is_empty() {
            return;
        }
        let shown: BTreeSet<u64> = readings.iter().map(|reading| reading.campaign).collect();
        for row in self.rows.values_mut().filter(|row| !shown.contains(&row.campaign.id)) {
            if row.end.is_none() {
                self.report.notice(&format!("campaign {} has left the list", row.campaign.id));
            }
            row.end.get_or_insert(RowEnd::Left);
        }
        let live = |id: &u64| self.rows.get(id).is_some_and(|row| row.end.is_none());
        let new: Vec<u64> =
            shown.into_iter().filter(|id| live(id) && !self.links[link].followed.contains(id)).collect();
        for id in &new {
            self.links[link].order(Order::SendNow(self.plan.campaigns.follow(*id)));
        }
        self.links[link].followed.extend(&new);
        if !new.is_empty() {
            self.ask_for_history(link, now);
        }
    }

    fn contact(&mut self, contact: &Contact) {
        self.contacts += 1;
        if let Some(row) = self.rows.get_mut(&contact.campaign) {
            row.campaign.contact(contact, self.contacts);
        }
    }

    /// Histories that nobody asked for are messages like others.
    fn history(&mut self, mut history: History, derived: &mut Vec<String>) {
        let Some(row) = self.rows.get_mut(&history.campaign) else { return };
        if self.plan.history.is_none() || matches!(row.past, Past::Known(_)) {
            return;
        }
        history.samples.iter_mut().for_each(|sample| complete(&mut sample.counts));
        if history.samples.is_empty() {
            self.report.warning(&format!("campaign {}: the server has no history", history.campaign));
            row.past = Past::Nothing;
            return;
        }
        let records = history.samples.iter();
        derived.extend(records.map(|past| record(history.campaign, None, &past.counts, past.at).to_json()));
        if let (Tell::Everything { unicode }, Some(hours)) = (self.plan.tell, self.plan.history) {
            let look = Look { width: 80, height: 24, unicode, keys: false };
            let lines = chart(history.campaign, hours, &history.samples, &look);
            lines.iter().for_each(|line| self.report.notice(line));
        }
        row.past = Past::Known(history);
    }

    fn refused(&mut self, campaign: u64, why: String) {
        let Some(row) = self.rows.get_mut(&campaign) else { return };
        if row.end.is_none() {
            let because = if why.is_empty() { String::new() } else { format!(": {why}") };
            self.report.say(Level::Error, &format!("campaign {campaign}: access refused{because}"));
            row.end = Some(RowEnd::Refused(why));
            row.past = Past::Nothing;
        }
    }

    /// Ends the links that have nothing more to tell.
    fn dismiss(&mut self) {
        for number in 0..self.links.len() {
            let over = self.rows_of(number).next().is_some()
                && self.rows_of(number).all(|row| row.end.is_some() && !matches!(row.past, Past::Asked(_)));
            let link = &mut self.links[number];
            if over && !std::mem::replace(&mut link.ending, over) {
                link.order(Order::End(Outcome::new(EndReason::CampaignsOver, Exit::Ok)));
            }
        }
    }
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
