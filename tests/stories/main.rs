//! The stories: what Hookbox does, told with the real binary and real components.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod admin_api;
#[cfg(test)]
mod admin_page;
#[cfg(test)]
mod alerts;
#[cfg(test)]
mod auto_retrain;
#[cfg(test)]
mod backpressure;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod beside;
#[cfg(test)]
mod big_payload;
#[cfg(test)]
mod bodies;
#[cfg(test)]
mod bulk_replay;
#[cfg(test)]
mod canary;
#[cfg(test)]
mod caps;
#[cfg(test)]
mod check;
#[cfg(test)]
mod claims;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod comparison;
#[cfg(test)]
mod compiling;
#[cfg(test)]
mod completions;
#[cfg(test)]
mod config;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod credential;
#[cfg(test)]
mod delivery_rules;
#[cfg(test)]
mod deploy;
#[cfg(test)]
mod dev;
#[cfg(test)]
mod discussion_bot;
#[cfg(test)]
mod export;
#[cfg(test)]
mod frozen;
#[cfg(test)]
mod granting;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod hot_folder;
#[cfg(test)]
mod hot_grants;
#[cfg(test)]
mod hot_versions;
#[cfg(test)]
mod house_rules;
#[cfg(test)]
mod ignore_own;
#[cfg(test)]
mod javascript;
mod ledger_cli;
#[cfg(test)]
mod inspect;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod main_job;
#[cfg(test)]
mod metadata_review;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod new;
#[cfg(test)]
mod outgoing;
#[cfg(test)]
mod outgoing_connections;
#[cfg(test)]
mod outgoing_hostile;
#[cfg(test)]
mod pause;
#[cfg(test)]
mod payloads;
#[cfg(test)]
mod plugin_config;
#[cfg(test)]
mod plugin_guide;
#[cfg(test)]
mod plugins_folder;
#[cfg(test)]
mod public_listener;
#[cfg(test)]
mod python;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod requests;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod run;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod sdk;
#[cfg(test)]
mod slow_senders;
#[cfg(test)]
mod space;
#[cfg(test)]
mod space_ci;
#[cfg(test)]
mod state;
#[cfg(test)]
mod storage_faults;
#[cfg(test)]
mod unparsable;
#[cfg(test)]
mod wit_deps;
