//! What reports say, and that their pages are well-formed and need nothing else.

use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::*;
use crate::underlay::{self, Graph, Shape};

/// A report of a run that never was, on a network of a shape.
fn report(shape: &Shape, per_rack: usize) -> Report {
    let mut graph = shape
        .plan(underlay::Link::of_delay(5), 1)
        .expect("a right shape");
    let racks = graph.racks().len();
    for number in 0..racks * per_rack {
        let link = underlay::Link::of_delay(1);
        graph
            .hypervisor(&format!("hv{}", number + 1), number % racks, link)
            .expect("room");
    }
    let topology = topology(&graph);
    let flows = graph
        .racks()
        .iter()
        .flat_map(|rack| &rack.hypervisors)
        .enumerate();
    let flows = flows.map(|(at, node)| {
        (
            graph.node(*node).name.clone(),
            900 + (at as u64 * 7919) % 700,
        )
    });
    let flows = flows.collect();
    let lengths = underlay::Underlay::new(graph, underlay::Settings::default()).lengths(0);
    let convergence = (0..400u64).map(|number| Change {
        at: 1_000_000 + number * 70_000,
        took: (number != 399).then(|| {
            2_000 + (number * number * 31) % 9_000 + if number % 50 == 0 { 40_000 } else { 0 }
        }),
    });
    let loss = (0..60u64).map(|second| Bin {
        at: second * 500_000,
        sent: 500,
        lost: match second {
            20 => 120,
            21 => 40,
            40 => 15,
            _ => 0,
        },
    });
    Report {
        name: "A leaf <fails> & comes back".into(),
        description: "Flows that went through it are lost until routing has noticed.".into(),
        seed: 7,
        lasted: 30_000_000,
        counts: vec![
            ("hypervisors".into(), (racks * per_rack) as u64),
            ("machines".into(), 64),
        ],
        verdicts: vec![
            Verdict {
                expected: "red/web reach one another".into(),
                holds: true,
                found: "240 of 240 pairs".into(),
            },
            Verdict {
                expected: "convergence p99 below 20 ms".into(),
                holds: false,
                found: "49.9 ms".into(),
            },
        ],
        convergence: convergence.collect(),
        flows,
        lengths,
        workloads: vec![Workload {
            name: "calls".into(),
            kind: "stream".into(),
            pairs: 12,
            sent: 30_000,
            received: 29_825,
            lost: 175,
            gap: Some(210_000),
            mean: None,
        }],
        moments: vec![
            Moment {
                at: 10_000_000,
                what: "leaf1 fails".into(),
                fault: true,
            },
            Moment {
                at: 10_200_000,
                what: "spine2 fails".into(),
                fault: true,
            },
            Moment {
                at: 20_000_000,
                what: "leaf1 comes back".into(),
                fault: false,
            },
        ],
        loss: loss.collect(),
        topology,
    }
}

fn topology(graph: &Graph) -> Topology {
    let rack_of = |id| {
        graph
            .racks()
            .iter()
            .position(|rack| rack.hypervisors.contains(&id))
    };
    let nodes = graph.nodes().map(|(id, node)| Node {
        name: node.name.clone(),
        role: node.role,
        position: node.position,
        rack: rack_of(id),
        health: if node.name == "hv2" {
            Health::WasDown
        } else {
            Health::Up
        },
    });
    let nodes: Vec<Node> = nodes.collect();
    let links = graph.links().map(|(id, from, to, link)| Link {
        from: from.index(),
        to: to.index(),
        health: match id.index() {
            0 => Health::Down,
            3 => Health::WasDown,
            _ => Health::Up,
        },
        delay: link.delay,
        rate: link.rate.or(Some(10_000_000_000)),
        forth: Traffic {
            packets: 10,
            bytes: (id.index() as u64 * 7919) % 50_000,
            dropped: 3,
        },
        back: Traffic {
            packets: 10,
            bytes: (id.index() as u64 * 104_729) % 40_000,
            dropped: 0,
        },
    });
    let hypervisors: Vec<usize> = (0..nodes.len())
        .filter(|at| nodes[*at].role == Role::Hypervisor)
        .collect();
    let mut tunnels = Vec::new();
    for (at, from) in hypervisors.iter().enumerate().take(40) {
        for to in hypervisors.iter().skip(at + 1).take(40) {
            let health = if tunnels.len() == 5 {
                Health::Down
            } else {
                Health::Up
            };
            tunnels.push(Tunnel {
                from: *from,
                to: *to,
                networks: 2,
                health,
            });
        }
    }
    Topology {
        links: links.collect(),
        nodes,
        tunnels,
    }
}

fn shapes() -> Vec<(&'static str, Shape, usize)> {
    let abilene = include_str!("../../scenarios/wan/abilene.graphml");
    vec![
        (
            "leaf-spine",
            Shape::LeafSpine {
                leaves: 4,
                spines: 2,
                homes: 1,
            },
            4,
        ),
        ("fat-tree", Shape::FatTree { k: 6 }, 3),
        (
            "three-tier",
            Shape::ThreeTier {
                cores: 2,
                pods: 3,
                aggregations: 2,
                accesses: 4,
            },
            5,
        ),
        ("ring", Shape::Ring { sites: 9 }, 3),
        (
            "wan",
            Shape::Wan {
                graphml: abilene.into(),
            },
            4,
        ),
        (
            "thousand",
            Shape::LeafSpine {
                leaves: 50,
                spines: 8,
                homes: 1,
            },
            20,
        ),
    ]
}

