//! One invocation, step by step: read → plan → claim → send → settle. Any step may be its last, and others' steps may come
//! between.

use std::collections::{BTreeMap, VecDeque};

use billing::record::Attempt;
use billing::{
    Answer, Entry, InFlight, Learned, Reading, Readings, Record, Refusal, Run, StreamKey, Wanted, expire,
    note_attempt, plan, settle, to_read,
};
use chrono::{DateTime, Utc};

use crate::market::Fault;
use crate::world::{Mood, World, Write};

/// What is broken on purpose, to see that the laws notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Broken {
    #[default]
    Nothing,
    /// A lost answer counts as a refusal: the quantity is owed again and goes out under another hour.
    BlindResend,
    /// A refusal returns the record although another attempt is open.
    OthersIgnored,
    /// An answer settles whatever is in flight under its record's id, whoever claimed it.
    AttemptUnnamed,
    /// A run sends what it finds in flight without noting its attempt.
    Unnoted,
    /// Books are written whatever their version.
    Unconditional,
}

#[derive(Clone, Debug)]
enum Stage {
    Read,
    Plan,
    Claim(Box<Write>),
    Send,
    Settle,
    Write(Box<Write>),
    Done,
}

#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    pub(crate) run: Run,
    pub(crate) wanted: Wanted,
    pub(crate) mood: Mood,
    /// One a request, in turn; clean when there are no more.
    pub(crate) faults: VecDeque<Fault>,
    /// What the clock shows when it sends.
    pub(crate) clock: DateTime<Utc>,
    /// Requests a record at most.
    pub(crate) requests: usize,
    pub(crate) broken: Broken,
    /// Writes that found another version.
    pub(crate) conflicts: u64,
    readings: BTreeMap<StreamKey, Result<Reading, String>>,
    sent: Vec<(Record, Vec<Answer>)>,
    stage: Stage,
}

impl Invocation {
    pub(crate) fn new(world: &mut World, wanted: &Wanted, at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        world.invocations += 1;
        Self {
            run: Run {
                at,
                now,
                attempt: format!("run-{}", world.invocations),
            },
            wanted: wanted.clone(),
            mood: Mood::Exact,
            faults: VecDeque::new(),
            clock: now,
            requests: 1,
            broken: Broken::Nothing,
            conflicts: 0,
            readings: BTreeMap::new(),
            sent: Vec::new(),
            stage: Stage::Read,
        }
    }

    pub(crate) fn faults(mut self, faults: &[Fault]) -> Self {
        self.faults = faults.iter().copied().collect();
        self.requests = faults.len().max(1);
        self
    }

    pub(crate) fn done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// Its last step has been: nothing that it knows is written any more.
    pub(crate) fn crash(&mut self) {
        self.stage = Stage::Done;
    }

    /// What it has read.
    pub(crate) fn readings(&self) -> &BTreeMap<StreamKey, Result<Reading, String>> {
        &self.readings
    }

    /// All the steps that are left.
    pub(crate) fn finish(&mut self, world: &mut World) {
        while !self.done() {
            self.step(world);
        }
    }

    /// Steps until its claim is written.
    pub(crate) fn claim(&mut self, world: &mut World) {
        while !matches!(self.stage, Stage::Send | Stage::Done) {
            self.step(world);
        }
    }

    /// Steps until its answers are known, and nothing of them is written.
    pub(crate) fn send(&mut self, world: &mut World) {
        while !matches!(self.stage, Stage::Settle | Stage::Done) {
            self.step(world);
        }
    }

