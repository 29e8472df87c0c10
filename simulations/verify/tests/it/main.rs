//! Proof that compiled programs mean what the logical network says: `universe` makes random
//! networks, `frames` random frames, `world` joins software switches, `delivery` compares.

mod delivery;
mod frames;
mod universe;
mod world;
