//! The API engine from outside: what callers see, step by step and at random.

mod claims;
mod hostile;
mod random;
mod runner;
mod steps;
mod tidy;
mod topology;
