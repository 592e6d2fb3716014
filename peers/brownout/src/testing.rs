//! Exploring inside a test.
//!
//! A divergence names the clause that it breaks:
//!
//! | clause | |
//! |---|---|
//! | durable | what returned `Ok` before the cut is there after power-on |
//! | atomic | the call in flight is there whole, or not at all |
//! | settled | what the first power-on shows, every later one shows; nothing removed comes back |
//! | ordered | a list gives its items in the order in which they were put in |
//! | alive | after power-on the engine works on, with the capacity that it had |
//! | bounded | every call ends within a stated number of flash operations |
//! | lawful | the rules of the chip are kept: alignment, pages, programs of a unit between erases |
//! | clean | a call that fails changes nothing |
//! | sane | any image whatever gives an answer or an error, no panic |
//! | honest | what rots is missing or damaged, never returned as good |
//! | isolated | a transaction is there as a whole or not at all; a snapshot shows what was |
//! | gone | what was destroyed is nowhere in the flash |

use crate::abi;
use std::ffi::{CStr, CString};
use std::sync::{Mutex, PoisonError};

const SCENARIOS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/scenarios.rs"));

/// Bytes of the stack on which the harness and the engine work.
const STACK: usize = 64 << 20;

/// What [`survives!`](crate::survives) and [`fuzz!`](crate::fuzz) take: `field = value`.
#[derive(Clone, Debug, Default)]
pub struct Work<'a> {
    /// The engine instead of the scenario's, with its options: `"my-map cycles=100"`.
    pub engine: &'a str,
    /// Fault classes, or `"claimed"`: those of [`Engine::CLAIMS`](crate::Engine::CLAIMS). Empty: those
    /// of the scenario, or of its chip, also where the engine does not claim them.
    pub faults: &'a str,
    /// Cuts on one path; 0: the scenario's, or 1. A fuzz run varies it.
    pub depth: u32,
    /// Of a fuzz run.
    pub seed: u64,
    /// Of a fuzz run: a thousand scenarios and images where it is 0.
    pub rounds: u64,
    /// Stops after that time; 0: when all is done.
    pub seconds: f64,
    /// The chip of a fuzz run, as a scenario spells it; empty: varied.
    pub chip: &'a str,
}

/// The scenarios that are shipped, name and text.
pub fn scenarios() -> &'static [(&'static str, &'static str)] {
    SCENARIOS
}

/// A scenario of one line is the name of a shipped one.
#[track_caller]
fn text_of(scenario: &str) -> (&str, &str) {
    if scenario.contains('\n') {
        return ("scenario", scenario);
    }
    let found = SCENARIOS.iter().find(|it| it.0 == scenario);
    let Some(found) = found else {
        let names: Vec<_> = SCENARIOS.iter().map(|it| it.0).collect();
        panic!("no scenario '{scenario}' is shipped; there are {}", names.join(", "))
    };
    *found
}

fn text(it: &str) -> Option<CString> {
    (!it.is_empty()).then(|| CString::new(it).expect("no NUL in a text"))
}

fn pointer(it: &Option<CString>) -> *const core::ffi::c_char {
    it.as_ref().map_or(core::ptr::null(), |it| it.as_ptr())
}

/// The harness keeps globals, and forks: one test at a time.
static TURN: Mutex<()> = Mutex::new(());

type Ask = unsafe extern "C" fn(*const abi::Work) -> abi::Answer;

fn ask(table: usize, ask: Ask, name: &str, scenario: &str, work: &Work<'_>) -> (i32, String) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let texts = [name, scenario, work.engine, work.faults].map(text);
    let asked = abi::Work {
        name: pointer(&texts[0]),
        text: pointer(&texts[1]),
        engine: pointer(&texts[2]),
        faults: pointer(&texts[3]),
        depth: work.depth,
        seed: work.seed,
        rounds: if work.rounds == 0 { 1000 } else { work.rounds },
        seconds: work.seconds,
        jobs: std::thread::available_parallelism().map_or(1, |it| it.get() as u32),
    };
    unsafe {
        abi::embed_add(table as *const _);
        let mut answer = ask(&asked);
        let verdict = answer.verdict;
        let said = CStr::from_ptr(answer.text).to_string_lossy().into_owned();
        abi::embed_free(&mut answer);
        (verdict, said)
    }
}

/// On a stack of its own, which the engine may need.
#[track_caller]
fn judge(table: usize, how: Ask, name: &str, scenario: &str, work: &Work<'_>) {
    let (verdict, said) = std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, || ask(table, how, name, scenario, work))
            .expect("a thread")
            .join()
            .expect("the harness returns")
    });
    let failed = match verdict {
        0 => return println!("{said}"),
        1 => "it does not survive",
        2 => "refused",
        3 => "the harness failed",
        _ => "nothing was judged, which is no pass",
    };
    panic!("{name}: {failed}\n{said}");
}

#[doc(hidden)]
#[track_caller]
pub fn explore(table: *const (), scenario: &str, work: &Work<'_>) {
    let (name, text) = text_of(scenario);
    judge(table as usize, abi::embed_explore, name, text, work);
}

#[doc(hidden)]
#[track_caller]
pub fn fuzz(table: *const (), work: &Work<'_>) {
    judge(table as usize, abi::embed_fuzz, "fuzz", work.chip, work);
}

/// The engines that this program exports.
#[doc(hidden)]
#[macro_export]
macro_rules! exported {
    () => {{
        unsafe extern "C" {
            #[link_name = "brownout_export_is_missing"]
            safe static TABLE: $crate::door::Exported;
        }
        TABLE.0
    }};
}

/// Cuts the power at every program and erase of a scenario, and fails with the shrunk case and its
/// story where the engine does not survive.
///
/// The scenario is a text, or the name of a shipped one ([`scenarios`]), which wants an engine. What
/// follows are fields of [`Work`].
///
/// ```ignore
/// #[test]
/// fn power_loss() {
///     brownout::survives!(
///         "chip w25q128jv sectors=3 sector=256
///          engine my-map
///          store a \"home\"
///          store a 0x01",
///         faults = "edge,prefix",
///         depth = 2
///     );
///     brownout::survives!("wifi-password", engine = "my-map");
/// }
/// ```
#[macro_export]
macro_rules! survives {
    ($scenario:expr $(, $field:ident = $value:expr)* $(,)?) => {
        $crate::testing::explore(
            $crate::exported!(),
            $scenario,
            &$crate::testing::Work { $($field: $value,)* ..Default::default() },
        )
    };
}

/// Random scenarios on random chips, explored, and damaged images; fails as
/// [`survives!`](crate::survives) does: `brownout::fuzz!(engine = "my-map", rounds = 200)`.
#[macro_export]
macro_rules! fuzz {
    ($($field:ident = $value:expr),* $(,)?) => {
        $crate::testing::fuzz(
            $crate::exported!(),
            &$crate::testing::Work { $($field: $value,)* ..Default::default() },
        )
    };
}
