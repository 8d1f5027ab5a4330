//! Writing an envelope-era rollout.
