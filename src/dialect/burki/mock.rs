//! The mock half: who may watch, what they are told first, and the campaigns that all watchers share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::campaign::{CampaignPlan, MockCampaign, START};
use super::wire::{self, BurkiRequest as Ask, Voice};
use super::{MONITOR, campaign_in};
use crate::dialect::Dialect as _;
use crate::dialect::made::fields;
use crate::handshake::server::{Request, Response};
use crate::message::Message;
use crate::provider::{Answer, Conn, Hub, Member, Peer, Provider, Say, Service, Settings, Stream, Then};

/// The campaigns that exist.
const CAMPAIGNS: std::ops::RangeInclusive<u64> = 1..=100;

/// Those that the monitor shows although nobody has watched them yet.
const SHOWN: std::ops::RangeInclusive<u32> = 1..=5;

/// The mock half of the dialect.
pub(super) struct BurkiMock;

impl Provider for BurkiMock {
    fn paths(&self) -> &'static [&'static str] {
        &["/ws/campaigns/{id}/progress", MONITOR]
    }

    fn target(&self, token: Option<&str>) -> String {
        token.map_or_else(|| MONITOR.to_owned(), |token| format!("{MONITOR}?token={token}"))
    }

    fn about(&self) -> &'static str {
        super::Burki.summary()
    }

    fn service(&self, settings: &Arc<Settings>) -> Arc<dyn Service> {
        Arc::new(BurkiService { board: Arc::new(Board::new(settings)) })
    }
}

struct BurkiService {
    board: Arc<Board>,
}

impl Service for BurkiService {
    /// What is no integer in the path is refused before there is a WebSocket: a guess, from the framework that
    /// the provider uses. Everything else is accepted and told by a close code ("Close Codes").
    fn answer(&self, request: &Request) -> Option<Answer> {
        let id = match campaign_in(request.path()) {
            _ if request.path() == MONITOR => None,
            Some(id) if is_integer(id) => Some(id),
            Some(_) => return Some(Answer::Http(Response::new(403))),
            None => return None,
        };
        let token = request.query("token").unwrap_or_default();
        let peer: Box<dyn Peer> = match self.admit(token, id) {
            Ok(view) => Box::new(Watcher { board: Arc::clone(&self.board), view, member: None }),
            Err((code, reason)) => Box::new(Refused { code, reason }),
        };
        Some(Answer::Upgrade { protocol: None, peer })
    }

    /// A message with a `campaign_id`, at the top or in its `data`, goes to those who watch that campaign. The
    /// campaign itself takes no notice: what it tells next is what it would have told.
    fn push(&self, event: &RawValue) -> Option<usize> {
        let pushed: Pushed<'_> = fields(event)?;
        let id = pushed.campaign_id.or_else(|| fields::<CampaignRef>(pushed.data?)?.campaign_id)?;
        let _state = self.board.state();
        Some(self.board.hub.publish([id.to_string().as_str()], &Message::text(event.get()).into()))
    }

    fn stream(&self) -> Option<&dyn Stream> {
        Some(&*self.board)
    }
}

/// What matters of a message that is pushed.
#[derive(Deserialize)]
struct Pushed<'a> {
    campaign_id: Option<u64>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct CampaignRef {
    campaign_id: Option<u64>,
}

impl BurkiService {
    /// "If authentication fails, the connection is immediately closed with code 1008". The reasons are those of
    /// the same server's transcripts.
    fn admit(&self, token: &str, id: Option<&str>) -> Result<CampaignView, (u16, &'static str)> {
        let settings = &self.board.settings;
        if !settings.accepts(token) {
            return Err((1008, "Authentication failed"));
        }
        let Some(text) = id else { return Ok(CampaignView::Monitor) };
        if settings.denies(text) {
            return Err((1008, "Access denied to this campaign"));
        }
        let known = text.parse().ok().and_then(known);
        known.map(CampaignView::One).ok_or((4004, "Campaign not found"))
    }
}

/// The campaign of this id, if there is one.
fn known(id: u64) -> Option<u32> {
    CAMPAIGNS.contains(&id).then(|| u32::try_from(id).ok())?
}

/// An integer of any length and sign.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// A connection that is closed as soon as it is open.
struct Refused {
    code: u16,
    reason: &'static str,
}

impl Peer for Refused {
    fn opened(&mut self, _conn: &Arc<Conn>) -> Vec<Say> {
        vec![Say::close(self.code, self.reason)]
    }
}

