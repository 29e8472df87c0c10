//! What holds for every shape, and that routing is right: against brute force, after every change.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::{connected_components, floyd_warshall};
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

use super::*;

const LINK: Link = Link::of_delay(10);

fn plan(shape: &Shape) -> Graph {
    shape.plan(LINK, 1).expect("a right shape")
}

/// How many nodes have which role and how many links.
fn census(graph: &Graph) -> BTreeMap<(Role, usize), usize> {
    let mut census = BTreeMap::new();
    for (id, node) in graph.nodes() {
        *census
            .entry((node.role, graph.links_of(id).count()))
            .or_default() += 1;
    }
    census
}

/// Hypervisors in every rack, with addresses that count up.
fn inhabited(shape: &Shape, per_rack: usize, settings: Settings) -> (Underlay, Vec<IpAddr>) {
    let mut graph = plan(shape);
    let mut nodes = Vec::new();
    for rack in 0..graph.racks().len() {
        for _ in 0..per_rack {
            let name = format!("hv{}", nodes.len());
            nodes.push(
                graph
                    .hypervisor(&name, rack, Link::of_delay(1))
                    .expect("room"),
            );
        }
    }
    let mut underlay = Underlay::new(graph, settings);
    let addresses = (0u32..).map(|number| IpAddr::V4((0x0a00_0000 + number).into()));
    let addresses: Vec<IpAddr> = addresses.take(nodes.len()).collect();
    for (node, address) in nodes.iter().zip(&addresses) {
        underlay.bind(*address, *node);
    }
    (underlay, addresses)
}

fn dice() -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(7)
}

#[test]
fn a_leaf_spine_links_every_leaf_to_every_spine() {
    let graph = plan(&Shape::LeafSpine {
        leaves: 6,
        spines: 4,
        homes: 1,
    });
    let expected = BTreeMap::from([((Role::Spine, 6), 4), ((Role::Leaf, 4), 6)]);
    assert_eq!(census(&graph), expected);
    assert_eq!(graph.racks().len(), 6);
}

#[test]
fn a_rack_of_two_leaves_plugs_each_hypervisor_into_both() {
    let mut graph = plan(&Shape::LeafSpine {
        leaves: 6,
        spines: 2,
        homes: 2,
    });
    assert_eq!(graph.racks().len(), 3);
    let node = graph.hypervisor("hv", 1, LINK).expect("room");
    let into: Vec<&str> = graph
        .links_of(node)
        .map(|(_, to)| graph.node(to).name.as_str())
        .collect();
    assert_eq!(
        BTreeSet::from_iter(into),
        BTreeSet::from(["leaf3", "leaf4"])
    );
}

#[test]
fn a_fat_tree_has_the_numbers_of_its_paper_and_room_for_no_more() {
    for k in [2, 4, 8] {
        let mut graph = plan(&Shape::FatTree { k });
        let half = k / 2;
        let expected = BTreeMap::from([
            ((Role::Core, k), half * half),
            ((Role::Aggregation, k), k * half),
            ((Role::Leaf, half), k * half),
        ]);
        assert_eq!(census(&graph), expected, "k = {k}");
        for number in 0..half {
            graph
                .hypervisor(&format!("hv{number}"), 0, LINK)
                .expect("room");
        }
        let full = graph.hypervisor("one more", 0, LINK).expect_err("full");
        assert_eq!(full.parameter, "hypervisors");
    }
}

#[test]
fn three_tiers_join_access_to_its_pod_and_pods_to_the_core() {
    let shape = Shape::ThreeTier {
        cores: 2,
        pods: 3,
        aggregations: 2,
        accesses: 5,
    };
    let expected = BTreeMap::from([
        ((Role::Core, 6), 2),
        ((Role::Aggregation, 7), 6),
        ((Role::Leaf, 2), 15),
    ]);
    assert_eq!(census(&plan(&shape)), expected);
}

#[test]
fn rings_and_meshes_have_their_degrees() {
    let ring = census(&plan(&Shape::Ring { sites: 7 }));
    assert_eq!(ring, BTreeMap::from([((Role::Router, 2), 7)]));
    let mesh = census(&plan(&Shape::Mesh { sites: 7 }));
    assert_eq!(mesh, BTreeMap::from([((Role::Router, 6), 7)]));
}

