//! The engine of slate-kv, which is the crate slate-kv-core, put together as `Db` of slate-kv does
//! it (src/db.rs of that crate). `Db` itself takes files and no flash.
//!
//! Each change is committed at once, as by `Db::put_durable` and `Db::delete_durable`. There is no
//! monotonic counter, which the crate allows: only protection against rollback needs one.

use brownout::{
    AnyNor, Call, Chip, Engine, Error, FlashError, Limits, Map, Result, Settings, TakeBytes,
};
use core::ffi::CStr;
use slate_kv_core::chain::Chain;
use slate_kv_core::config::{
    self, CKPT_HDR_LEN, CM_LEN, ERASED_BYTE, MAX_KEY_LEN, MAX_PAGE_SIZE, MAX_VAL_LEN, OFF_BITS,
    OP_DEL, OP_PUT, REC_HDR_LEN, SEG_BLOCKS_DATA, SEG_BLOCKS_PARITY, SEG_BYTES, SchedCfg,
};
use slate_kv_core::epoch::{self, EngineState, MountError, SecurityMode};
use slate_kv_core::error::Error as Theirs;
use slate_kv_core::gc::{self, SegTable};
use slate_kv_core::index::{Index, XorShift64};
use slate_kv_core::log::{HeadState, Log, Sealer};
use slate_kv_core::metrics::Metrics;
use slate_kv_core::recover::{self, RecoverWorkspace};
use slate_kv_core::sched::Scheduler;
use slate_kv_core::slate::{ScratchWorkspace, Slate};
use slate_kv_crypto::keys::{DeviceKey, KeySet};
use slate_kv_crypto::sealer::CryptoSealer;
use slate_kv_hal::{BlockingCounter, BlockingFlash, CounterKind, Flash, MonotonicCounter};

const BLOCK: usize = SEG_BYTES / (SEG_BLOCKS_DATA + SEG_BLOCKS_PARITY);
/// One for each of the two logs.
const SEGMENTS_MIN: u32 = 2;
/// "Your choice" (README.md of the crate): for a record of the largest size, and as many as fit.
const BATCH: usize = 4096;
/// Less than 2048: "reachable only on a bare-metal target that sizes the arena directly".
const BUCKETS: usize = 64;
const SLOTS: usize = BUCKETS * config::BUCKET_SLOTS;
const DEVICE_KEY: [u8; 32] = [0x42; 32];

/// As `FileFlash` does it, and as the trait asks for: what is not erased is not programmed.
pub struct Part(AnyNor);

#[derive(Debug)]
pub enum PartError {
    Flash,
    NotErased,
}

impl From<FlashError> for PartError {
    fn from(_: FlashError) -> Self {
        Self::Flash
    }
}

impl Flash for Part {
    type Error = PartError;

    fn page_size(&self) -> usize {
        brownout::Flash::chip(&self.0).page as usize
    }

    fn block_size(&self) -> usize {
        BLOCK
    }

    fn capacity(&self) -> u32 {
        brownout::Flash::chip(&self.0).size() as u32
    }

    fn read(&mut self, address: u32, bytes: &mut [u8]) -> core::result::Result<(), PartError> {
        Ok(self.0.read_at(address, bytes)?)
    }

    fn program(&mut self, address: u32, bytes: &[u8]) -> core::result::Result<(), PartError> {
        let mut old = vec![0; bytes.len()];
        self.0.read_at(address, &mut old)?;
        if old.iter().any(|it| *it != ERASED_BYTE) {
            return Err(PartError::NotErased);
        }
        Ok(self.0.program_at(address, bytes)?)
    }

    fn erase(&mut self, address: u32) -> core::result::Result<(), PartError> {
        Ok(self.0.erase_at(address)?)
    }
}

pub struct NoCounter;

impl MonotonicCounter for NoCounter {
    type Error = ();

    fn kind(&self) -> CounterKind {
        CounterKind::None
    }

    fn read(&mut self) -> core::result::Result<u64, ()> {
        Err(())
    }

    fn increment(&mut self) -> core::result::Result<u64, ()> {
        Err(())
    }
}

