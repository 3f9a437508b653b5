//! Fuzz test of what a plugin hands over: any blocks, under any limits.

use gmr_report::format::json;
use gmr_report::wit::Part;
use gmr_report::{Block, example};
use gmr_test_fuzz as fuzz;
use gmr_test_fuzz::within;
use serde_json::json;

use super::bindings::wit::document;
use super::output_limits::{Share, take};
use crate::plugin::Limits;

/// The most that blocks of 16 KiB may take, with their copies.
const MEMORY: u64 = 8 << 20;

/// What the application makes of what a plugin made of it.
fn there_and_back(block: &Block) -> Part {
    document::Block::from(block).into()
}

#[test]
fn blocks_from_plugins() {
    let mut report = example::report();
    let values = vec!["a".into(), 7_i64.into(), 0.5.into(), true.into(), gmr_report::Value::Redacted];
    report.sections[0].blocks.extend([
        Block::heading(2, "heading"),
        Block::table(["a", "b", "c", "d", "e"], [values.clone(), Vec::new()]),
        Block::fields([gmr_report::Field::new("list", gmr_report::Value::List(values))]),
        Block::preformatted("as it is"),
    ]);
    let report: serde_json::Value = serde_json::from_str(&json::report(&report)).unwrap();
    let seed = json!({"report": report, "blocks": 100, "items": 1000, "output": 10_000, "text": 1000});
    fuzz::json("blocks_from_plugins", 200, &[seed], |input| {
        let Ok(report) = json::read(&input["report"].to_string()) else { return };
        let limit = |name: &str| input[name].as_u64().unwrap_or(0);
        let limits = Limits {
            blocks: u32::try_from(limit("blocks")).unwrap_or(u32::MAX),
            items: u32::try_from(limit("items")).unwrap_or(u32::MAX),
            output_bytes: limit("output"),
            text_bytes: limit("text"),
            ..Limits::default()
        };
        let blocks: Vec<&Block> = report.sections.iter().flat_map(|section| &section.blocks).collect();
        for block in &blocks {
            let Part::Block(once) = within(MEMORY, || there_and_back(block)) else { panic!("{block:?}") };
            assert_eq!(there_and_back(&once), Part::Block(once.clone()), "what came back comes back");
        }
        let given = || blocks.iter().map(|block| document::Block::from(*block)).collect();
        let taken = within(MEMORY, || take(given(), &limits, Share::WHOLE));
        assert!(taken.blocks.len() + taken.remarks.len() <= limits.blocks as usize);
        if taken.failure.is_none() {
            assert_eq!(taken.blocks.len(), blocks.len());
            let again = taken.blocks.iter().map(document::Block::from).collect();
            assert_eq!(
                take(again, &limits, Share::WHOLE),
                taken,
                "what is within its limits is taken as it is"
            );
        }
    });
}
