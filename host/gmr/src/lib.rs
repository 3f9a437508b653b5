//! Guru Meditation Reports.