fn error_of(error: Theirs) -> Error {
    match error {
        Theirs::FlashFull | Theirs::BatchFull | Theirs::IndexFull => Error::Full,
        Theirs::Io => Error::Flash,
        _ => Error::Damaged,
    }
}

fn mount_error_of(error: MountError) -> Error {
    match error {
        MountError::Io => Error::Flash,
        MountError::Rollback | MountError::Tampered | MountError::FormatError => Error::Damaged,
    }
}

fn sealer() -> CryptoSealer {
    CryptoSealer::new(KeySet::derive(&DeviceKey(DEVICE_KEY), 1))
}

fn checkpoint() -> Vec<u8> {
    vec![0; config::ckpt_len_for_slots(SLOTS)]
}

fn data_base() -> u32 {
    config::data_base_offset(BLOCK)
}

fn log<F>() -> Log<'static, F> {
    let head = HeadState { seg_seq: 1, write_offset: data_base(), block_idx: 0 };
    Log::new(vec![0; BATCH].leak(), head)
}

/// The fixed batch of `Options::default()`; each change is committed before it is full.
fn scheduler() -> Scheduler {
    Scheduler::new(SchedCfg {
        auto_b: false,
        fixed_cost_uj: 150,
        staleness_budget_ms: 1000,
        deadline_ms: 500,
        b_min: 1,
        b_max: 128,
        b_commit: 8,
    })
}

type Whole = Slate<'static, BlockingFlash<Part>, BlockingCounter<NoCounter>, CryptoSealer>;

/// The index of the newest checkpoint, and what was committed after it.
fn replay(slate: &mut Whole, index_bytes: usize, from: u32) -> Result {
    if index_bytes > 0 {
        slate.index.deserialize(&slate.ckpt_buf[CKPT_HDR_LEN..][..index_bytes]);
    }
    let mut random = XorShift64::new(42);
    let mut workspace = Box::new(RecoverWorkspace::new());
    let index = &mut slate.index;
    let mut room = Ok(());
    let found = recover::recover(
        &mut slate.flash,
        &mut slate.sealer,
        &mut slate.engine.chain,
        slate.engine.epoch,
        from,
        &mut workspace,
        |flash, sealer, _, offset, op, key| {
            if op == OP_PUT {
                let same = |at| recover::record_key_eq(flash, sealer, at, key);
                if let Err(error) = index.upsert(key, offset, &mut random, same) {
                    room = Err(error_of(error));
                }
            } else {
                index.remove(key, |at| recover::record_key_eq(flash, sealer, at, key));
            }
        },
    )
    .map_err(error_of)?;
    slate.log_hot.head.write_offset = found.head_pos.max(from);
    slate.log_cold.head.write_offset = slate.log_hot.head.write_offset;
    let next = slate.engine.next_seq;
    slate.engine.next_seq = (found.committed_upto + 1).max(next);
    slate.engine.acked_seq = found.committed_upto.max(next.saturating_sub(1));
    room
}

pub struct Values(Whole);

impl Values {
    /// As `Db::put` and `Db::delete` append, and then commit.
    fn append(&mut self, op: u8, key: &[u8], value: &[u8]) -> core::result::Result<(), Theirs> {
        let offset = self.0.append_hot(op, key, value)?;
        if op == OP_PUT {
            self.0.index_update_offset(key, offset)?;
        } else {
            self.0.index_remove_key(key);
        }
        if self.0.sched.on_append(0) {
            self.0.commit()?;
        }
        self.0.commit()
    }
}

impl Engine for Values {
    type Flash = AnyNor;
    const NAME: &'static CStr = c"crate-slate";
    const SUMMARY: &'static CStr = c"the engine of the Rust crate slate-kv";
    const HEAP: usize = 128 << 10;

