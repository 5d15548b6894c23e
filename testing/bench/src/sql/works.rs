//! Every work, and what is asked of it.

/// A piece of work that is measured.
#[derive(Debug)]
pub struct Work {
    /// `sqlite` or `postgres`.
    pub engine: &'static str,
    /// What is done.
    pub name: &'static str,
    /// The ratio to raw that is asked for; 0 where none is.
    pub bar: f64,
    /// How many times faster than the best peer it should be; 0 where nothing is asked.
    pub peer_bar: f64,
}

const fn work(engine: &'static str, name: &'static str, bar: f64, peer_bar: f64) -> Work {
    Work { engine, name, bar, peer_bar }
}

/// In the order in which they are run.
pub const WORKS: [Work; 17] = [
    work("sqlite", "bulk_insert", 0.90, 1.0),
    work("sqlite", "point_get_1", 0.80, 2.0),
    work("sqlite", "point_get_1_blocking", 0.90, 0.0),
    work("sqlite", "point_get_64", 0.80, 4.0),
    work("sqlite", "create_1", 0.85, 0.0),
    work("sqlite", "create_1_blocking", 0.90, 0.0),
    work("sqlite", "create_1_relaxed", 0.0, 0.0),
    work("sqlite", "create_64", 0.80, 6.0),
    work("sqlite", "read_all", 0.90, 0.0),
    work("sqlite", "bulk_update", 0.90, 0.0),
    work("postgres", "bulk_insert", 0.90, 1.5),
    work("postgres", "point_get_1", 0.93, 0.0),
    work("postgres", "point_get_64", 0.80, 3.0),
    work("postgres", "create_1", 0.93, 0.0),
    work("postgres", "create_64", 0.80, 2.5),
    work("postgres", "read_all", 0.90, 1.8),
    work("postgres", "bulk_update", 0.90, 0.0),
];