/// What a connection looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CampaignView {
    One(u32),
    Monitor,
}

/// A connection.
struct Watcher {
    board: Arc<Board>,
    view: CampaignView,
    member: Option<Member>,
}

impl Peer for Watcher {
    fn opened(&mut self, conn: &Arc<Conn>) -> Vec<Say> {
        let member = self.member.insert(self.board.hub.member(conn));
        match self.view {
            CampaignView::One(id) => self.board.open_one(member, id),
            CampaignView::Monitor => self.board.open_monitor(conn),
        }
    }

    /// The documents are silent on messages that they do not name; they are ignored, a guess.
    fn received(&mut self, message: Message) -> Vec<Say> {
        let (Some(member), Some(ask)) = (&mut self.member, wire::read_request(&message)) else {
            return Vec::new();
        };
        match (ask, self.view) {
            (Ask::Ping, view) => vec![self.board.pong(view)],
            (Ask::Update, view) => self.board.update(member.conn(), view),
            (Ask::History(hours), _) => self.board.history(member.conn(), &hours),
            (Ask::Subscribe(id), CampaignView::Monitor) => self.board.subscribe(member, id),
            (Ask::Unsubscribe(id), CampaignView::Monitor) => {
                self.board.unsubscribe(member, id);
                Vec::new()
            }
            (Ask::Subscribe(_) | Ask::Unsubscribe(_), CampaignView::One(_)) => Vec::new(),
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(member) = &self.member {
            self.board.state().watchers.remove(&member.conn().id);
        }
    }
}

/// All campaigns and those who watch them. Whatever tells the state of a campaign is put into a mailbox under
/// the lock of the state, so that nobody is told of a change before the state that it changed.
struct Board {
    settings: Arc<Settings>,
    voice: Voice,
    hub: Arc<Hub>,
    state: Mutex<BoardState>,
}

#[derive(Default)]
struct BoardState {
    /// The campaigns that have ever been watched; the others have not begun.
    campaigns: BTreeMap<u32, MockCampaign>,
    watchers: BTreeMap<u64, Watching>,
}

struct Watching {
    conn: Arc<Conn>,
    ids: BTreeSet<u32>,
}

impl Stream for Board {
    /// One change of every campaign that has begun. A campaign's changes do not depend on which others are
    /// watched.
    fn step(&self) -> bool {
        let mut state = self.state();
        let (mut moved, mut rested) = (false, false);
        for campaign in state.campaigns.values_mut() {
            let Some(change) = campaign.step() else { continue };
            moved = true;
            rested |= campaign.is_at_rest();
            let key = campaign.id().to_string();
            if self.hub.has_listener(&key) {
                for message in self.voice.change(campaign, &change) {
                    self.hub.publish([key.as_str()], &message.into());
                }
            }
        }
        if rested {
            state.watchers.values().for_each(|watching| self.dismiss(&state, watching));
        }
        moved
    }

    /// Calls take as long as the provider's other times.
    fn haste(&self) -> f64 {
        self.settings.time_scale
    }

    fn hub(&self) -> &Hub {
        &self.hub
    }
}

impl Board {
    fn new(settings: &Arc<Settings>) -> Self {
        Self {
            settings: Arc::clone(settings),
            voice: Voice(settings.behave),
            hub: Arc::default(),
            state: Mutex::default(),
        }
    }

    fn open_one(&self, member: &mut Member, id: u32) -> Vec<Say> {
        let mut state = self.state();
        let campaign = self.begin(&mut state, id);
        let mut said = vec![self.voice.ack(Some(id), campaign.now())];
        said.extend(self.voice.initial(campaign));
        watch(&mut state, member, id);
        self.dismiss_one(&state, member.conn());
        said.into_iter().map(Say::from).collect()
    }

    fn open_monitor(&self, conn: &Arc<Conn>) -> Vec<Say> {
        let mut state = self.state();
        state.watchers.insert(conn.id, Watching { conn: Arc::clone(conn), ids: BTreeSet::new() });
        vec![self.voice.ack(None, state.now()).into(), self.overview(&state)]
    }

    fn overview(&self, state: &BoardState) -> Say {
        let mut all: BTreeMap<u32, MockCampaign> =
            SHOWN.map(|id| (id, MockCampaign::new(id, self.plan()))).collect();
        all.extend(state.campaigns.iter().map(|(id, campaign)| (*id, campaign.clone())));
        self.voice.overview(&all.values().collect::<Vec<_>>()).into()
    }

