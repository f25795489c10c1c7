//! `--expect`: what clients are to have sent by the end.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::ClientRegistry;
use super::journal::Select;
use super::matcher::{self, Found};
use crate::error::Result;
use crate::pipeline::filter::LimitedProgram;

/// A predicate that some message has to match.
#[derive(Debug)]
pub(super) struct Expectation {
    source: String,
    program: LimitedProgram,
    registry: Arc<ClientRegistry>,
    /// Ends when the message has come. Looking as they come finds those too that the journal has lost since.
    looking: JoinHandle<()>,
}

impl Expectation {
    /// Begins to look.
    pub(super) async fn begin(source: &str, registry: &Arc<ClientRegistry>) -> Result<Self> {
        let program = matcher::compile("--expect", source).await?;
        let looking = tokio::spawn({
            let (program, registry) = (program.clone(), Arc::clone(registry));
            async move {
                let mut found = Found::default();
                matcher::wait((&registry.journal, None), Select::default(), Some(&program), 1, &mut found)
                    .await;
            }
        });
        Ok(Self { source: source.to_owned(), program, registry: Arc::clone(registry), looking })
    }

    /// What is to be said if no message has matched.
    pub(super) async fn failure(&self) -> Option<String> {
        if self.looking.is_finished() {
            return None;
        }
        // It may be a message behind.
        let found = matcher::search(&self.registry.journal, &Select::default(), Some(&self.program)).await;
        if !found.entries.is_empty() {
            return None;
        }
        let error = found.error.map(|error| format!(" (jq: {error})")).unwrap_or_default();
        Some(format!("--expect '{}': no client sent such a message{error}", self.source))
    }
}

impl Drop for Expectation {
    fn drop(&mut self) {
        self.looking.abort();
    }
}
