//! The trials: kills and floods, run by `cargo test --test trials`. Each prints its figures.

#[cfg(test)]
mod browser;
#[cfg(test)]
mod callers;
#[cfg(test)]
mod compile_bombs;
#[cfg(test)]
mod completions;
#[cfg(test)]
mod counters;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod discussion_bot;
#[cfg(test)]
mod edit;
#[cfg(test)]
mod flood;
#[cfg(test)]
mod footprint;
#[cfg(test)]
mod io_faults;
#[cfg(test)]
mod million;
#[cfg(test)]
mod neighbours;
#[cfg(test)]
mod noise;
#[cfg(test)]
mod notice;
#[cfg(test)]
mod open_files;
#[cfg(test)]
mod python;
#[cfg(test)]
mod replaced;
#[cfg(test)]
mod slow_readers;
#[cfg(test)]
mod startup;
#[cfg(test)]
mod swap_kills;
#[cfg(test)]
mod turns;
#[cfg(test)]
mod write_error;
