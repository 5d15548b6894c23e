//! The cache room of tradebase: process memory and Redis.
