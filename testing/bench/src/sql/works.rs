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
    /// What peers took when they were first measured, divided by what raw took; empty where
    /// peers are not asked. Raw was then what it is here: group commit, coalesced statements,
    /// a decoder of its own.
    pub peers: &'static [(&'static str, f64)],
}

const fn sqlite(name: &'static str, bar: f64) -> Work {
    Work { engine: "sqlite", name, bar, peer_bar: 0.0, peers: &[] }
}

const fn postgres(name: &'static str, bar: f64) -> Work {
    Work { engine: "postgres", name, bar, peer_bar: 0.0, peers: &[] }
}

impl Work {
    /// Beside other layers, which it should beat so many times.
    const fn beside(self, peer_bar: f64, peers: &'static [(&'static str, f64)]) -> Self {
        Self { peer_bar, peers, ..self }
    }
}

/// In the order in which they are run.
pub const WORKS: [Work; 26] = [
    sqlite("bulk_insert", 0.90).beside(1.0, &[("sqlx", 1.42), ("seaorm", 2.26), ("diesel", 1.40)]),
    sqlite("point_get_1", 0.80)
        .beside(2.0, &[("sqlx", 15.45), ("seaorm", 22.45), ("diesel", 2.99)]),
    sqlite("point_get_1_blocking", 0.90),
    sqlite("point_get_64", 0.80).beside(4.0, &[("sqlx", 6.3), ("seaorm", 13.28), ("diesel", 6.68)]),
    sqlite("create_1", 0.85).beside(0.0, &[("sqlx", 1.91), ("seaorm", 2.02), ("diesel", 1.02)]),
    // The same against a raw thread that writes: what it takes not to hold the executor.
    sqlite("create_1_handed", 0.0),
    sqlite("create_1_blocking", 0.90),
    sqlite("create_1_relaxed", 0.0),
    sqlite("create_64", 0.80).beside(6.0, &[("sqlx", 17.75)]),
    sqlite("read_all", 0.90).beside(0.0, &[("sqlx", 6.68), ("seaorm", 6.99), ("diesel", 1.37)]),
    sqlite("bulk_update", 0.90).beside(0.0, &[("sqlx", 8.67), ("seaorm", 1.74), ("diesel", 1.43)]),
    sqlite("filter_1000", 0.90).beside(1.0, &[("sqlx", 5.09), ("seaorm", 6.32), ("diesel", 1.28)]),
    sqlite("page_keyset", 0.0),
    sqlite("relation_load", 0.0),
    sqlite("group_by", 0.0),
    postgres("bulk_insert", 0.90)
        .beside(1.5, &[("sqlx", 1.72), ("seaorm", 2.46), ("diesel-async", 4.89)]),
    postgres("point_get_1", 0.93)
        .beside(0.0, &[("sqlx", 1.85), ("seaorm", 1.67), ("diesel-async", 1.08)]),
    postgres("point_get_64", 0.80)
        .beside(3.0, &[("sqlx", 8.01), ("seaorm", 8.66), ("diesel-async", 5.14)]),
    postgres("create_1", 0.93)
        .beside(0.0, &[("sqlx", 1.72), ("seaorm", 1.74), ("diesel-async", 1.27)]),
    postgres("create_64", 0.80)
        .beside(2.5, &[("sqlx", 6.11), ("seaorm", 6.48), ("diesel-async", 3.68)]),
    postgres("read_all", 0.90)
        .beside(1.8, &[("sqlx", 2.32), ("seaorm", 2.98), ("diesel-async", 2.58)]),
    postgres("bulk_update", 0.90)
        .beside(0.0, &[("sqlx", 1.04), ("seaorm", 1.66), ("diesel-async", 2.00)]),
    postgres("filter_1000", 0.95)
        .beside(1.0, &[("sqlx", 1.91), ("seaorm", 2.31), ("diesel-async", 1.92)]),
    postgres("page_keyset", 0.0),
    postgres("relation_load", 0.0),
    postgres("group_by", 0.0),
];
