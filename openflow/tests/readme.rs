//! The controller and the switch of the README: the page shows what the examples are, and they understand
//! each other and Open vSwitch (`tests/open_vswitch.rs`).

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

#[path = "../examples/controller.rs"]
#[expect(dead_code, reason = "nobody calls main")]
mod controller;
#[path = "../examples/switch.rs"]
#[expect(dead_code, reason = "nobody calls main")]
mod switch;

/// `OFPT_BARRIER_REPLY` in 1.1 and later.
const BARRIER_REPLY: u8 = 21;

/// A stream that ends when a barrier was answered through it, and keeps what was written.
struct Tap {
    stream: UnixStream,
    written: Vec<u8>,
}

impl Tap {
    fn is_over(&self) -> bool {
        let mut rest = &self.written[..];
        while let [_, kind, high, low, ..] = *rest {
            if kind == BARRIER_REPLY {
                return true;
            }
            rest = &rest[usize::from(u16::from_be_bytes([high, low]))..];
        }
        false
    }
}

impl Read for Tap {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_over() {
            return Ok(0);
        }
        self.stream.read(buffer)
    }
}

impl Write for Tap {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.stream.write(buffer)?;
        self.written.extend(&buffer[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[test]
fn the_controller_and_the_switch_of_the_readme_understand_each_other() {
    let (here, there) = UnixStream::pair().unwrap();
    let controller = std::thread::spawn(|| controller::control(here));
    let mut tap = Tap {
        stream: there,
        written: Vec::new(),
    };
    switch::switch(&mut tap).unwrap();
    assert!(
        tap.is_over(),
        "the switch did not come as far as the barrier"
    );
    drop(tap);
    controller.join().unwrap().unwrap();
}

#[test]
fn the_readme_shows_the_examples() {
    let readme = include_str!("../README.md");
    for example in [
        include_str!("../examples/controller.rs"),
        include_str!("../examples/switch.rs"),
    ] {
        let (_, code) = example.split_once("\n\n").unwrap();
        assert!(readme.contains(code), "the README has not\n{code}");
    }
}