    fn subscribe(&self, member: &mut Member, id: u64) -> Vec<Say> {
        let mut state = self.state();
        let refusal = |what| vec![self.voice.error(id, state.now(), what).into()];
        let Some(known) = known(id) else { return refusal("Campaign not found") };
        if self.settings.denies(&known.to_string()) {
            return refusal("Access denied to this campaign");
        }
        self.begin(&mut state, known);
        if watch(&mut state, member, known) {
            self.tell(&state, member.conn(), known);
            self.dismiss_one(&state, member.conn());
        }
        Vec::new()
    }

    fn unsubscribe(&self, member: &mut Member, id: u64) {
        let mut state = self.state();
        let Some(known) = known(id) else { return };
        member.leave(&known.to_string());
        if let Some(watching) = state.watchers.get_mut(&member.conn().id) {
            watching.ids.remove(&known);
        }
    }

    /// The state of what is watched; of a monitor that watches nothing in particular, the overview.
    fn update(&self, conn: &Arc<Conn>, view: CampaignView) -> Vec<Say> {
        let state = self.state();
        let ids = state.watched_by(conn);
        for id in &ids {
            self.tell(&state, conn, *id);
        }
        if ids.is_empty() && view == CampaignView::Monitor { vec![self.overview(&state)] } else { Vec::new() }
    }

    fn history(&self, conn: &Conn, hours: &serde_json::Number) -> Vec<Say> {
        let state = self.state();
        let watched = state.watched_by(conn).into_iter().filter_map(|id| state.campaigns.get(&id));
        watched.map(|campaign| self.voice.history(campaign, hours).into()).collect()
    }

    fn pong(&self, view: CampaignView) -> Say {
        let state = self.state();
        let now = match view {
            CampaignView::One(id) => state.campaigns.get(&id).map(MockCampaign::now),
            CampaignView::Monitor => None,
        };
        Say::Pong(self.voice.pong(now.unwrap_or_else(|| state.now())))
    }

    /// Puts the state of a campaign into a mailbox, behind the changes that wait there already.
    fn tell(&self, state: &BoardState, conn: &Conn, id: u32) {
        let Some(campaign) = state.campaigns.get(&id) else { return };
        for message in self.voice.current(campaign) {
            conn.post(message.into());
        }
    }

    /// With `--then close`, says goodbye to who watches nothing that will still change. The documents do not
    /// say that the server closes when a campaign ends, so it does not without.
    fn dismiss(&self, state: &BoardState, watching: &Watching) {
        let at_rest = |id| state.campaigns.get(id).is_some_and(MockCampaign::is_at_rest);
        let over = !watching.ids.is_empty() && watching.ids.iter().all(at_rest);
        if over && self.settings.then == Then::Close {
            watching.conn.post(Say::close(1000, ""));
        }
    }

    fn dismiss_one(&self, state: &BoardState, conn: &Conn) {
        if let Some(watching) = state.watchers.get(&conn.id) {
            self.dismiss(state, watching);
        }
    }

    fn begin<'a>(&self, state: &'a mut BoardState, id: u32) -> &'a MockCampaign {
        state.campaigns.entry(id).or_insert_with(|| MockCampaign::new(id, self.plan()))
    }

    fn plan(&self) -> CampaignPlan {
        let Settings { seed, contacts, outcome, .. } = *self.settings;
        CampaignPlan { seed, contacts, outcome }
    }

    fn state(&self) -> MutexGuard<'_, BoardState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BoardState {
    /// The latest clock of all.
    fn now(&self) -> i64 {
        self.campaigns.values().map(MockCampaign::now).max().unwrap_or(START)
    }

    fn watched_by(&self, conn: &Conn) -> Vec<u32> {
        let watching = self.watchers.get(&conn.id);
        watching.map_or_else(Vec::new, |watching| watching.ids.iter().copied().collect())
    }
}

/// From now on this connection is told of changes. `false`: it is already.
fn watch(state: &mut BoardState, member: &mut Member, id: u32) -> bool {
    member.join(&id.to_string());
    let new = || Watching { conn: Arc::clone(member.conn()), ids: BTreeSet::new() };
    state.watchers.entry(member.conn().id).or_insert_with(new).ids.insert(id)
}
