//! Workloads on a wire: what is judged is what the wire did.

use std::net::IpAddr;

use weft_simulations::host::{Host, Outcome, SECOND};
use weft_simulations::workload::{Evaluation, Machine, Machines, Running, Stray, Task, Workload};

use crate::wire::{GOOD, Wire, fixed, mac};

impl Machines for Wire {
    fn with<R>(&mut self, machine: Machine, act: impl FnOnce(&mut Host) -> R) -> Option<R> {
        (self.away != Some(machine)).then(|| act(&mut self.hosts[machine]))
    }

    fn address(&self, machine: Machine) -> Option<IpAddr> {
        Some([10, 0, 0, u8::try_from(machine + 1).unwrap()].into())
    }
}

/// Hosts behind a switch.
fn switched(hosts: usize) -> Wire {
    let mut wire = Wire::up(hosts, GOOD, 1);
    wire.switched = true;
    wire
}

fn start(wire: &mut Wire, workload: Workload) -> Running {
    let now = wire.now;
    workload.start(1, wire, now)
}

/// Ends a workload, waits a moment, and judges it.
fn end(wire: &mut Wire, mut running: Running) -> Evaluation {
    let now = wire.now;
    running.stop(wire, now);
    wire.run_for(SECOND);
    for (machine, event) in std::mem::take(&mut wire.events) {
        running.observe(machine, &event);
    }
    let now = wire.now;
    running.evaluate(wire, now)
}

#[test]
fn a_round_of_probes_is_a_matrix_of_who_reaches_whom() {
    let mut wire = switched(20);
    let all: Vec<Machine> = (0..20).collect();
    let running = start(&mut wire, Workload::among(Task::Probe { every: 10 }, &all));
    // Nobody reaches one of them until all gave up.
    wire.away = Some(7);
    wire.run_for(4 * SECOND);
    wire.away = None;
    wire.run_for(SECOND);
    let evaluation = end(&mut wire, running);
    assert_eq!(evaluation.pairs.len(), 20 * 19);
    assert_eq!(evaluation.strays, []);
    let reached = evaluation.reached();
    for pair in &evaluation.pairs {
        let expected = pair.to != 7;
        assert_eq!(
            reached.contains(&(pair.from, pair.to)),
            expected,
            "{pair:?}"
        );
    }
    assert_eq!(evaluation.lost(), 19);
    assert_eq!(evaluation.unfinished().count(), 19);
}

#[test]
fn who_gets_what_was_not_for_him_is_told() {
    let mut wire = switched(3);
    // A machine of another tenant, with the addresses of the first, is on the same wire by mistake.
    wire.hosts.push(Host::new(mac(1), 9));
    wire.hosts[3].boot(&fixed(1), wire.now);
    wire.run_for(5 * SECOND);
    let workload = Workload {
        task: Task::Probe { every: 10 },
        pairs: vec![(0, 1), (1, 0), (3, 2)],
    };
    let running = start(&mut wire, workload);
    wire.run_for(SECOND);
    let evaluation = end(&mut wire, running);
    let strays: Vec<_> = evaluation
        .strays
        .iter()
        .filter(|stray| stray.to == 1)
        .collect();
    let stray = Stray {
        from: 0,
        to: 1,
        at: 3,
        overheard: false,
    };
    assert_eq!(strays, [&stray]);
    let now = wire.now;
    let hub = Workload::between(Task::Probe { every: 10 }, &[0], &[1]);
    wire.switched = false;
    let running = hub.start(2, &mut wire, now);
    wire.run_for(SECOND);
    let evaluation = end(&mut wire, running);
    let overheard = Stray {
        from: 0,
        to: 1,
        at: 2,
        overheard: true,
    };
    assert!(
        evaluation.strays.contains(&overheard),
        "{:?}",
        evaluation.strays
    );
}

/// A stream or ping for three seconds, of which the wire loses one half second.
fn interrupted(task: Task) -> (u64, Evaluation) {
    let mut wire = switched(2);
    let warm = start(
        &mut wire,
        Workload::between(Task::Ping { every: 1000 }, &[0, 1], &[0, 1]),
    );
    wire.run_for(SECOND / 10);
    end(&mut wire, warm);
    let began = wire.now;
    let running = start(&mut wire, Workload::between(task, &[0], &[1]));
    wire.run_for(SECOND);
    wire.faults.lost = 1000;
    wire.run_for(SECOND / 2);
    wire.faults.lost = 0;
    wire.run_for(3 * SECOND / 2);
    (began, end(&mut wire, running))
}

