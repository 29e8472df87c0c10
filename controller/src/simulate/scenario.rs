//! `weft simulate FILE`: a scenario is read, played and reported.
//!
//! What scenarios mean is the simulator's business ([`weft_simulations::scenario`]); this is files and a progress bar.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use weft_simulations::report::Report;
use weft_simulations::scenario::Scenario;

use crate::Error;

/// Plays the scenario of a file, and writes what came of it.
///
/// # Errors
///
/// [`Error::Scenario`] when the file is none, [`Error::Expectations`] when something does not hold, and when files cannot
/// be read or written.
pub(super) fn run(
    file: &Path,
    seed: Option<u64>,
    folder: Option<&Path>,
    json: bool,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut scenario = read(file)?;
    if let Some(seed) = seed {
        scenario.file.seed = seed;
    }
    // Before the work: it may take minutes.
    if let Some(folder) = folder {
        fs::create_dir_all(folder).map_err(|reason| in_file(folder, reason))?;
    }
    let report = play(&scenario)?;
    if let Some(folder) = folder {
        write(&report, folder)?;
    }
    match json {
        true => writeln!(out, "{}", report.to_json())?,
        false => write!(out, "{}", report.to_text())?,
    }
    let failed = report.verdicts.iter().filter(|verdict| !verdict.holds);
    match failed.count() {
        0 => Ok(()),
        failed => Err(Error::Expectations {
            failed,
            of: report.verdicts.len(),
        }
        .into()),
    }
}

fn read(file: &Path) -> Result<Scenario, Error> {
    let text = fs::read_to_string(file).map_err(|reason| in_file(file, reason))?;
    let beside = |name: &str| {
        let path = file.parent().unwrap_or(Path::new("")).join(name);
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let scenario = Scenario::parse(&file.display().to_string(), &text, &beside);
    scenario.map_err(|problems| Error::Scenario(problems.to_string()))
}

/// Plays it; on a terminal a bar shows how far it is.
fn play(scenario: &Scenario) -> anyhow::Result<Report> {
    const PER_SECOND: u64 = 1_000_000;
    // It is drawn on stderr, and only where that is a terminal.
    let bar = ProgressBar::new(0);
    bar.set_style(
        ProgressStyle::with_template("{bar:40} {pos} of {len} simulated seconds, {elapsed}")?
            .progress_chars("=> "),
    );
    let report = scenario.run(&mut |now, end| {
        bar.set_length(end / PER_SECOND);
        bar.set_position(now / PER_SECOND);
    });
    bar.finish_and_clear();
    Ok(report?)
}

fn write(report: &Report, folder: &Path) -> Result<(), Error> {
    for (name, content) in [
        ("report.txt", report.to_text()),
        ("report.json", report.to_json()),
        ("report.html", report.to_html()),
        ("topology.svg", report.to_svg()),
    ] {
        let path = folder.join(name);
        fs::write(&path, content).map_err(|reason| in_file(&path, reason))?;
    }
    Ok(())
}

fn in_file(path: &Path, reason: io::Error) -> Error {
    Error::File {
        path: PathBuf::from(path),
        reason,
    }
}
