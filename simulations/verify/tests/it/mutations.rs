//! Would the comparison with the reference meaning notice a wrong compiler? The compiler is broken in every way that the operators
//! below know, one line of the lowering at a time, and the random networks and frames of `delivery` must tell.
//!
//! What survives is printed by name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::Location;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rust_openflow::matches::Entry;
use rust_openflow::message::FlowMod;
use rust_openflow::{Field, Instruction, Match};
use weft_compiler::Stage;

use crate::delivery::{check, world};
use crate::frames::{Recipe, recipe};
use crate::universe::{CHASSIS, universe};
use crate::world::World;

/// How many networks there are, and how many frames go through each from every port.
const NETWORKS: usize = 40;
const FRAMES: usize = 24;
/// The share of mutants that is to be caught, in hundredths.
const CAUGHT: usize = 95;

/// A line of the compiler that emits flows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    file: String,
    line: u32,
}

impl From<&'static Location<'static>> for Origin {
    fn from(location: &'static Location<'static>) -> Self {
        let file = location.file();
        let file = file.rsplit('/').next().unwrap_or(file);
        Self {
            file: file.to_owned(),
            line: location.line(),
        }
    }
}

/// A way to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Operator {
    /// The flow is left out.
    Removed,
    /// The flow does not ask for a field.
    Widened(Field),
    /// The flow asks for another value of a register.
    Misread(Field),
    /// The flow leaves out its action of that number.
    Dropped(usize),
    /// The flow goes on nowhere.
    Stopped,
    /// Flows of a priority have the next one of their stage, and those of that one theirs.
    Swapped(u16, u16),
}

/// A broken compiler.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mutant {
    stage: Stage,
    /// The line that is wrong, when it is one.
    origin: Option<Origin>,
    operator: Operator,
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.stage.name())?;
        if let Some(Origin { file, line }) = &self.origin {
            write!(f, " {file}:{line}")?;
        }
        write!(f, " {:?}", self.operator)
    }
}

impl Mutant {
    /// What it makes of a flow that these lines emit.
    pub(crate) fn applied(
        &self,
        stage: Stage,
        mut flow: FlowMod,
        origins: &[Origin],
    ) -> Option<FlowMod> {
        let concerned = match (&self.origin, self.operator) {
            (_, Operator::Swapped(low, high)) => [low, high].contains(&flow.priority),
            (Some(origin), _) => origins.contains(origin),
            (None, _) => false,
        };
        if stage != self.stage || !concerned {
            return Some(flow);
        }
        match self.operator {
            Operator::Removed => return None,
            Operator::Widened(field) => {
                let wider = without(&flow.matches, field);
                if wider.check().is_ok() {
                    flow.matches = wider;
                }
            }
            Operator::Misread(field) => {
                for entry in flow.matches.entries.to_mut() {
                    if let Entry::Known(value) = entry
                        && value.field == field
                    {
                        // The lowest bit that is asked for.
                        value.value ^= 1 << value.significant().trailing_zeros();
                    }
                }
            }
            Operator::Dropped(number) => {
                for instruction in &mut flow.instructions {
                    if let Instruction::ApplyActions { actions } = instruction
                        && number < actions.len()
                    {
                        actions.remove(number);
                    }
                }
            }
            Operator::Stopped => {
                let goes = |instruction: &Instruction| {
                    matches!(instruction, Instruction::GotoTable { .. })
                };
                flow.instructions.retain(|instruction| !goes(instruction));
            }
            Operator::Swapped(low, high) if flow.priority == low => flow.priority = high,
            Operator::Swapped(low, _) => flow.priority = low,
        }
        Some(flow)
    }
}

fn without(matches: &Match, field: Field) -> Match {
    let mut wider = matches.clone();
    wider
        .entries
        .to_mut()
        .retain(|entry| entry.field() != Some(field));
    wider
}