    fn refuses(chip: &Chip, _: &Settings) -> Option<&'static CStr> {
        if chip.erased != ERASED_BYTE || chip.read_unit > 1 {
            return Some(c"the format wants erased bytes to be FF, and reads of one byte");
        }
        if chip.sector_size != BLOCK as u32 {
            return Some(c"a segment has 49152 bytes in 12 blocks");
        }
        if !(CM_LEN as u32..=MAX_PAGE_SIZE as u32).contains(&chip.page) {
            return Some(c"a page holds a commit marker, and has 512 bytes at most");
        }
        let fits = chip.size() <= 1 << OFF_BITS
            && gc::segments_in(data_base(), chip.size() as u32) >= SEGMENTS_MIN;
        (!fits).then_some(c"it takes 2 blocks, 130 for checkpoints, 24 for segments, and 16 MiB")
    }

    fn limits(_: &Chip, _: &Settings) -> Limits {
        Limits { key: 0..=MAX_KEY_LEN as u32, value_max: MAX_VAL_LEN as u32 }
    }

    /// The genesis epoch: a checkpoint without an index.
    fn format(flash: AnyNor, _: &Settings) -> Result {
        let mut state = EngineState {
            epoch: 1,
            next_seq: 1,
            acked_seq: 0,
            d_ckpt: [0; 32],
            chain: Chain::anchor(1, &[0; 32]),
            records_in_epoch: 0,
            security_mode: SecurityMode::NoRollbackProtection,
            active_ckpt_slot: 0,
        };
        epoch::seal_epoch(
            &mut state,
            &mut Part(flash),
            &mut NoCounter,
            &mut sealer(),
            1,
            data_base(),
            0,
            &mut checkpoint(),
            0,
            &mut [0; MAX_PAGE_SIZE],
        )
        .map(drop)
        .map_err(error_of)
    }

    fn mount(flash: AnyNor, _: &Settings) -> Result<Self> {
        let (mut part, mut sealer) = (Part(flash), sealer());
        let checkpoint = checkpoint().leak();
        let found = epoch::mount(&mut part, &mut NoCounter, &mut sealer, checkpoint)
            .map_err(mount_error_of)?;
        sealer.roll_epoch(found.state.epoch);
        let segments = gc::segments_in(data_base(), part.capacity());
        let seed = found.state.epoch.max(1) ^ 42;
        let mut slate = Slate {
            flash: BlockingFlash(part),
            counter: BlockingCounter(NoCounter),
            sealer,
            engine: found.state,
            log_hot: log(),
            log_cold: log(),
            index: Index::new(vec![0; SLOTS].leak(), BUCKETS),
            segs: SegTable::with_base(data_base(), segments),
            ckpt_seg_seq: found.ckpt_seg_seq,
            sched: scheduler(),
            metrics: Metrics::default(),
            ckpt_buf: checkpoint,
            rng: XorShift64::new(seed),
            scratch_buf: ScratchWorkspace::new(),
        };
        replay(&mut slate, found.plain_len, found.ckpt_write_offset.max(data_base()))?;
        Ok(Self(slate))
    }
}

impl Map for Values {
    const CALLS: &'static [Call] = &[Call::Remove, Call::Collect];

    fn store(&mut self, key: &[u8], value: &[u8]) -> Result {
        self.append(OP_PUT, key, value).map_err(error_of)
    }

    fn fetch(&mut self, key: &[u8], take: TakeBytes<'_>) -> Result {
        let mut value = [0; MAX_VAL_LEN];
        let size = self.0.get_into(key, &mut value).ok_or(Error::NotFound)?;
        take(&value[..size]);
        Ok(())
    }

    fn remove(&mut self, key: &[u8]) -> Result {
        self.fetch(key, &mut |_| {})?;
        self.append(OP_DEL, key, &[]).map_err(error_of)
    }

    fn collect(&mut self) -> Result {
        self.0.compact().map_err(error_of)
    }
}

/// The ciphers ask the processor once what it can do, and keep the answer in statics, which is no
/// state of the engine: they do so when the plug-in is loaded.
extern "C" fn ask_processor() {
    let mut record = [0; 64];
    let mut sealer = sealer();
    sealer.seal_record(&[0; REC_HDR_LEN], &[0; 48], &mut record);
    let opened = sealer.open_record(&[0; REC_HDR_LEN], &record, &mut [0; 48]);
    assert!(opened.is_ok());
}

#[used]
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = ask_processor;

brownout::export! {
    map Values;
}
