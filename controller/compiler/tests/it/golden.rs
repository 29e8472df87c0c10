//! Golden programs: what small networks compile to, and what each edit sends, as reviewed text.
//!
//! A file of `tests/goldens/` is a story. Lines that begin with `>` are edits, in the words of
//! [`crate::story`]; edits that stand together are made together. What follows them is what the
//! compiler says: a hypervisor that is new gets its whole program, any other its delta (`+` in, `~`
//! in the place of what has the same match, `-` out). `#` begins a comment. Cookies are left out.
//! `UPDATE=1` writes the files anew; the difference is reviewed like code.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use rust_openflow::text::{self, Names};
use weft_compiler::engine::Input;
use weft_compiler::pipeline::STAGES;
use weft_compiler::{Content, Delta, Production, Stage};
use weft_topology::ChassisId;

use crate::story;
use crate::world::Cloud;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens")
}

/// The golden files with their content, by name.
fn goldens() -> BTreeMap<PathBuf, String> {
    let entries = std::fs::read_dir(folder()).expect("the folder of goldens");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("a golden is text");
            (path, text)
        })
        .collect()
}

/// Stages by name.
fn names() -> Names {
    let name = |names: Names, row: &weft_compiler::pipeline::StageRow| {
        names.with_table(row.stage.table(), row.name)
    };
    STAGES.iter().fold(Names::default(), name)
}

/// One content as a line, with what it is sorted by.
fn line(content: &Content) -> (u8, Option<Stage>, u16, String) {
    match content {
        Content::Meter(meter) => (0, None, 0, text::print_meter(meter)),
        Content::Group(group) => (1, None, 0, text::print_group(group, &names())),
        Content::Flow(flow) => {
            let mut said = text::Flow::from(flow.decode());
            said.cookie = 0;
            let line = text::print_flow(&said, &names());
            (2, Some(flow.stage), u16::MAX - flow.priority, line)
        }
    }
}

/// Contents in the order of stages, each line after its sign.
fn lines(contents: Vec<(char, &Content)>) -> String {
    let mut lines: Vec<_> = contents
        .into_iter()
        .map(|(sign, content)| (line(content), sign))
        .collect();
    lines.sort();
    let mut out = String::new();
    for ((.., line), sign) in lines {
        let line = format!("{sign} {line}");
        let _ = writeln!(out, "  {}", line.trim_start());
    }
    out
}

fn program(cloud: &Cloud<Production>, chassis: &ChassisId) -> String {
    let program = cloud.compiler.program(chassis);
    let lines = lines(program.iter().map(|content| (' ', content)).collect());
    format!("{chassis} has\n{lines}")
}

fn delta(chassis: &ChassisId, parts: &[Arc<Delta>]) -> String {
    let mut contents = Vec::new();
    for part in parts {
        contents.extend(part.removed.iter().map(|content| ('-', content)));
        contents.extend(part.set.iter().map(|content| {
            let replaces = part.replaced.contains(&content.key());
            (if replaces { '~' } else { '+' }, content)
        }));
    }
    format!("{chassis} is told\n{}", lines(contents))
}

/// Makes edits and says what comes of them.
fn act(cloud: &mut Cloud<Production>, edits: &[&str]) -> String {
    let mut input = Input::default();
    for edit in edits {
        story::edit(edit, &mut input).unwrap_or_else(|wrong| panic!("{edit}: {wrong}"));
    }
    input
        .manage
        .retain(|chassis| !cloud.switches.contains_key(chassis));
    let fresh = input.manage.clone();
    let deltas = cloud.update(input);
    assert_eq!(cloud.compiler.faults(), [], "after {edits:?}");
    let mut said: BTreeMap<ChassisId, String> = BTreeMap::new();
    for chassis in fresh {
        let program = program(cloud, &chassis);
        said.insert(chassis, program);
    }
    for (chassis, parts) in &deltas {
        said.insert(chassis.clone(), delta(chassis, parts));
    }
    match said.is_empty() {
        true => "nobody is told anything\n".to_owned(),
        false => said.into_values().collect::<Vec<_>>().join("\n"),
    }
}