/// Random networks with frames for them, always the same.
fn cases() -> Vec<(World, Vec<Recipe>)> {
    let mut runner = TestRunner::deterministic();
    let strategy = (
        universe(),
        prop::collection::vec(recipe(), FRAMES),
        0..=u16::from(CHASSIS),
    );
    let mut case = || strategy.new_tree(&mut runner).expect("a case").current();
    let cases = (0..NETWORKS).map(|_| {
        let (changes, recipes, flood_direct) = case();
        (world(changes, flood_direct), recipes)
    });
    cases.collect()
}

/// Every mutant of what the compiler emits for these networks, with the networks that it changes.
fn mutants(cases: &[(World, Vec<Recipe>)]) -> BTreeMap<Mutant, BTreeSet<usize>> {
    let mut priorities: BTreeMap<Stage, BTreeSet<u16>> = BTreeMap::new();
    let mut flows = Vec::new();
    for (number, (world, _)) in cases.iter().enumerate() {
        for flow in world.flows() {
            let known = priorities.entry(flow.stage).or_default();
            known.insert(flow.priority);
            flows.push((number, world.origins(&flow), flow));
        }
    }
    let mut mutants: BTreeMap<Mutant, BTreeSet<usize>> = BTreeMap::new();
    for (number, origins, flow) in flows {
        let stage = flow.stage;
        for operator in operators(&flow.decode()) {
            for origin in origins.iter().cloned().map(Some) {
                let mutant = Mutant {
                    stage,
                    origin,
                    operator,
                };
                mutants.entry(mutant).or_default().insert(number);
            }
        }
        let all: Vec<u16> = priorities[&stage].iter().copied().collect();
        for pair in all.windows(2).filter(|pair| pair.contains(&flow.priority)) {
            let mutant = Mutant {
                stage,
                origin: None,
                operator: Operator::Swapped(pair[0], pair[1]),
            };
            mutants.entry(mutant).or_default().insert(number);
        }
    }
    mutants
}

/// The ways in which a flow can be wrong by itself.
fn operators(flow: &FlowMod) -> Vec<Operator> {
    let mut operators = vec![Operator::Removed];
    for value in flow.matches.fields() {
        // Others may need it, and a switch refuses them without it.
        if without(&flow.matches, value.field).check().is_ok() {
            operators.push(Operator::Widened(value.field));
        }
        let register = value.field == Field::Metadata
            || (Field::Reg0 as usize..=Field::Reg15 as usize).contains(&(value.field as usize));
        if register {
            operators.push(Operator::Misread(value.field));
        }
    }
    for instruction in &flow.instructions {
        match instruction {
            Instruction::ApplyActions { actions } => {
                operators.extend((0..actions.len()).map(Operator::Dropped));
            }
            Instruction::GotoTable { .. } => operators.push(Operator::Stopped),
            _ => {}
        }
    }
    operators
}

#[test]
fn a_broken_compiler_is_noticed() {
    let mut cases = cases();
    for (world, recipes) in &mut cases {
        for recipe in recipes {
            check(world, recipe).expect("the compiler is not broken yet");
        }
    }
    let mutants = mutants(&cases);
    let mut survivors = Vec::new();
    for (mutant, changed) in &mutants {
        let noticed = changed.iter().any(|number| {
            let (world, recipes) = &mut cases[*number];
            world.mutate(Some(mutant.clone()));
            let noticed = recipes.iter().any(|recipe| check(world, recipe).is_err());
            world.mutate(None);
            noticed
        });
        if !noticed {
            survivors.push(mutant.to_string());
        }
    }
    let caught = mutants.len() - survivors.len();
    println!(
        "{caught} of {} broken compilers are noticed; not:",
        mutants.len()
    );
    for survivor in &survivors {
        println!("  {survivor}");
    }
    assert!(
        100 * caught > CAUGHT * mutants.len(),
        "{caught} of {}",
        mutants.len()
    );
}
