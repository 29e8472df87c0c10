//! What must hold of the compiler, whatever the network: in one binary, a file per property.

mod golden;
mod incremental;
mod shapes;
mod story;
mod versions;
mod world;
