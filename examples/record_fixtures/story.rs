//! What is said: our own short texts, each with a marker.

use std::fs;
use std::path::{Path, PathBuf};

use rehydra::marker::{Carrier, Marker};

use crate::Fallible;
use crate::recipes::Act;
use crate::stub::{Item, Reply};

/// Above what a turn costs, below what [`Act::Compact`] claims.
pub(crate) const COMPACT_ABOVE_TOKENS: u64 = 50_000;

/// A picture of one pixel.
const PIXEL: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8,
    6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0d, b'I', b'D', b'A', b'T', 0x78, 0xda, 0x63, 0x64, 0x60, 0xf8,
    0x5f, 0x0f, 0, 2, 0x87, 1, 0x80, 0xeb, 0x47, 0xba, 0x92, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60,
    0x82,
];

/// A turn as it is asked for and answered.
pub(crate) struct Ask {
    pub(crate) prompt: String,
    pub(crate) image: Option<PathBuf>,
    pub(crate) replies: Vec<Reply>,
    /// What is said when Codex sums up, and when it goes on with the turn after that.
    pub(crate) summary: Option<[String; 2]>,
    /// On disk when the turn is where it is wanted: its last reply, or the call of the tool that is cut off.
    pub(crate) until: Marker,
}

/// Makes the turns of one thread.
pub(crate) struct Story<'a> {
    seed: u64,
    said: u64,
    project: &'a Path,
}

impl<'a> Story<'a> {
    pub(crate) fn new(seed: u64, project: &'a Path) -> Story<'a> {
        Story { seed, said: 0, project }
    }

    fn marker(&mut self, carrier: Carrier) -> Marker {
        self.said += 1;
        Marker::new(carrier, self.seed, self.said)
    }

    /// The turn that an act is; nothing for an act that is none.
    pub(crate) fn turn(&mut self, act: Act) -> Fallible<Option<Ask>> {
        let mut replies = Vec::new();
        let mut image = None;
        let mut summary = None;
        let prompt = self.marker(Carrier::Prompt);
        let prompt = match act {
            Act::RollBack | Act::Revert | Act::Fork | Act::Archive => return Ok(None),
            Act::Talk => format!("Remember the number seven. {prompt}"),
            Act::Compact => format!("Go round the harbour once. {prompt}"),
            Act::Tool => {
                replies.push(self.look()?);
                format!("Look into harbour.txt and remember the colour. {prompt}")
            }
            Act::Patch => {
                replies.push(reply(vec![Item::Patch(self.patch())]));
                format!("Write down how long the quay is. {prompt}")
            }
            Act::Image => {
                let file = self.project.join("gate.png");
                fs::write(&file, PIXEL)?;
                image = Some(file);
                format!("This is the gate. {prompt}")
            }
            Act::Interrupted | Act::Killed => {
                let call = self.marker(Carrier::Call);
                replies.push(reply(vec![Item::Shell(format!("sleep 25; true # {call}"))]));
                let prompt = format!("Wait for the tide. {prompt}");
                return Ok(Some(Ask { prompt, image, replies, summary, until: call }));
            }
        };
        let until = self.marker(Carrier::Reply);
        let mut last = reply(vec![Item::Text(format!("Noted. {until}"))]);
        if act == Act::Compact {
            last.tokens = COMPACT_ABOVE_TOKENS + 10_000;
            let summed_up = format!("They went round the harbour. {}", self.marker(Carrier::Summary));
            summary = Some([summed_up, format!("Back again. {}", self.marker(Carrier::Reply))]);
        }
        replies.push(last);
        Ok(Some(Ask { prompt, image, replies, summary, until }))
    }

    fn look(&mut self) -> Fallible<Reply> {
        let thought = self.marker(Carrier::Reasoning);
        let call = self.marker(Carrier::Call);
        let printed = self.marker(Carrier::Output);
        // The output's marker stands in a file, so that the call does not hold it too.
        fs::write(self.project.join("harbour.txt"), format!("The harbour gate is blue. {printed}\n"))?;
        let thought = Item::Reasoning(format!("The file will tell. {thought}"));
        Ok(reply(vec![thought, Item::Shell(format!("cat harbour.txt # {call}"))]))
    }

    fn patch(&mut self) -> String {
        let call = self.marker(Carrier::Call);
        format!("*** Begin Patch\n*** Add File: quay.txt\n+The quay is long. {call}\n*** End Patch\n")
    }
}

fn reply(items: Vec<Item>) -> Reply {
    Reply { items, tokens: 100 }
}
