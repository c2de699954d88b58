//! Policy sets on disk: which files are read, in which order, and what becomes of those that are no policies.
