//! The derives of tradebase: Record, Row and Field.