#[test]
fn a_wrong_parameter_is_named() {
    let wrong = [
        (
            Shape::LeafSpine {
                leaves: 0,
                spines: 1,
                homes: 1,
            },
            "leaves",
        ),
        (
            Shape::LeafSpine {
                leaves: 4,
                spines: 0,
                homes: 1,
            },
            "spines",
        ),
        (
            Shape::LeafSpine {
                leaves: 4,
                spines: 1,
                homes: 3,
            },
            "homes",
        ),
        (
            Shape::LeafSpine {
                leaves: 40_000,
                spines: 40_000,
                homes: 1,
            },
            "leaves",
        ),
        (Shape::FatTree { k: 5 }, "k"),
        (Shape::FatTree { k: 1000 }, "k"),
        (
            Shape::ThreeTier {
                cores: 1,
                pods: 0,
                aggregations: 1,
                accesses: 1,
            },
            "pods",
        ),
        (Shape::Ring { sites: 2 }, "sites"),
        (Shape::Mesh { sites: 10_000 }, "sites"),
        (
            Shape::RandomRegular {
                sites: 5,
                degree: 3,
            },
            "degree",
        ),
        (
            Shape::RandomRegular {
                sites: 5,
                degree: 5,
            },
            "degree",
        ),
        (
            Shape::Wan {
                graphml: "<graphml><node id='1'>".into(),
            },
            "graphml",
        ),
        (
            Shape::Wan {
                graphml: "<graphml/>".into(),
            },
            "graphml",
        ),
        (
            Shape::List {
                devices: vec![],
                links: vec![],
            },
            "devices",
        ),
    ];
    for (shape, parameter) in wrong {
        let error = shape.plan(LINK, 1).expect_err("wrong");
        assert_eq!(error.parameter, parameter, "{error}");
    }
}

#[test]
fn light_takes_its_time_along_the_great_circle() {
    let new_york = Position {
        latitude: 40.71,
        longitude: -74.01,
    };
    let london = Position {
        latitude: 51.51,
        longitude: -0.13,
    };
    // 5,570 km.
    assert!(
        (27_800..27_900).contains(&new_york.delay_to(london)),
        "{}",
        new_york.delay_to(london)
    );
    assert_eq!(new_york.delay_to(new_york), 0);
}

const CITIES: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key attr.name="LinkSpeedRaw" attr.type="double" for="edge" id="d1" />
  <key attr.name="Latitude" attr.type="double" for="node" id="d2" />
  <key attr.name="Longitude" attr.type="double" for="node" id="d3" />
  <key attr.name="label" attr.type="string" for="node" id="d4" />
  <graph edgedefault="undirected">
    <data key="d9">passed over</data>
    <node id="0"><data key="d2">52.37</data><data key="d3">4.9</data><data key="d4">Amsterdam</data></node>
    <node id="1"><data key="d2">50.85</data><data key="d3">4.35</data><data key="d4">B &amp; C</data></node>
    <node id="2"><data key="d4">Amsterdam</data></node>
    <edge source="0" target="1"><data key="d1">10000000000.0</data></edge>
    <edge source="1" target="2"/>
  </graph>
</graphml>"#;

#[test]
fn a_wan_is_read_with_labels_coordinates_and_speeds() {
    let graph = plan(&Shape::Wan {
        graphml: CITIES.into(),
    });
    let names: Vec<&str> = graph.nodes().map(|(_, node)| node.name.as_str()).collect();
    assert_eq!(names, ["Amsterdam", "B & C", "Amsterdam 2"]);
    let links: Vec<(u64, Option<u64>)> = graph
        .links()
        .map(|(.., link)| (link.delay, link.rate))
        .collect();
    // 173 km; and the delay of all links where a coordinate is missing.
    assert_eq!(links, [(866, Some(10_000_000_000)), (10, None)]);
    assert_eq!(graph.racks()[1].name, "B & C");
}

