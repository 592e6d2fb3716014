//! What README.md shows is what a first user gets: its engine, word for word, and what its test says.

use brownout::{AnyNor, Call, Chip, Engine, Error, Keys, Limits, Map, Result, Settings, TakeBytes};

/// A value of one byte under the key `a`: the first byte of the flash. Replace it by your engine.
struct Mine(AnyNor);

impl Engine for Mine {
    type Flash = AnyNor;
    const NAME: &'static core::ffi::CStr = c"mine";
    const SUMMARY: &'static core::ffi::CStr = c"one byte";
    const KEYS: Option<Keys> = Some(|_, n| (n == 0).then(|| vec![b'a'])); // not any bytes
    const VALUE_MIN: u32 = 1;

    fn limits(_: &Chip, _: &Settings) -> Limits {
        Limits { key: 1..=1, value_max: 1 }
    }

    fn mount(flash: AnyNor, _: &Settings) -> Result<Self> {
        Ok(Self(flash))
    }
}

impl Map for Mine {
    const CALLS: &'static [Call] = &[]; // no remove, no clear, no each

    fn store(&mut self, _key: &[u8], value: &[u8]) -> Result {
        self.0.erase_at(0)?;
        Ok(self.0.program_at(0, value)?)
    }

    fn fetch(&mut self, _key: &[u8], take: TakeBytes<'_>) -> Result {
        let mut byte = [0];
        self.0.read_at(0, &mut byte)?;
        if byte[0] == 0xFF {
            return Err(Error::NotFound);
        }
        take(&byte);
        Ok(())
    }
}

brownout::export! { map Mine; }

// --- the end of what README.md shows ---

const PAGE: &str = include_str!("../README.md");

/// The block after a fence, without the indentation of its list.
fn block(fence: &str) -> String {
    let (_, rest) = PAGE.split_once(fence).expect(fence);
    let (block, _) = rest.split_once("   ```").unwrap();
    block.lines().map(|line| format!("{}\n", line.strip_prefix("   ").unwrap_or(line))).collect()
}

#[test]
fn the_engine_is_that_of_the_page() {
    let shown = block("```rust\n").replace("# fn main() {}\n", "");
    assert!(include_str!("readme.rs").contains(&format!("\n\n{shown}\n// ---")), "{shown}");
}

#[test]
fn its_test_fails_as_the_page_says() {
    let test = block("```rust,ignore\n");
    let scenario = test.split('"').nth(1).unwrap();
    let failed = std::panic::catch_unwind(|| {
        brownout::survives!(scenario, faults = "edge,prefix", depth = 2);
    });
    let said = *failed.expect_err("it fails").downcast::<String>().unwrap();
    let mut rest = said.as_str();
    for line in block("```text\n").lines() {
        let found = rest.split_once(line.trim());
        rest = found.unwrap_or_else(|| panic!("no '{line}' in {rest}, of {said}")).1;
    }
}
