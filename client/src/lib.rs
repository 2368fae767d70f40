//! A client for K2V servers.
