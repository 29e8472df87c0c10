//! Proof that compiled programs mean what the logical network says: `universe` makes random
//! networks, `frames` random frames, `world` joins software switches, `delivery` compares; `mutations`
//! proves that it would notice.

mod delivery;
mod frames;
mod mutations;
mod universe;
mod world;