#[test]
fn an_interruption_of_a_stream_is_measured() {
    let (began, evaluation) = interrupted(Task::Stream {
        every: 1000,
        size: 100,
    });
    let [pair] = evaluation.pairs.as_slice() else {
        panic!("{evaluation:?}");
    };
    assert_eq!((pair.sent, pair.received, pair.lost), (3001, 2501, 500));
    assert_eq!(pair.longest_gap, 501_000);
    assert_eq!(pair.gap_began, began + SECOND + 100);
    assert_eq!(pair.outages, [(began + SECOND + 1000, 500)]);
    assert_eq!(pair.delays.mean(), Some(100));
    assert_eq!(evaluation.lost(), 500);
    assert!(pair.finished);
}

#[test]
fn an_interruption_of_a_ping_is_measured() {
    let (began, evaluation) = interrupted(Task::Ping { every: 10_000 });
    let pair = evaluation.longest_gap().unwrap();
    // The reply to the request of the first moment is lost too.
    assert_eq!((pair.lost, pair.longest_gap), (51, 520_000));
    assert_eq!(pair.outages, [(began + SECOND, 51)]);
}

#[test]
fn a_stream_that_never_comes_is_one_long_gap() {
    let mut wire = switched(2);
    wire.faults.lost = 1000;
    let stream = Task::Stream {
        every: 10_000,
        size: 24,
    };
    let running = start(&mut wire, Workload::between(stream, &[0], &[1]));
    wire.run_for(2 * SECOND);
    let evaluation = end(&mut wire, running);
    let pair = &evaluation.pairs[0];
    assert_eq!(
        (pair.received, pair.lost, pair.longest_gap),
        (0, 201, 2 * SECOND)
    );
    assert!(!pair.finished);
}

#[test]
fn transfers_and_questions_come_to_their_end() {
    let mut wire = switched(4);
    let servers = [0];
    let clients = [1, 2, 3];
    let send = start(
        &mut wire,
        Workload::between(Task::Tcp { bytes: 100_000 }, &clients, &servers),
    );
    let ask = Task::Ask {
        count: 10,
        bytes: 500,
        every: SECOND / 10,
    };
    let now = wire.now;
    let ask = Workload::between(ask, &clients, &servers).start(2, &mut wire, now);
    wire.run_for(30 * SECOND);
    let send = end(&mut wire, send);
    assert_eq!(send.unfinished().count(), 0, "{send:?}");
    assert_eq!(send.corrupt, 0);
    assert!(send.pairs.iter().all(|pair| pair.sent == 100_000));
    let ask = end(&mut wire, ask);
    assert!(
        ask.pairs.iter().all(|pair| pair.delays.count == 10),
        "{ask:?}"
    );
    assert!(
        ask.pairs
            .iter()
            .all(|p| p.outcome == Some(Outcome::Complete))
    );
}

#[test]
fn a_machine_that_does_not_run_does_nothing() {
    let mut wire = switched(2);
    wire.away = Some(0);
    let running = start(
        &mut wire,
        Workload::between(Task::Ping { every: 1000 }, &[0], &[1]),
    );
    wire.run_for(SECOND);
    let evaluation = end(&mut wire, running);
    let pair = &evaluation.pairs[0];
    assert_eq!((pair.sent, pair.longest_gap), (0, SECOND));
    assert!(!pair.finished);
}

#[test]
fn a_workload_is_written_as_text() {
    let text = r#"{"task":{"stream":{"every":1000,"size":200}},"pairs":[[0,1],[1,0]]}"#;
    let workload: Workload = serde_json::from_str(text).unwrap();
    let stream = Task::Stream {
        every: 1000,
        size: 200,
    };
    assert_eq!(workload, Workload::among(stream, &[0, 1]));
    assert_eq!(serde_json::to_string(&workload).unwrap(), text);
    let wrong = r#"{"task":{"stream":{"every":1000}},"pairs":[]}"#;
    assert!(serde_json::from_str::<Workload>(wrong).is_err());
}
