//! The loop: a chunk of every row is computed in registers or the first cache, then all rows' chunks are stored.

use smallvec::SmallVec;

use super::Dtype;
use super::cpu::{Cpu, Portable};
use super::finite::NonFinite;
use super::format::{Accumulator, Bf16, F16, F32, F64, Format, Wide};
use crate::simd::{Backend, Level};

/// Elements computed between two stores. Four AVX-512 registers of floats: enough independent chains to hide the latency of
/// an fma, few enough that an accumulator stays in registers.
pub(super) const CHUNK: usize = 64;

/// Elements converted at a time: one AVX-512 register of floats. Larger arrays would be copied by calls to `memcpy`.
pub(super) const GROUP: usize = 16;

/// A chunk of an accumulator.
type Sum<A> = [[A; GROUP]; CHUNK / GROUP];

/// Most outputs of one pass.
pub(super) const MAX_ROWS: usize = 3;

/// Inputs of a row held without an allocation.
pub(super) const INLINE_TERMS: usize = 16;

/// One term: where its elements lie and its coefficient in both accumulator types.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) ptr: *const u8,
    pub(super) dtype: Dtype,
    pub(super) single: f32,
    pub(super) double: f64,
}

/// One output with its terms in order; never without terms.
pub(super) struct Row {
    pub(super) loads: SmallVec<[Load; INLINE_TERMS]>,
    pub(super) out: *mut u8,
    pub(super) dtype: Dtype,
    /// Whether the row accumulates in float64.
    pub(super) wide: bool,
}

/// A pass over some memory; shared by the threads that each run a range of it.
pub(super) struct Pass(pub(super) SmallVec<[Row; MAX_ROWS]>);

// SAFETY: the pointers are only followed by `run`, whose callers hand disjoint ranges to the threads; within its range a
// thread reads and writes elements that no other thread touches.
unsafe impl Sync for Pass {}

