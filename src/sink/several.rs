//! Several outputs that are all given the same lines: `--tee`, and more than one sink.

use crate::pipeline::output::{Labels, Output, PartialWrite};
use crate::pipeline::receipt::Receipt;

/// Outputs side by side. A line has arrived when it has arrived at all of them; the slowest decides how fast they are.
pub struct Several {
    outputs: Vec<TeePart>,
    given: u64,
}

struct TeePart {
    output: Box<dyn Output>,
    receipt: Option<Receipt>,
    /// The output tells the receipt what has arrived.
    acknowledges: bool,
}

impl Several {
    /// These outputs. They are written to in this order.
    #[must_use]
    pub fn new(outputs: Vec<Box<dyn Output>>) -> Self {
        let part = |output| TeePart { output, receipt: None, acknowledges: false };
        Self { outputs: outputs.into_iter().map(part).collect(), given: 0 }
    }

    fn give(&mut self, bytes: usize, mut write: impl FnMut(&mut dyn Output) -> Result<(), PartialWrite>) {
        let start = self.given;
        self.given += bytes as u64;
        for TeePart { output, receipt, acknowledges } in &mut self.outputs {
            let Some(receipt) = receipt else { continue };
            match write(&mut **output) {
                Ok(()) if *acknowledges => {}
                Ok(()) => receipt.arrived(self.given),
                Err(cut) => {
                    receipt.arrived(start + cut.written as u64);
                    receipt.failed(&cut.error);
                }
            }
        }
    }
}

impl Output for Several {
    fn name(&self) -> String {
        let names: Vec<String> = self.outputs.iter().map(|part| part.output.name()).collect();
        names.join(" and ")
    }

    fn write(&mut self, lines: &[u8]) -> Result<(), PartialWrite> {
        self.give(lines.len(), |output| output.write(lines));
        Ok(())
    }

    fn ready(&self) -> bool {
        self.outputs.iter().all(|part| part.output.ready())
    }

    fn acknowledges_by(&mut self, receipt: &Receipt) -> bool {
        let receipts = receipt.split(self.outputs.iter().map(|part| part.output.name()).collect());
        for (part, receipt) in self.outputs.iter_mut().zip(receipts) {
            part.acknowledges = part.output.acknowledges_by(&receipt);
            part.receipt = Some(receipt);
        }
        true
    }

    fn wants_labels(&self) -> bool {
        self.outputs.iter().any(|part| part.output.wants_labels())
    }

    fn wants_whole_messages(&self) -> bool {
        self.outputs.iter().any(|part| part.output.wants_whole_messages())
    }

    fn write_labelled(&mut self, lines: &[u8], labels: &Labels) -> Result<(), PartialWrite> {
        self.give(lines.len(), |output| output.write_labelled(lines, labels));
        Ok(())
    }
}
