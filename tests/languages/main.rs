//! Plugins in other languages than Rust, built by the real tools and run by the real binary.

#[cfg(test)]
mod commit_digest;
#[cfg(test)]
mod guide;
#[cfg(test)]
mod javascript;
#[cfg(test)]
mod python;
