//! How the steps of a case that failed are shown: one to a line, as short as can be.

use super::paper::Paper;
use super::step::{Ask, Bounds, Note, PLUGINS, Post, Route};
use std::fmt::{Debug, Formatter, Result};

impl Debug for Post {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { hub, body, routes } = self;
        match hub {
            Some(hub) => write!(f, "hub-{hub}")?,
            None => write!(f, "no id")?,
        }
        write!(f, " body {body} for")?;
        routes.iter().try_for_each(|route| write!(f, " {route:?}"))
    }
}

impl Debug for Route {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}", PLUGINS[self.plugin])?;
        let keys = [
            ("order", self.order),
            ("like", self.like),
            ("discussion", self.discussion),
            ("repo", self.repo),
        ];
        for (name, key) in keys {
            if let Some(key) = key {
                write!(f, " {name}={key}")?;
            }
        }
        write!(f, ";")
    }
}

impl Debug for Ask {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (plugin, slots) in &self.plugins {
            write!(f, "{slots} of {}, ", PLUGINS[*plugin])?;
        }
        let Self {
            slots,
            lease,
            per_repo,
            ..
        } = self;
        write!(f, "{slots} in all, for {lease} s, {per_repo} per repo")
    }
}

impl Debug for Note {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let (state, active, grant) = (self.state, self.active, self.grant);
        write!(f, "{} d{active} g{grant}", state.as_str())
    }
}

impl Debug for Bounds {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self {
            window,
            on_duplicate,
            bytes,
            runs,
            park_runs,
            park_for,
        } = self;
        let again = on_duplicate.as_str();
        write!(
            f,
            "window {window} s, {again}, {bytes} bytes, {runs} runs, {park_runs} parked for {park_for} s"
        )
    }
}

impl Debug for Paper {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "empty, {:?}", self.bounds)
    }
}