#[test]
fn flows_spread_evenly_over_equal_paths_and_each_stays_on_its_own() {
    let shape = Shape::LeafSpine {
        leaves: 2,
        spines: 4,
        homes: 1,
    };
    let (mut underlay, addresses) = inhabited(&shape, 1, Settings::default());
    let mut dice = dice();
    for hash in 0..4000 {
        underlay.send(addresses[0], addresses[1], hash, 100, 0, &mut dice);
    }
    let graph = underlay.graph();
    let leaf = graph.named("leaf1").expect("a leaf");
    for spine in 1..=4 {
        let spine = graph.named(&format!("spine{spine}")).expect("a spine");
        let link = graph.between(leaf, spine)[0];
        let packets: u64 = underlay.traffic(link).iter().map(|lane| lane.packets).sum();
        assert!(
            (900..1100).contains(&packets),
            "{packets} of 4000 over one of four"
        );
    }
    let (from, to) = (underlay.holder(addresses[0]), underlay.holder(addresses[1]));
    let (from, to) = (from.expect("bound"), to.expect("bound"));
    assert_eq!(underlay.paths(from, to, 10, 0).len(), 4);
    assert_eq!(
        underlay.path_of(from, to, 5, 0),
        underlay.path_of(from, to, 5, 0)
    );
}

#[test]
fn a_failed_link_loses_what_went_over_it_until_routing_has_noticed() {
    let shape = Shape::LeafSpine {
        leaves: 3,
        spines: 2,
        homes: 1,
    };
    let settings = Settings {
        convergence: 1000,
        ..Settings::default()
    };
    let (mut underlay, addresses) = inhabited(&shape, 1, settings);
    let (mut dice, leaf) = (dice(), underlay.graph().named("leaf1").expect("a leaf"));
    let spine = underlay.graph().named("spine1").expect("a spine");
    let link = underlay.graph().between(leaf, spine)[0];
    let ends: Vec<NodeId> = addresses
        .iter()
        .filter_map(|address| underlay.holder(*address))
        .collect();
    let over = |underlay: &mut Underlay, a: usize, b: usize, hash| {
        let path = underlay.path_of(ends[a], ends[b], hash, 0).expect("a way");
        path.links.contains(&link)
    };
    let mut cases = Vec::new();
    for (a, b) in [(0, 1), (1, 0), (1, 2), (0, 2)] {
        for hash in 0..20 {
            cases.push((a, b, hash, over(&mut underlay, a, b, hash)));
        }
    }
    underlay.set_link(link, false, 0);
    for (a, b, hash, lost) in &cases {
        let fate = underlay.send(addresses[*a], addresses[*b], *hash, 100, 999, &mut dice);
        assert_eq!(fate == Fate::Lost(Loss::LinkDown(link)), *lost, "{fate:?}");
    }
    assert!(cases.iter().any(|(.., lost)| *lost) && cases.iter().any(|(.., lost)| !lost));
    for (a, b, hash, _) in &cases {
        let fate = underlay.send(addresses[*a], addresses[*b], *hash, 100, 1000, &mut dice);
        assert!(matches!(fate, Fate::Arrives { .. }), "{fate:?}");
    }
    let dropped: u64 = underlay.traffic(link).iter().map(|lane| lane.dropped).sum();
    assert_eq!(
        dropped,
        cases.iter().filter(|(.., lost)| *lost).count() as u64
    );
}

#[test]
fn where_links_are_spare_a_failure_costs_routing_next_to_nothing() {
    let (mut underlay, addresses) = inhabited(&Shape::FatTree { k: 8 }, 1, Settings::default());
    let mut dice = dice();
    for to in &addresses {
        underlay.send(addresses[0], *to, 1, 100, 0, &mut dice);
    }
    let before = underlay.settled();
    let core = underlay.graph().named("core1").expect("a core switch");
    underlay.set_device(core, false, 0);
    let fate = underlay.send(addresses[0], addresses[31], 1, 100, 1_000_000, &mut dice);
    assert!(matches!(fate, Fate::Arrives { .. }), "{fate:?}");
    // Only the core switch itself has become farther: one distance of each of 32 trees with 80 nodes.
    let cost = underlay.settled() - before;
    assert!(cost <= 32, "{cost} distances");
}

