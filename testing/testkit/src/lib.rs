//! Private servers, a fault proxy and temp folders for the tests of tradebase.
