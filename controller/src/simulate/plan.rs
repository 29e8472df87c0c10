//! Which ports are where: a rule that spreads them evenly.
//!
//! In each round every hypervisor gets a port, of the next network than in the round before. So hypervisors have ports of
//! several networks, and networks are on several hypervisors.

use std::collections::BTreeSet;

/// How much there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) hypervisors: usize,
    pub(super) networks: usize,
    pub(super) ports: usize,
}

impl Plan {
    /// The network and the hypervisor of a port.
    pub(super) fn place(self, port: usize) -> (usize, usize) {
        let hypervisor = port % self.hypervisors;
        let round = port / self.hypervisors;
        ((hypervisor + round) % self.networks, hypervisor)
    }

    /// The hypervisors of each network.
    pub(super) fn reach(self) -> Vec<BTreeSet<usize>> {
        let mut reach = vec![BTreeSet::new(); self.networks];
        for (network, hypervisor) in (0..self.ports).map(|port| self.place(port)) {
            reach[network].insert(hypervisor);
        }
        reach
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_on_several_hypervisors_and_these_have_several_networks() {
        let plan = Plan {
            hypervisors: 30,
            networks: 10,
            ports: 150,
        };
        let reach = plan.reach();
        assert!(reach.iter().all(|on| on.len() == 15), "{reach:?}");
        let of_first = reach.iter().filter(|on| on.contains(&0)).count();
        assert_eq!(of_first, 5);
    }
}