#[test]
fn a_link_with_a_rate_makes_packets_wait_and_then_drops_them() {
    let mut graph = plan(&Shape::Ring { sites: 3 });
    // 8 Mbit/s: a byte takes a microsecond.
    let slow = Link {
        rate: Some(8_000_000),
        ..Link::of_delay(5)
    };
    let a = graph.hypervisor("a", 0, slow).expect("room");
    let b = graph.hypervisor("b", 0, Link::of_delay(5)).expect("room");
    let mut underlay = Underlay::new(
        graph,
        Settings {
            queue: 2000,
            ..Settings::default()
        },
    );
    let [from, to] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
    underlay.bind(from, a);
    underlay.bind(to, b);
    let mut dice = dice();
    let fates: Vec<Fate> = (0..4)
        .map(|_| underlay.send(from, to, 0, 1000, 0, &mut dice))
        .collect();
    let link = underlay.graph().links_of(a).next().expect("its link").0;
    let expected = [1010, 2010, 3010].map(|at| Fate::Arrives { at });
    assert_eq!(fates[..3], expected);
    assert_eq!(fates[3], Fate::Lost(Loss::QueueFull(link)));
    let after = underlay.send(from, to, 0, 1000, 3000, &mut dice);
    assert_eq!(after, Fate::Arrives { at: 4010 });
}

#[test]
fn loss_is_as_likely_as_the_link_says() {
    let mut graph = plan(&Shape::Ring { sites: 3 });
    let bad = Link {
        loss: 0.25,
        ..Link::of_delay(5)
    };
    let a = graph.hypervisor("a", 0, bad).expect("room");
    let b = graph.hypervisor("b", 0, Link::of_delay(5)).expect("room");
    let mut underlay = Underlay::new(graph, Settings::default());
    let [from, to] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
    underlay.bind(from, a);
    underlay.bind(to, b);
    let mut dice = dice();
    let lost =
        (0..4000).filter(|_| matches!(underlay.send(from, to, 0, 1, 0, &mut dice), Fate::Lost(_)));
    let lost = lost.count();
    assert!((900..1100).contains(&lost), "{lost} of 4000");
    let unknown = IpAddr::from([10, 0, 0, 3]);
    let fate = underlay.send(from, unknown, 0, 1, 0, &mut dice);
    assert_eq!(fate, Fate::Lost(Loss::UnknownAddress(unknown)));
}

#[test]
fn lengths_count_every_pair() {
    let (mut underlay, addresses) = inhabited(&Shape::FatTree { k: 4 }, 2, Settings::default());
    assert_eq!(addresses.len(), 16);
    let lengths: Vec<(usize, u64)> = underlay
        .lengths(0)
        .iter()
        .map(|row| (row.hops, row.pairs))
        .collect();
    assert_eq!(lengths, [(2, 16), (4, 32), (6, 192)]);
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop_oneof![
        (1usize..5, 1usize..4).prop_map(|(leaves, spines)| Shape::LeafSpine {
            leaves: leaves * 2,
            spines,
            homes: 2
        }),
        (1usize..3).prop_map(|half| Shape::FatTree { k: half * 2 }),
        (1usize..3, 1usize..3, 1usize..3, 1usize..3).prop_map(
            |(cores, pods, aggregations, accesses)| {
                Shape::ThreeTier {
                    cores,
                    pods,
                    aggregations,
                    accesses,
                }
            }
        ),
        (3usize..9).prop_map(|sites| Shape::Ring { sites }),
        (2usize..7).prop_map(|sites| Shape::Mesh { sites }),
        (3usize..10, 1usize..4).prop_map(|(half, degree)| Shape::RandomRegular {
            sites: half * 2,
            degree: degree + 1
        }),
    ]
}

/// The plan with delays that differ, so that paths do.
fn uneven(shape: &Shape, seed: u64) -> Graph {
    let even = plan(shape);
    let mut dice = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut graph = Graph::default();
    for (_, node) in even.nodes() {
        graph.add(&node.name, node.role, None).expect("as before");
    }
    for (_, a, b, _) in even.links() {
        graph
            .link(a, b, Link::of_delay(dice.random_range(1..4)))
            .expect("as before");
    }
    for rack in even.racks() {
        graph.rack(rack.devices.clone(), rack.room);
    }
    for rack in 0..even.racks().len() {
        graph
            .hypervisor(&format!("hv{rack}"), rack, Link::of_delay(1))
            .expect("room");
    }
    graph
}