    pub(crate) fn step(&mut self, world: &mut World) {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Read => self.read(world),
            Stage::Plan => self.plan(world),
            Stage::Claim(write) => self.claimed(world, *write),
            Stage::Send => self.request(world),
            Stage::Settle => self.settle(world),
            Stage::Write(write) => {
                if self.write(world, *write) {
                    Stage::Done
                } else {
                    Stage::Settle
                }
            }
            Stage::Done => Stage::Done,
        };
    }

    fn read(&mut self, world: &World) -> Stage {
        let (_, book) = world.load(&self.wanted);
        let owners = world
            .owners
            .iter()
            .map(|(counter, (_, owner))| (counter.clone(), owner.clone()));
        let asked = to_read(&book, &owners.collect(), &self.wanted, &self.run);
        let read = |ask: &billing::ToRead| (ask.key.clone(), world.read(ask, self.run.now, self.mood));
        self.readings = asked.iter().map(read).collect();
        Stage::Plan
    }

    /// Expires, plans and notes its attempt, all for one write.
    fn plan(&mut self, world: &mut World) -> Stage {
        let (version, before) = world.load(&self.wanted);
        let mut book = before.clone();
        let run = &self.run;
        let rules = world.market.rules.clone();
        let mut entries: Vec<Entry> = expire(&mut book, &rules, &run.attempt, run.now);
        let owners = world
            .owners
            .iter()
            .map(|(counter, (_, owner))| (counter.clone(), owner.clone()));
        let readings = Readings {
            streams: self.readings.clone(),
            ..Readings::default()
        };
        let planned = plan(&book, &owners.collect(), &self.wanted, &readings, &rules, run);
        world.held = planned.held;
        entries.extend(planned.entries);
        let mut book = planned.book;
        if self.broken != Broken::Unnoted {
            note_attempt(&mut book, &rules, &run.attempt, run.now);
        }
        let versioned = |(counter, owner): (billing::Counter, billing::Owner)| {
            let version = world.owners.get(&counter).map_or(0, |(version, _)| *version);
            (counter, (version, owner))
        };
        Stage::Claim(Box::new(Write {
            version,
            book,
            owners: planned.owners.into_iter().map(versioned).collect(),
            entries,
        }))
    }

    fn claimed(&mut self, world: &mut World, write: Write) -> Stage {
        let flying = write.book.in_flight.clone();
        if !self.write(world, write) {
            return Stage::Plan;
        }
        let sendable = |flight: &InFlight| world.market.rules.takes(flight.record.timestamp, self.run.now);
        self.sent = flying
            .into_iter()
            .filter(sendable)
            .map(|flight| (flight.record, Vec::new()))
            .collect();
        Stage::Send
    }

    /// One request for the first record that wants one.
    fn request(&mut self, world: &mut World) -> Stage {
        let identity = self.wanted.destination.identity.to_string();
        let requests = self.requests;
        let wants = |answers: &[Answer]| match answers.last() {
            None => true,
            Some(Answer::Unknown(_) | Answer::Refused(Refusal::Later(_))) => answers.len() < requests,
            Some(_) => false,
        };
        let next = self.sent.iter_mut().find(|(_, answers)| wants(answers));
        let Some((record, answers)) = next else {
            return Stage::Settle;
        };
        let fault = self.faults.pop_front().unwrap_or_default();
        answers.push(world.market.send(&identity, record, self.clock, fault));
        Stage::Send
    }

    fn settle(&mut self, world: &World) -> Stage {
        let (version, mut book) = world.load(&self.wanted);
        let learned: Vec<Learned> = self
            .sent
            .iter()
            .map(|(record, answers)| Learned {
                record: record.id.clone(),
                answers: answers.iter().map(|answer| self.taken(answer)).collect(),
            })
            .collect();
        for flight in &mut book.in_flight {
            self.corrupt(flight);
        }
        let entries = settle(&mut book, &self.run.attempt, &learned, self.run.now);
        Stage::Write(Box::new(Write {
            version,
            book,
            owners: BTreeMap::new(),
            entries,
        }))
    }

    fn write(&mut self, world: &mut World, write: Write) -> bool {
        if self.broken == Broken::Unconditional {
            world.force(write);
            return true;
        }
        let written = world.write(write);
        self.conflicts += u64::from(!written);
        written
    }

    fn taken(&self, answer: &Answer) -> Answer {
        match answer {
            Answer::Unknown(reason) if self.broken == Broken::BlindResend => {
                Answer::Refused(Refusal::Later(reason.clone()))
            }
            other => other.clone(),
        }
    }

    fn corrupt(&self, flight: &mut InFlight) {
        let mine = Attempt {
            id: self.run.attempt.clone(),
            since: self.run.now,
            closed: false,
        };
        match self.broken {
            Broken::OthersIgnored => flight.attempts.retain(|attempt| attempt.id == mine.id),
            Broken::AttemptUnnamed => flight.attempts = vec![mine],
            _ => {}
        }
    }
}