/// Runs elements `start..end` of a pass; `true` when every stored value is finite.
///
/// # Safety
/// Every operand must be valid for `end` elements of its dtype; an output may be the same memory as an input of the same
/// element size and overlaps nothing else; nobody else touches elements `start..end` meanwhile.
pub(super) unsafe fn run(backend: Backend, pass: &Pass, start: usize, end: usize) -> bool {
    match backend.0 {
        // SAFETY: the caller's.
        Level::Baseline => unsafe { body::<Portable>(&pass.0, start, end) },
        // SAFETY: the caller's, and a `Backend` of this level exists only where detection found its features.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2(&pass.0, start, end) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512(&pass.0, start, end) },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn avx2(rows: &[Row], start: usize, end: usize) -> bool {
    // SAFETY: the caller's; this function has the features of the path.
    unsafe { body::<super::cpu::Avx2>(rows, start, end) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn avx512(rows: &[Row], start: usize, end: usize) -> bool {
    // SAFETY: the caller's; this function has the features of the path.
    unsafe { body::<super::cpu::Avx512>(rows, start, end) }
}

#[inline(always)]
unsafe fn body<C: Cpu>(rows: &[Row], start: usize, end: usize) -> bool {
    let mut bad = NonFinite::default();
    let whole = start + (end - start) / CHUNK * CHUNK;
    // SAFETY: chunks within start..whole.
    unsafe {
        match (rows, uniform(rows)) {
            // The common passes without a choice inside their loops.
            ([row], Some(Dtype::F32)) => uniform_row::<C, F32>(row, start, whole, &mut bad),
            ([row], Some(Dtype::F64)) => uniform_row::<C, F64>(row, start, whole, &mut bad),
            ([row], Some(Dtype::F16)) => uniform_row::<C, F16>(row, start, whole, &mut bad),
            ([row], Some(Dtype::Bf16)) => uniform_row::<C, Bf16>(row, start, whole, &mut bad),
            _ => {
                let mut scratch = Scratch::new();
                for at in (start..whole).step_by(CHUNK) {
                    chunk::<C, true>(rows, at, CHUNK, &mut scratch, &mut bad);
                }
            }
        }
    }
    if whole < end {
        // SAFETY: end - whole elements remain, fewer than a chunk.
        unsafe { chunk::<C, false>(rows, whole, end - whole, &mut Scratch::new(), &mut bad) };
    }
    bad.none()
}

/// The one dtype of all operands of the first row, if they have one.
fn uniform(rows: &[Row]) -> Option<Dtype> {
    let row = rows.first()?;
    row.loads.iter().all(|load| load.dtype == row.dtype).then_some(row.dtype)
}

/// Whole chunks of a single row whose operands are all stored as `F`.
#[inline(always)]
unsafe fn uniform_row<C: Cpu, F: Format>(row: &Row, start: usize, whole: usize, bad: &mut NonFinite) {
    let (first, rest) = row.loads.split_first().expect("a row has terms");
    for at in (start..whole).step_by(CHUNK) {
        let mut sum = zero::<F::Acc>();
        // SAFETY: the caller's: elements at..at + CHUNK exist.
        unsafe {
            multiply::<C, F>(&mut sum, first, first.ptr.add(at * F::SIZE));
            for load in rest {
                add::<C, F>(&mut sum, load, load.ptr.add(at * F::SIZE));
            }
            store::<C, F>(&sum, row.out.add(at * F::SIZE), bad);
        }
    }
}

/// Bytes of a chunk of the largest elements.
const STAGE: usize = CHUNK * 8;

/// What [`chunk`] keeps between its rows; made once per run.
struct Scratch {
    single: [Sum<f32>; MAX_ROWS],
    double: [Sum<f64>; MAX_ROWS],
    stage: [u8; STAGE],
}

impl Scratch {
    fn new() -> Self {
        Self { single: [zero(); MAX_ROWS], double: [zero(); MAX_ROWS], stage: [0; STAGE] }
    }
}

/// One chunk of every row. Unless `WHOLE`, only its first `valid` elements exist, at least one.
#[inline(always)]
unsafe fn chunk<C: Cpu, const WHOLE: bool>(
    rows: &[Row],
    at: usize,
    valid: usize,
    scratch: &mut Scratch,
    bad: &mut NonFinite,
) {
    let Scratch { single, double, stage } = scratch;
    for ((row, single), double) in rows.iter().zip(&mut *single).zip(&mut *double) {
        for (k, load) in row.loads.iter().enumerate() {
            // SAFETY: the caller's; a partial chunk is read from its copy, which is whole.
            unsafe {
                let mut from = load.ptr.add(at * load.dtype.size());
                if !WHOLE {
                    fill(stage, from, valid, load.dtype.size());
                    from = stage.as_ptr();
                }
                match (row.wide, load.dtype) {
                    (false, Dtype::F32 | Dtype::F64) => term::<C, F32>(k, single, load, from),
                    (false, Dtype::F16) => term::<C, F16>(k, single, load, from),
                    (false, Dtype::Bf16) => term::<C, Bf16>(k, single, load, from),
                    (true, Dtype::F64) => term::<C, F64>(k, double, load, from),
                    (true, Dtype::F32) => term::<C, Wide<F32>>(k, double, load, from),
                    (true, Dtype::F16) => term::<C, Wide<F16>>(k, double, load, from),
                    (true, Dtype::Bf16) => term::<C, Wide<Bf16>>(k, double, load, from),
                }
            }
        }
    }
    for ((row, single), double) in rows.iter().zip(&*single).zip(&*double) {
        let size = row.dtype.size();
        // SAFETY: the caller's, and every row of the chunk has been read; a partial chunk is stored to its copy first.
        unsafe {
            let out = row.out.add(at * size);
            let to = if WHOLE { out } else { stage.as_mut_ptr() };
            match (row.wide, row.dtype) {
                (false, Dtype::F32 | Dtype::F64) => store::<C, F32>(single, to, bad),
                (false, Dtype::F16) => store::<C, F16>(single, to, bad),
                (false, Dtype::Bf16) => store::<C, Bf16>(single, to, bad),
                (true, Dtype::F64) => store::<C, F64>(double, to, bad),
                (true, Dtype::F32) => store::<C, Wide<F32>>(double, to, bad),
                (true, Dtype::F16) => store::<C, Wide<F16>>(double, to, bad),
                (true, Dtype::Bf16) => store::<C, Wide<Bf16>>(double, to, bad),
            }
            if !WHOLE {
                out.copy_from_nonoverlapping(stage.as_ptr(), valid * size);
            }
        }
    }
}

/// Copies `valid` elements and repeats the last one up to a whole chunk: the fill never raises a flag that a true element
/// has not raised.
unsafe fn fill(stage: &mut [u8; STAGE], from: *const u8, valid: usize, size: usize) {
    // SAFETY: the caller's: `from` is valid for `valid` elements, at most a chunk.
    unsafe { stage.as_mut_ptr().copy_from_nonoverlapping(from, valid * size) };
    for i in valid..CHUNK {
        stage.copy_within((valid - 1) * size..valid * size, i * size);
    }
}

/// The first term is a product, each later one an fma, in the order given.
#[inline(always)]
unsafe fn term<C: Cpu, F: Format>(k: usize, sum: &mut Sum<F::Acc>, load: &Load, from: *const u8) {
    // SAFETY: the caller's.
    unsafe {
        if k == 0 {
            multiply::<C, F>(sum, load, from);
        } else {
            add::<C, F>(sum, load, from);
        }
    }
}

#[inline(always)]
unsafe fn multiply<C: Cpu, F: Format>(sum: &mut Sum<F::Acc>, load: &Load, from: *const u8) {
    let coefficient = F::Acc::coefficient(load);
    for (g, group) in sum.iter_mut().enumerate() {
        // SAFETY: the caller's.
        let values = unsafe { F::load::<C>(from.add(g * GROUP * F::SIZE)) };
        for (s, value) in group.iter_mut().zip(values) {
            *s = value.times(coefficient);
        }
    }
}

#[inline(always)]
unsafe fn add<C: Cpu, F: Format>(sum: &mut Sum<F::Acc>, load: &Load, from: *const u8) {
    let coefficient = F::Acc::coefficient(load);
    for (g, group) in sum.iter_mut().enumerate() {
        // SAFETY: the caller's.
        let values = unsafe { F::load::<C>(from.add(g * GROUP * F::SIZE)) };
        for (s, value) in group.iter_mut().zip(values) {
            *s = value.times_plus(coefficient, *s);
        }
    }
}

#[inline(always)]
unsafe fn store<C: Cpu, F: Format>(sum: &Sum<F::Acc>, to: *mut u8, bad: &mut NonFinite) {
    for (g, group) in sum.iter().enumerate() {
        // SAFETY: the caller's.
        unsafe { F::store::<C>(group, to.add(g * GROUP * F::SIZE), bad) };
    }
}

#[inline(always)]
fn zero<A: Accumulator>() -> Sum<A> {
    [[A::ZERO; GROUP]; CHUNK / GROUP]
}
