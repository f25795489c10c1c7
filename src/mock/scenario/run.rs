//! Follows the steps of a scenario on one connection.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::ledger::{Ledger, Unmet};
use super::schema::{Expect, Rounds, Scenario, Step, StepAction};
use crate::message::Message;
use crate::mock::ClientRegistry;
use crate::mock::script::{ClientPresence, Inbox, Interpreter, reason};
use crate::pipeline::filter::Program;
use crate::provider::{Conn, Say, Settings};

pub(super) struct Run {
    conn: Arc<Conn>,
    inbox: Inbox,
    client: ClientPresence,
    interpreter: Interpreter,
    settings: Arc<Settings>,
    registry: Arc<ClientRegistry>,
    ledger: Arc<Ledger>,
    index: usize,
    /// The client's last message that was looked at.
    msg: Option<Message>,
    /// Messages that were sent or made.
    n: u64,
    /// The round of the innermost repeat.
    i: u64,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StepEnd {
    Next,
    /// The scenario is over, as it was meant to be or with an expectation that failed.
    Over,
    /// The client has gone.
    Gone,
}

impl Run {
    pub(super) fn new(
        conn: &Arc<Conn>,
        inbox: Inbox,
        interpreter: Interpreter,
        (settings, registry, ledger): (&Arc<Settings>, &Arc<ClientRegistry>, &Arc<Ledger>),
        index: usize,
    ) -> Self {
        ledger.began();
        let (conn, client) = (Arc::clone(conn), inbox.client());
        let (settings, registry, ledger) = (Arc::clone(settings), Arc::clone(registry), Arc::clone(ledger));
        Self { conn, inbox, client, interpreter, settings, registry, ledger, index, msg: None, n: 0, i: 0 }
    }

    pub(super) async fn follow(mut self, scenario: Arc<Scenario>) {
        self.steps(&scenario.steps, false).await;
    }

