//! A trace as text, for a terminal: a line for each thing that happens, further in what comes of it.

use std::fmt;

use super::{Arrival, Drop, Met, Step, Trace, TunnelEnd, Way, What};

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        way(f, &self.way, 0)?;
        if self.deliveries.is_empty() {
            writeln!(f, "No port gets it.")?;
            return self.drops.iter().try_for_each(|drop| writeln!(f, "{drop}"));
        }
        for delivery in &self.deliveries {
            writeln!(
                f,
                "Port {} gets it on {} ({}): {}",
                delivery.port, delivery.hypervisor, delivery.interface, delivery.packet
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Drop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Dropped on {} in {}: {}",
            self.hypervisor, self.stage, self.reason
        )?;
        if let Some(flow) = &self.flow {
            write!(f, "\n  flow {flow}")?;
            for owner in &flow.owners {
                write!(f, "\n  from {owner}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let matches = match &*self.matches {
            "" => String::new(),
            matches => format!(",{matches}"),
        };
        write!(
            f,
            "{}: priority={}{matches} actions={}",
            self.cookie, self.priority, self.actions
        )
    }
}

fn way(f: &mut fmt::Formatter<'_>, way: &Way, depth: usize) -> fmt::Result {
    let indent = "  ".repeat(depth);
    let from = match &way.arrival {
        Arrival::Port { port, interface } => format!("port {port} ({interface})"),
        Arrival::Tunnel {
            encapsulation,
            id,
            source,
        } => match source {
            Some(source) => format!("{encapsulation} {id} of {source}"),
            None => format!("{encapsulation} {id}"),
        },
    };
    writeln!(f, "{indent}{} from {from}: {}", way.hypervisor, way.packet)?;
    steps(f, &way.steps, depth + 1)
}

fn steps(f: &mut fmt::Formatter<'_>, list: &[Step], depth: usize) -> fmt::Result {
    for step in list {
        let indent = "  ".repeat(depth);
        match &step.what {
            What::Stage { stage, flow } => match flow {
                Some(flow) => writeln!(f, "{indent}{stage:<16} {flow}")?,
                None => writeln!(f, "{indent}{stage:<16} no flow is for it")?,
            },
            What::Copy => writeln!(f, "{indent}a copy")?,
            What::Group { group, buckets } => {
                writeln!(f, "{indent}group {group}: {buckets} of its buckets")?;
            }
            What::Track {
                zone,
                commit,
                state,
            } => {
                let word = if *commit { ", remembered" } else { "" };
                writeln!(f, "{indent}tracked in zone {zone}: {state}{word}")?;
            }
            What::Meter { meter, passes } => {
                let word = if *passes { "passes" } else { "drops it" };
                writeln!(f, "{indent}meter {meter} {word}")?;
            }
            What::Deliver(delivery) => writeln!(
                f,
                "{indent}=> port {} ({}): {}",
                delivery.port, delivery.interface, delivery.packet
            )?,
            What::Leave { ofport, packet } => {
                writeln!(
                    f,
                    "{indent}=> interface {ofport}, which carries no port: {packet}"
                )?;
            }
            What::Tunnel {
                encapsulation,
                id,
                to,
                end,
            } => {
                let to = to.map_or("nowhere".to_owned(), |to| to.to_string());
                write!(f, "{indent}=> {encapsulation} {id} to {to}")?;
                tunnel_end(f, end, depth)?;
            }
            What::Withheld { ofport, reason } => {
                writeln!(f, "{indent}not out of interface {ofport}: {reason}")?;
            }
            What::Controller { service, event } => {
                let service = service.as_deref().unwrap_or("nothing");
                writeln!(f, "{indent}=> controller, {service}: {event}")?;
            }
            What::TooOften => writeln!(f, "{indent}it goes round too often: all is dropped")?,
        }
        steps(f, &step.then, depth + 1)?;
    }
    Ok(())
}

fn tunnel_end(f: &mut fmt::Formatter<'_>, end: &TunnelEnd, depth: usize) -> fmt::Result {
    match end {
        TunnelEnd::Arrives(further) => {
            writeln!(f)?;
            way(f, further, depth + 1)
        }
        TunnelEnd::Nobody => writeln!(f, ", where no hypervisor is"),
        TunnelEnd::Unprogrammed(name) => writeln!(f, ": {name}, which has no program"),
        TunnelEnd::NotFollowed(name) => writeln!(f, ": {name}, not followed"),
    }
}