/// The shortest delays of all pairs, over what is up.
fn brute(underlay: &Underlay) -> BTreeMap<(NodeId, NodeId), u64> {
    let graph = underlay.graph().as_petgraph();
    let transit = |node: NodeId| graph[node].role != Role::Hypervisor;
    let cut = graph.filter_map(
        |_, node| Some(node.role),
        |id, link| {
            let (a, b) = graph.edge_endpoints(id).expect("its own");
            (underlay.is_link_up(id) && transit(a) && transit(b)).then_some(link.delay)
        },
    );
    let lengths = floyd_warshall(&cut, |edge| *edge.weight()).expect("no negative delays");
    lengths.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_random_regular_graph_is_simple_regular_connected_and_of_its_seed(
        sites in 3usize..40, degree in 2usize..6, seed: u64,
    ) {
        prop_assume!(degree < sites && (sites * degree).is_multiple_of(2));
        let shape = Shape::RandomRegular { sites, degree };
        let graph = shape.plan(LINK, seed).expect("right");
        let links: Vec<(NodeId, NodeId)> = graph.links().map(|(_, a, b, _)| (a.min(b), a.max(b))).collect();
        let simple: BTreeSet<_> = links.iter().copied().collect();
        prop_assert_eq!(simple.len(), links.len());
        prop_assert_eq!(census(&graph), BTreeMap::from([((Role::Router, degree), sites)]));
        prop_assert_eq!(connected_components(graph.as_petgraph()), 1);
        let again = shape.plan(LINK, seed).expect("right");
        prop_assert!(again.links().eq(graph.links()));
    }

    #[test]
    fn after_every_change_paths_are_the_shortest_of_what_is_up(
        shape in shapes(), seed: u64, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>(), any::<bool>()), 0..12),
    ) {
        let settings = Settings { convergence: 0, ..Settings::default() };
        let mut underlay = Underlay::new(uneven(&shape, seed), settings);
        let hypervisors = underlay.hypervisors();
        let links: Vec<LinkId> = underlay.graph().links().map(|row| row.0).collect();
        let nodes: Vec<NodeId> = underlay.graph().nodes().map(|row| row.0).collect();
        for step in 0..=changes.len() {
            let shortest = brute(&underlay);
            for (a, b) in hypervisors.iter().flat_map(|a| hypervisors.iter().map(move |b| (*a, *b))) {
                if a == b { continue; }
                let around = |node| underlay.graph().links_of(node).filter(|(link, _)| underlay.is_link_up(*link)).map(|(_, to)| to).collect::<Vec<_>>();
                let (firsts, lasts) = (around(a), around(b));
                let best = firsts.iter().flat_map(|first| lasts.iter().map(move |last| (*first, *last)))
                    .filter_map(|pair| shortest.get(&pair).filter(|delay| **delay < u64::MAX))
                    .min().map(|delay| delay + 2);
                let found = underlay.path_of(a, b, seed, 0);
                prop_assert_eq!(found.as_ref().map(|path| path.delay), best, "{:?} to {:?}", a, b);
                for path in underlay.paths(a, b, 50, 0) {
                    prop_assert_eq!(Some(path.delay), best);
                    prop_assert!(path.links.iter().all(|link| underlay.is_link_up(*link)));
                }
                if let Some(found) = found {
                    prop_assert!(underlay.paths(a, b, 10_000, 0).contains(&found));
                }
            }
            let Some((which, device, up)) = changes.get(step) else { break };
            if *device {
                underlay.set_device(*which.get(&nodes), *up, 0);
            } else {
                underlay.set_link(*which.get(&links), *up, 0);
            }
        }
    }
}

#[test]
fn a_thousand_hypervisors_are_routed_by_trees_of_their_leaves_only() {
    let shape = Shape::LeafSpine {
        leaves: 50,
        spines: 8,
        homes: 1,
    };
    let (mut underlay, addresses) = inhabited(&shape, 20, Settings::default());
    assert_eq!(addresses.len(), 1000);
    let mut dice = dice();
    for (number, to) in addresses.iter().enumerate() {
        underlay.send(addresses[999 - number], *to, 1, 100, 0, &mut dice);
    }
    assert_eq!(
        underlay.settled(),
        50 * 58,
        "one tree for each leaf, each of all devices"
    );
}
