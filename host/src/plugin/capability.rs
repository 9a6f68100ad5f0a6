//! What a guest can ask of the host: log lines, the raw delivery, and (denied until granted) network and state.

pub mod http;
pub mod log;
pub mod raw;
pub mod state;
