//! Can one port reach another, and what decides it: the packets of an exchange, each traced.
//!
//! A host asks for an address before it sends, and what it sends is answered: all four ways must be open.
//! What becomes of one packet is [`crate::trace`]'s business.

use std::fmt;
use std::net::IpAddr;

use rust_openflow::MacAddr;
use rust_openflow::field::Field;
use serde::{Deserialize, Serialize};

use crate::trace::packet::{Draft, NextHop};
use crate::trace::{
    Cloud, Drop, Follower, Met, Question, Step, Trace, TraceError, TunnelEnd, Way, What,
};

/// Whether one port can talk to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// Whether it can.
    pub reaches: bool,
    /// What each of them sends, up to the first that does not arrive.
    pub exchanges: Vec<Exchange>,
}

/// One packet of an exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// What it is, in words.
    pub what: String,
    /// Whether it does what it is for.
    pub succeeds: bool,
    /// What decides it.
    pub decision: Decision,
    /// Its way.
    pub trace: Option<Trace>,
}

/// What decides what becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Decision {
    /// A flow lets it out to whom it is for.
    Delivered {
        /// The hypervisor, by its system-id.
        hypervisor: String,
        /// The stage.
        stage: String,
        /// The flow.
        flow: Met,
    },
    /// It is dropped.
    Dropped(Drop),
    /// No flow decides it.
    Other {
        /// What does, in words.
        reason: String,
    },
}

/// Asks whether the sender of a packet can talk to the port that it is for.
///
/// # Errors
/// When a port is not there or nowhere, or the packet cannot be made.
pub fn why<C: Cloud>(follower: &mut Follower<C>, question: &Question) -> Result<Why, TraceError> {
    let mut draft = follower.draft(question)?;
    if draft.to.is_none() {
        let unsaid = "say for which port it is".to_owned();
        return Err(TraceError::Packet(unsaid));
    }
    draft.complete()?;
    let mut exchanges = Vec::new();
    let mut reaches = true;
    for draft in [draft.clone(), draft.reply()] {
        reaches = reaches && half(follower, &draft, &mut exchanges)?;
    }
    Ok(Why { reaches, exchanges })
}

/// One of them asks where the other is, and sends; whether that arrives.
fn half<C: Cloud>(
    follower: &mut Follower<C>,
    draft: &Draft,
    exchanges: &mut Vec<Exchange>,
) -> Result<bool, TraceError> {
    let mac = match (draft.told(Field::EthDst), draft.next_hop()) {
        (Some(_), _) | (None, NextHop::Unsaid) => draft.to.as_ref().map(|to| to.mac),
        (None, NextHop::Known(group)) => Some(group),
        (None, NextHop::NoRoute(to)) => {
            let reason = format!(
                "the subnets of port {} have no gateway, and {to} is in none of them",
                draft.from.id
            );
            exchanges.push(Exchange {
                what: format!("port {} looks for a way to {to}", draft.from.id),
                succeeds: false,
                decision: Decision::Other { reason },
                trace: None,
            });
            return Ok(false);
        }
        (None, NextHop::Asked(address)) => {
            let (trace, mac) = follower.resolve(draft, address)?;
            exchanges.push(question(draft, address, trace, mac));
            mac
        }
    };
    let Some(mac) = mac else {
        return Ok(false);
    };
    let frame = draft.frame(Some(mac))?;
    let trace = follower.send(draft, &frame)?;
    let to = draft
        .to
        .as_ref()
        .map(|to| to.id.to_string())
        .unwrap_or_default();
    let succeeds = trace.deliveries.iter().any(|delivery| delivery.port == to);
    exchanges.push(Exchange {
        what: format!("port {} sends to port {to}", draft.from.id),
        succeeds,
        decision: decision(&trace, &to),
        trace: Some(trace),
    });
    Ok(succeeds)
}

/// The question who has an address, and what was told.
fn question(draft: &Draft, address: IpAddr, trace: Trace, mac: Option<MacAddr>) -> Exchange {
    let asker = draft.from.id.to_string();
    let decision = match mac {
        Some(_) => decision(&trace, &asker),
        None if trace.deliveries.is_empty() => decision(&trace, &asker),
        None => Decision::Other {
            reason: format!("none of those who are asked has {address}"),
        },
    };
    Exchange {
        what: match mac {
            Some(mac) => format!("port {asker} asks who has {address}, and is told {mac}"),
            None => format!("port {asker} asks who has {address}"),
        },
        succeeds: mac.is_some(),
        decision,
        trace: Some(trace),
    }
}

/// What decides whether a port gets a packet.
fn decision(trace: &Trace, port: &str) -> Decision {
    if let Some((hypervisor, stage, flow)) = delivering(&trace.way, port) {
        return Decision::Delivered {
            hypervisor,
            stage,
            flow,
        };
    }
    match trace.drops.first() {
        Some(drop) if trace.deliveries.is_empty() => Decision::Dropped(drop.clone()),
        _ => Decision::Other {
            reason: "it goes to others only".to_owned(),
        },
    }
}

/// The flow that lets a packet out to a port: hypervisor, stage, flow.
fn delivering(way: &Way, port: &str) -> Option<(String, String, Met)> {
    fn within(
        steps: &[Step],
        at: Option<(&str, &str, &Met)>,
        hypervisor: &str,
        port: &str,
    ) -> Option<(String, String, Met)> {
        steps.iter().find_map(|step| {
            let at = match &step.what {
                What::Stage {
                    stage,
                    flow: Some(flow),
                } => Some((hypervisor, stage.as_str(), flow)),
                What::Deliver(delivery) if delivery.port == port => {
                    let (hypervisor, stage, flow) = at?;
                    return Some((hypervisor.to_owned(), stage.to_owned(), flow.clone()));
                }
                What::Tunnel {
                    end: TunnelEnd::Arrives(way),
                    ..
                } => return delivering(way, port),
                _ => at,
            };
            within(&step.then, at, hypervisor, port)
        })
    }
    within(&way.steps, None, &way.hypervisor, port)
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for exchange in &self.exchanges {
            let verdict = if exchange.succeeds { "yes" } else { "NO " };
            writeln!(f, "{verdict}  {}", exchange.what)?;
            for line in exchange.decision.to_string().lines() {
                writeln!(f, "     {line}")?;
            }
        }
        match self.reaches {
            true => writeln!(f, "They reach each other."),
            false => writeln!(f, "They do not reach each other."),
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered {
                hypervisor,
                stage,
                flow,
            } => {
                write!(f, "let through on {hypervisor} by {stage}, flow {flow}")?;
                flow.owners
                    .iter()
                    .try_for_each(|owner| write!(f, "\n  from {owner}"))
            }
            Self::Dropped(drop) => write!(f, "{drop}"),
            Self::Other { reason } => f.write_str(reason),
        }
    }
}
