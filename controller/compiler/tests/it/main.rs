//! What must hold of the compiler, whatever the network: in one binary, a file per property.

mod incremental;
mod shapes;
mod versions;
mod world;