/// That a text is XML, and what its elements and texts are.
fn read(xml: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let mut found = Vec::new();
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Eof => return found,
            Event::Start(start) | Event::Empty(start) => {
                found.push(start.name().as_ref().to_owned())
            }
            Event::Text(text) => found.push(text.to_string()),
            _ => {}
        }
    }
}

#[test]
fn pictures_are_well_formed_and_draw_everything() {
    for (name, shape, per_rack) in shapes() {
        let report = report(&shape, per_rack);
        let elements = read(&report.to_svg());
        let count = |element: &str| elements.iter().filter(|known| *known == element).count();
        let devices = report
            .topology
            .nodes
            .iter()
            .filter(|node| node.role != Role::Hypervisor)
            .count();
        assert_eq!(count("rect"), devices, "{name}: a box for each device");
        assert_eq!(
            count("circle"),
            report.topology.nodes.len() - devices,
            "{name}: a dot for each hypervisor"
        );
        assert!(
            count("path") >= report.topology.links.len(),
            "{name}: a line for each link"
        );
        for plot in plot::plots(&report).iter().chain(&plot::timeline(&report)) {
            read(&plot.svg);
        }
        assert_eq!(plot::plots(&report).len(), 5, "{name}");
    }
}

#[test]
fn no_place_is_outside_its_picture() {
    for (name, shape, per_rack) in shapes() {
        let svg = report(&shape, per_rack).to_svg();
        let size = svg.split("viewBox=\"0 0 ").nth(1).expect("a size");
        let size: Vec<f64> = size
            .split(['"', ' '])
            .take(2)
            .map(|text| text.parse().expect("a number"))
            .collect();
        for (attribute, most) in [
            (" cx=\"", size[0]),
            (" cy=\"", size[1]),
            (" x=\"", size[0]),
            (" y=\"", size[1]),
        ] {
            for value in svg.split(attribute).skip(1) {
                let value: f64 = value
                    .split('"')
                    .next()
                    .and_then(|text| text.parse().ok())
                    .expect("a number");
                assert!(
                    (0.0..=most).contains(&value),
                    "{name}:{attribute}{value} of {most}"
                );
            }
        }
    }
}

#[test]
fn the_page_needs_nothing_else_and_hides_no_markup_of_names() {
    let page = report(&shapes()[0].1, 4).to_html();
    for outside in ["<script", "<link", "src=", "url(", "@import", "<fails>"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let addresses = page.matches("http").count();
    assert_eq!(
        addresses,
        page.matches("http://www.w3.org/2000/svg").count(),
        "nothing is fetched"
    );
    assert!(page.contains("A leaf &lt;fails&gt; &amp; comes back"));
    assert!(page.contains("does not hold"));
    if let Some(folder) = std::env::var_os("WEFT_REPORTS") {
        for (name, shape, per_rack) in shapes() {
            let path = Path::new(&folder).join(format!("{name}.html"));
            std::fs::write(path, report(&shape, per_rack).to_html()).expect("can be written");
        }
    }
}

#[test]
fn an_empty_report_is_a_page_as_well() {
    let report = Report::default();
    assert!(report.to_html().contains("nothing was expected"));
    assert!(report.to_text().contains("virtual time"));
    read(&report.to_svg());
    assert!(plot::plots(&report).is_empty());
}

#[test]
fn the_text_says_what_holds_and_the_numbers() {
    let text = report(&shapes()[0].1, 4).to_text();
    for line in [
        "holds   red/web reach one another: 240 of 240 pairs",
        "BROKEN  convergence p99 below 20 ms: 49.9 ms",
        "hypervisors     16",
        "calls (stream)  12 pairs, 29,825 of 30,000 arrived, 175 lost, longest gap 210 ms",
    ] {
        assert!(
            text.lines().any(|known| known == line),
            "{line}\nnot in\n{text}"
        );
    }
}

#[test]
fn json_gives_the_report_back() {
    let report = report(&shapes()[4].1, 2);
    let again: Report = serde_json::from_str(&report.to_json()).expect("the same type");
    assert_eq!(again, report);
}

#[test]
fn figures_are_nearest_ranks() {
    let figures = Figures::of(1..=200).expect("some");
    assert_eq!(
        (figures.p50, figures.p90, figures.p99, figures.max),
        (100, 180, 198, 200)
    );
    let one = Figures::of([7]).expect("one");
    assert_eq!((one.count, one.p50, one.p99), (1, 7, 7));
    assert_eq!(Figures::of([]), None);
}

#[test]
fn units_are_those_of_people() {
    let times = [
        0,
        999,
        1_500,
        12_345,
        999_999,
        2_000_000,
        119_000_000,
        600_000_000,
    ]
    .map(unit::time);
    assert_eq!(
        times,
        [
            "0", "999 µs", "1.5 ms", "12.3 ms", "1000 ms", "2 s", "119 s", "10 min"
        ]
    );
    assert_eq!(
        [0, 999, 1500, 2_500_000].map(unit::bytes),
        ["0 B", "999 B", "1.5 kB", "2.5 MB"]
    );
    assert_eq!(
        [0, 999, 1000, 1_234_567].map(unit::count),
        ["0", "999", "1,000", "1,234,567"]
    );
    assert_eq!(unit::share(1, 3), "33.3 %");
}
