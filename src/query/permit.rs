//! The smallest change of a request that would permit it.
