//! The controller's side of a world: calls, commits, the log, and what the member wants done.

use std::sync::Arc;

use serde_json::Value;
use weft_engine::Request;
use weft_member::switch_link::Command;
use weft_member::{Effect, Input, Notice};
use weft_schema::{LogEntry, State};
use weft_topology::ChassisId;

use super::calls::{Answer, Call, CallId, Caller};
use super::connection::{ConnectionId, Link, Protocol};
use super::database::Health;
use super::hypervisor::HypervisorId;
use super::process::{self, Decision, Pending, Process, Writer};
use super::{Event, SECOND, World};

/// How often the member is told the time.
const TICK: u64 = SECOND;

/// How long the controller leaves a database alone that did not answer.
const PAUSE: u64 = SECOND / 2;

impl World {
    // --- The API. ---

    /// Calls the API now; the answer is in [`World::answer`] when it has come.
    pub fn submit(&mut self, caller: Caller, request: Request) -> CallId {
        let call = self.calls.add(caller, request, self.now);
        self.queue.push(self.now, Event::Call(call));
        call
    }

    /// Calls the API as an administrator, and lets the world go by until the answer.
    pub fn call(&mut self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            body,
            ..Request::default()
        };
        let call = self.submit(Caller::default(), request);
        loop {
            if let Some(answer) = &self.calls.get(call).answer {
                return answer.clone();
            }
            if !self.step(u64::MAX) {
                // Every call that is under way has an event that leads to its answer.
                self.answer_call(call, process::unavailable("The world has ended."), None);
            }
        }
    }

    /// Creates something: `kind` is the resource's name, as in `port`.
    ///
    /// # Errors
    /// The answer, when it is another than what was created.
    pub fn create(&mut self, kind: &str, attributes: Value) -> Result<Value, Answer> {
        let body = serde_json::json!({ kind: attributes });
        let mut answer = self.call("POST", &format!("/{kind}s"), Some(body));
        match answer.body.get_mut(kind) {
            Some(created) if answer.status < 300 => Ok(created.take()),
            _ => Err(answer),
        }
    }

    /// A call.
    #[must_use]
    pub fn call_of(&self, id: CallId) -> &Call {
        self.calls.get(id)
    }

    /// Every call there ever was.
    #[must_use]
    pub fn calls(&self) -> &[Call] {
        self.calls.all()
    }

    /// The controller decides on a call.
    pub(super) fn decide(&mut self, id: CallId) {
        let decision = match &mut self.process {
            None => process::unavailable("No controller answers."),
            Some(_) if self.database.health == Health::Down => {
                process::unavailable("The database does not answer.")
            }
            Some(process) => process.decide(id, self.calls.get_mut(id), self.now, &mut self.random),
        };
        self.answer_call(id, decision, None);
        self.commit_next();
    }

    fn answer_call(&mut self, id: CallId, decision: Decision, entry: Option<&LogEntry>) {
        let Decision::Answer(status, body) = decision else {
            return;
        };
        let revision = entry.map(|entry| entry.revision);
        if let Some(revision) = revision {
            self.calls.entered(id, revision);
        }
        let call = self.calls.get_mut(id);
        call.answer = Some(Answer {
            status,
            body,
            revision,
            at: self.now,
        });
        let Request { method, path, .. } = &call.request;
        let made = revision.map(|revision| format!(", revision {revision}"));
        let made = made.unwrap_or_default();
        let line = format_args!("API: {method} {path}: {status}{made}");
        self.history.note(self.now, line);
    }

    // --- The database. ---

    /// Sends what waits to the database, unless something is under way.
    fn commit_next(&mut self) {
        let Some(process) = &mut self.process else {
            return;
        };
        if let Some(batch) = process.next_batch() {
            let at = self.now + self.random.within(&self.database.delay);
            self.queue.push(at, Event::Commit(process.boot, batch));
        }
    }

    /// A batch reaches the database, even if its writer is gone.
    pub(super) fn commit(&mut self, boot: u64, batch: Vec<Pending>) {
        let time = process::time_us(self.now);
        let verdicts: Vec<_> = batch
            .iter()
            .map(|pending| self.database.commit(pending.write.clone(), time))
            .collect();
        let known = verdicts.iter().any(Result::is_ok);
        let running = self.process.as_ref().map(|process| process.boot);
        if running == Some(boot) && known {
            self.take_in();
        } else if let Some(running) = running {
            self.queue.push(self.now + PAUSE, Event::Follow(running));
        }
        if running != Some(boot) {
            return;
        }
        for (pending, verdict) in batch.into_iter().zip(verdicts) {
            let (writer, reserved) = pending.split();
            if let (Err(_), Some(process)) = (&verdict, &mut self.process) {
                process.cancel(reserved);
            }
            match writer {
                Writer::Member(system_id) => {
                    let revision = verdict.ok().map(|entry| entry.revision);
                    self.tell(Input::Written {
                        system_id,
                        revision,
                    });
                }
                Writer::Call(id, response) => match verdict {
                    Ok(entry) => {
                        let answer = Decision::Answer(response.status, process::body(&response));
                        self.answer_call(id, answer, Some(&entry));
                    }
                    Err(error) => match process::failure(&error) {
                        Some(answer) => self.answer_call(id, answer, None),
                        None => self.decide(id),
                    },
                },
            }
        }
        if let Some(process) = &mut self.process {
            process.committed();
        }
        self.commit_next();
    }

    /// The controller looks whether the log went on.
    pub(super) fn follow(&mut self, boot: u64) {
        if self
            .process
            .as_ref()
            .is_some_and(|process| process.boot == boot)
        {
            self.take_in();
        }
    }

    /// Brings the controller's memory to the head of the log.
    fn take_in(&mut self) {
        let Some(process) = &mut self.process else {
            return;
        };
        let Some(entries) = self.database.entries_after(process.state().revision()) else {
            return;
        };
        if process.take_in(&entries) {
            let at = self.now + self.random.within(&self.settings.delays.log);
            self.queue.push(at, Event::Entries(process.boot));
        }
        self.observe_entries(&entries);
    }

    /// The member is told of everything that is new.
    pub(super) fn tell_entries(&mut self, boot: u64) {
        let Some(process) = self.process.as_mut().filter(|process| process.boot == boot) else {
            return;
        };
        let (told, known) = (process.tell(), process.state().revision());
        let mut entries = self.database.store.entries_after(told);
        entries.retain(|entry| entry.revision <= known);
        self.tell(Input::Entries(entries.into_iter().map(Arc::new).collect()));
        self.calls.compiled(known, self.now);
    }

    // --- The member. ---

    /// The controller starts; when the database cannot be read, as soon as it can.
    pub(super) fn start_controller(&mut self) {
        if self.process.is_some() {
            return;
        }
        self.starting = self.database.health == Health::Down;
        if self.starting {
            return;
        }
        self.boots += 1;
        let state = State::from_snapshot(self.database.store.read(State::snapshot));
        let line = format_args!("controller: starts at revision {}", state.revision());
        self.history.note(self.now, line);
        let member = self.settings.member.clone();
        self.process = Some(Process::new(self.boots, state, self.engine(), member));
        self.queue.push(self.now, Event::Tick(self.boots));
        if let Some(interval) = self.settings.audit_interval {
            self.queue
                .push(self.now + interval, Event::Audit(self.boots));
        }
        self.dial_all();
    }

    /// The controller ends, at once and with everything that it knew.
    pub(super) fn crash_controller(&mut self) {
        self.starting = false;
        if self.process.take().is_none() {
            return;
        }
        self.history.note(self.now, "controller: ends");
        self.calls.forget();
        let calls = self.calls.all().len();
        for id in (0..calls).map(CallId) {
            if self.calls.get(id).answer.is_none() {
                let gone = process::unavailable("The controller is gone.");
                self.answer_call(id, gone, None);
            }
        }
        self.drop_links();
    }

    /// The database is so from now on.
    pub(super) fn set_health(&mut self, health: Health) {
        self.database.health = health;
        if health == Health::Down {
            return;
        }
        if self.starting {
            self.start_controller();
        }
        if let Some(process) = &self.process {
            self.queue.push(self.now, Event::Follow(process.boot));
        }
    }

    /// An operator lets a difference go that the controller held back.
    pub fn release(&mut self, hypervisor: HypervisorId) {
        let chassis = ChassisId::from(self.hypervisors[hypervisor.0].name.as_str());
        self.tell(Input::Release(chassis));
        self.pump();
    }

    pub(super) fn tick_member(&mut self, boot: u64) {
        if self
            .process
            .as_ref()
            .is_some_and(|process| process.boot == boot)
        {
            self.tell(Input::Tick(self.now / 1_000));
            self.queue.push(self.now + TICK, Event::Tick(boot));
        }
    }

    pub(super) fn audit_member(&mut self, boot: u64) {
        if self
            .process
            .as_ref()
            .is_some_and(|process| process.boot == boot)
            && let Some(interval) = self.settings.audit_interval
        {
            self.tell(Input::Audit);
            self.queue.push(self.now + interval, Event::Audit(boot));
        }
    }

    /// Tells the member something, and does what it wants done.
    pub(super) fn tell(&mut self, input: Input) {
        let Some(process) = &mut self.process else {
            return;
        };
        for effect in process.member.handle(input) {
            self.effect(effect);
        }
        self.commit_next();
    }

    fn effect(&mut self, effect: Effect) {
        match effect {
            Effect::Switch(id, command) => self.command(id, command),
            Effect::CloseHypervisor(id, reason) => {
                if let Some(connection) = self.connections.get_mut(&id)
                    && let Some(Link::Ovsdb(link)) = &mut connection.link
                {
                    link.close(reason);
                    self.touched.insert(id);
                }
            }
            Effect::Write { system_id, write } => {
                self.counts.writes += 1;
                if let Some(process) = &mut self.process {
                    // Observations claim nothing, so nobody can have been faster.
                    process.submit(write, Writer::Member(system_id));
                }
            }
            Effect::Notice(notice) => self.notice(notice),
        }
    }

    fn command(&mut self, id: ConnectionId, command: Command) {
        if let Command::Push { push, revision, .. } = &command {
            self.counts.pushes += 1;
            self.calls.pushed(id, *push, *revision);
        }
        // A connection that has just ended takes no commands; the member will hear of it.
        if let Some(connection) = self.connections.get_mut(&id)
            && let Some(Link::OpenFlow(link)) = &mut connection.link
        {
            link.command(command);
            self.touched.insert(id);
        }
    }

    fn notice(&mut self, notice: Notice) {
        self.history
            .note(self.now, format_args!("controller: {notice}"));
        self.notices.push((self.now, notice));
    }

    /// The controller's ends of all connections are gone.
    fn drop_links(&mut self) {
        let all: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in all {
            self.close_link(id, "the controller is gone");
        }
    }

    /// Everybody who wanted to connect may do so now.
    fn dial_all(&mut self) {
        for hypervisor in self.hypervisor_ids() {
            for protocol in Protocol::ALL {
                self.dial_again(hypervisor, protocol);
            }
        }
    }
}