/// A story with what the compiler says to it now.
fn retell(golden: &str) -> String {
    let mut cloud = Cloud::new(Production);
    let mut out = String::new();
    let mut lines = golden.lines().peekable();
    while let Some(line) = lines.next() {
        let spoken = line.starts_with('#');
        if !spoken && !line.starts_with('>') {
            continue;
        }
        let _ = writeln!(out, "{line}");
        let next_is_edit = lines.peek().is_some_and(|next| next.starts_with('>'));
        if spoken || next_is_edit {
            continue;
        }
        let edits: Vec<&str> = pending(&out);
        let said = act(&mut cloud, &edits);
        let _ = write!(out, "\n{said}\n");
    }
    out.truncate(out.trim_end().len());
    out + "\n"
}

/// The edits at the end of what was told so far.
fn pending(told: &str) -> Vec<&str> {
    let mut edits: Vec<&str> = told
        .lines()
        .rev()
        .map_while(|line| line.strip_prefix('>'))
        .collect();
    edits.reverse();
    edits
}

#[test]
fn programs_and_deltas_are_as_reviewed() {
    let update = std::env::var_os("UPDATE").is_some_and(|value| value == "1");
    let goldens = goldens();
    assert!(!goldens.is_empty());
    for (path, golden) in goldens {
        let retold = retell(&golden);
        if update {
            std::fs::write(&path, &retold).expect("goldens can be written");
        } else if retold != golden {
            let differs = golden
                .lines()
                .zip(retold.lines())
                .enumerate()
                .find(|(_, (golden, retold))| golden != retold);
            panic!("{}: {differs:?}; UPDATE=1 writes it", path.display());
        }
    }
}

/// The flows of all goldens, as their lines say them.
fn golden_flows() -> Vec<String> {
    let goldens = goldens();
    let lines = goldens.values().flat_map(|golden| golden.lines());
    lines
        .filter_map(|line| line.strip_prefix("  "))
        .map(|line| line.trim_start_matches(['+', '-', '~', ' ']))
        .filter(|line| line.starts_with("table="))
        .map(str::to_owned)
        .collect()
}

/// Whether `ovs-ofctl` is there; where it has to be and is not, that is a failure.
fn ovs_ofctl_is_installed() -> bool {
    let found = Command::new("ovs-ofctl").arg("--version").output().is_ok();
    if !found {
        let all = std::env::var("WEFT_TESTS").is_ok_and(|tests| tests == "all");
        assert!(!all, "WEFT_TESTS=all, but ovs-ofctl is not installed");
        eprintln!("skipped: ovs-ofctl is not installed");
    }
    found
}

#[test]
fn open_vswitch_accepts_every_golden_flow() {
    if !ovs_ofctl_is_installed() {
        return;
    }
    let flows: Vec<String> = golden_flows()
        .iter()
        .map(|line| {
            let flow = text::parse_flow(line, &names()).unwrap_or_else(|e| panic!("{line}: {e}"));
            text::print_flow(&flow, &Names::default())
        })
        .collect();
    assert!(flows.len() > 100, "{}", flows.len());
    let mut child = Command::new("ovs-ofctl")
        .args(["-O", "OpenFlow15", "--no-names", "parse-flows", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ovs-ofctl starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = flows.join("\n") + "\n";
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("ovs-ofctl ends");
    let written = writer.join().expect("the writer ends");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(written.is_ok() && output.status.success(), "{complaints}");
    assert_eq!(complaints, "");
    let printed = String::from_utf8_lossy(&output.stdout);
    let accepted = printed.lines().filter(|line| line.contains("FLOW_MOD"));
    assert_eq!(accepted.count(), flows.len());
}