    /// Boxed, because rounds hold steps again. Who leaves a loop without end leaves it well; other steps are
    /// looked through for what was still expected.
    fn steps<'a>(
        &'a mut self,
        steps: &'a [Step],
        endless: bool,
    ) -> Pin<Box<dyn Future<Output = StepEnd> + Send + 'a>> {
        Box::pin(async move {
            for (at, step) in steps.iter().enumerate() {
                match self.step(step, endless).await {
                    StepEnd::Next => {}
                    StepEnd::Over => return StepEnd::Over,
                    StepEnd::Gone if endless => return StepEnd::Gone,
                    StepEnd::Gone => {
                        // A repeat has looked at its own rounds.
                        let from = at + usize::from(matches!(step.what, StepAction::Repeat(..)));
                        return self.left(&steps[from..]);
                    }
                }
            }
            StepEnd::Next
        })
    }

    /// The client has gone, and these steps were still to come.
    fn left(&mut self, steps: &[Step]) -> StepEnd {
        match steps.iter().find_map(Step::first_demand) {
            Some(demand) => self.fail(demand, "the client disconnected first"),
            None => StepEnd::Gone,
        }
    }

    async fn step(&mut self, step: &Step, endless: bool) -> StepEnd {
        match &step.what {
            StepAction::Send(message) => {
                self.n += 1;
                self.say(message.clone().into()).await
            }
            StepAction::Jq(program) => self.make(program, step).await,
            StepAction::Expect(expect) => self.expect(expect, step).await,
            StepAction::Wait(time) => self.wait(*time).await,
            StepAction::Stall(Some(time)) => match self.say(Say::Stall(Some(*time))).await {
                StepEnd::Next => self.wait(*time).await,
                gone => gone,
            },
            StepAction::Repeat(rounds, steps) => self.repeat(*rounds, steps, endless).await,
            StepAction::Ping => self.say(Say::Ping).await,
            StepAction::Raw(bytes) => self.say(Say::Raw(bytes.clone())).await,
            StepAction::Stall(None) => self.end(Say::Stall(None)).await,
            StepAction::Close(code, reason) => {
                self.end(Say::Close { code: *code, reason: reason.clone() }).await
            }
            StepAction::Cut(cut) => self.end(Say::Cut(*cut)).await,
        }
    }

    async fn say(&mut self, say: Say) -> StepEnd {
        if self.conn.post_in_turn(say).await { StepEnd::Next } else { StepEnd::Gone }
    }

    async fn end(&mut self, say: Say) -> StepEnd {
        self.say(say).await;
        StepEnd::Over
    }

    async fn wait(&mut self, time: Duration) -> StepEnd {
        tokio::select! {
            () = sleep(self.settings.scaled(time)) => StepEnd::Next,
            () = self.client.gone() => StepEnd::Gone,
        }
    }

    async fn repeat(&mut self, rounds: Rounds, steps: &[Step], endless: bool) -> StepEnd {
        let outer = self.i;
        self.i = 0;
        while rounds.is_none_or(|rounds| self.i < rounds) {
            let endless = endless || rounds.is_none();
            match self.steps(steps, endless).await {
                StepEnd::Next => self.i += 1,
                StepEnd::Gone if !endless && rounds.is_some_and(|rounds| self.i + 1 < rounds) => {
                    return self.left(steps);
                }
                flow => return flow,
            }
            // Steps that wait for nothing must not keep the other connections waiting.
            tokio::task::yield_now().await;
        }
        self.i = outer;
        StepEnd::Next
    }

    /// Sends every output of a program.
    async fn make(&mut self, program: &Program, step: &Step) -> StepEnd {
        self.n += 1;
        let msg = self.msg.as_ref();
        let mut outputs = match self.interpreter.run(program, msg, msg, (self.n, self.i)) {
            Ok(outputs) => outputs,
            Err(error) => return self.break_off(step, &format!("cannot start a thread: {error}")),
        };
        loop {
            let output = tokio::select! {
                output = outputs.recv() => output,
                () = self.client.gone() => return StepEnd::Gone,
            };
            match output {
                None => return StepEnd::Next,
                Some(Err(error)) => return self.break_off(step, &error),
                Some(Ok(output)) => {
                    if self.say(output.message.into()).await != StepEnd::Next {
                        return StepEnd::Gone;
                    }
                }
            }
        }
    }

    async fn expect(&mut self, expect: &Expect, step: &Step) -> StepEnd {
        let deadline = sleep(self.settings.scaled(expect.timeout));
        tokio::pin!(deadline);
        let mut seen: Option<String> = None;
        loop {
            let met = tokio::select! {
                met = self.next_meets(expect, &mut seen) => met,
                () = &mut deadline => break,
            };
            match met {
                Some(true) => {
                    self.ledger.held();
                    return StepEnd::Next;
                }
                Some(false) => {}
                None => return StepEnd::Gone,
            }
        }
        if expect.optional {
            return StepEnd::Next;
        }
        let time = humantime::format_duration(expect.timeout);
        let seen = seen.map_or_else(|| "none was received".to_owned(), |seen| format!("the last was {seen}"));
        self.fail(step, &format!("no message matched {} within {time}; {seen}", expect.source))
    }

    /// Does the client's next message meet it? `None` if the client has gone.
    async fn next_meets(&mut self, expect: &Expect, seen: &mut Option<String>) -> Option<bool> {
        let message = self.inbox.next().await?;
        *seen = Some(self.registry.shortened(&message));
        self.msg = Some(message);
        let msg = self.msg.as_ref();
        let Ok(mut outputs) = self.interpreter.run(&expect.program, msg, msg, (self.n, self.i)) else {
            return Some(false);
        };
        // A program that fails on a message has not been met by it.
        while let Some(Ok(output)) = outputs.recv().await {
            if output.truthy {
                return Some(true);
            }
        }
        Some(false)
    }

    /// Records that an expectation was not met, and closes with the reason.
    fn unmet(&mut self, step: &Step, code: u16, why: &str) -> StepEnd {
        self.ledger.failed(Unmet {
            place: step.place.clone(),
            connection: self.conn.id,
            why: why.to_owned(),
        });
        self.conn.post(Say::close(code, reason(&format!("{}: {why}", step.place))));
        StepEnd::Over
    }

    /// A client does not meet an expectation.
    fn fail(&mut self, step: &Step, why: &str) -> StepEnd {
        self.unmet(step, 1008, why)
    }

    /// A program that fails is a fault of the scenario; that counts as an expectation that was not met.
    fn break_off(&mut self, step: &Step, why: &str) -> StepEnd {
        self.unmet(step, 1011, why)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.ledger.ended(self.index);
    }
}

impl Step {
    /// The first expectation that a client has to meet in this step, if there is one.
    fn first_demand(&self) -> Option<&Step> {
        match &self.what {
            StepAction::Expect(expect) => (!expect.optional).then_some(self),
            StepAction::Repeat(Some(_), steps) => steps.iter().find_map(Step::first_demand),
            _ => None,
        }
    }
}
