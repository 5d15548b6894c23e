//! The contract of tradebase: records, fields, schema, values and errors.
