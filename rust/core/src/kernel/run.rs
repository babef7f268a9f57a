//! The loop: a chunk of every row is computed in registers or the first cache, then all rows' chunks are stored.

use smallvec::SmallVec;

use super::Dtype;
use super::cpu::{Cpu, Portable};
use super::finite::NonFinite;
use super::format::{Accumulator, Bf16, F16, F32, F64, Format, Wide};
use crate::simd::{Backend, Level};

/// Elements computed between two stores. Four AVX-512 registers of floats: enough independent chains to hide the
/// latency of an fma, few enough that an accumulator stays in registers.
pub(super) const CHUNK: usize = 64;

/// Elements converted at a time: one AVX-512 register of floats. Larger arrays would be copied by calls to `memcpy`.
pub(super) const GROUP: usize = 16;

/// A chunk of an accumulator.
type Sum<A> = [[A; GROUP]; CHUNK / GROUP];

/// Repeats a block with a constant index. LLVM keeps an array in registers only where every index into it is constant
/// before its loops are vectorised, and leaves some loops of this file rolled otherwise.
macro_rules! unroll {
    ($($i:literal),+; |$name:ident| $block:block) => {
        $({
            const $name: usize = $i;
            $block
        })+
    };
}

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

// SAFETY: the pointers are only followed by `run`, whose callers hand disjoint ranges to the threads; within its range
// a thread reads and writes elements that no other thread touches.
unsafe impl Sync for Pass {}

/// Runs elements `start..end` of a pass; `true` when every stored value is finite.
///
/// # Safety
/// Every operand must be valid for `end` elements of its dtype; an output may be the same memory as an input of the
/// same element size and overlaps nothing else; nobody else touches elements `start..end` meanwhile.
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
        // The common passes choose a format once, or at least an accumulator, not in each chunk. Others are not worth
        // their code.
        match (uniform(rows), rows) {
            (Some(Dtype::F32), [a]) => registers::<C, F32, 1>([a], start, whole, &mut bad),
            (Some(Dtype::F32), [a, b]) => registers::<C, F32, 2>([a, b], start, whole, &mut bad),
            (Some(Dtype::F32), [a, b, c]) => registers::<C, F32, 3>([a, b, c], start, whole, &mut bad),
            (Some(Dtype::F64), [a]) => registers::<C, F64, 1>([a], start, whole, &mut bad),
            (Some(Dtype::F16), [a]) => registers::<C, F16, 1>([a], start, whole, &mut bad),
            (Some(Dtype::Bf16), [a]) => registers::<C, Bf16, 1>([a], start, whole, &mut bad),
            (_, [a]) if !a.wide => registers::<C, AnySingle, 1>([a], start, whole, &mut bad),
            (_, [a, b]) if !a.wide && !b.wide => registers::<C, AnySingle, 2>([a, b], start, whole, &mut bad),
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

/// The one dtype of all operands, if they share one.
fn uniform(rows: &[Row]) -> Option<Dtype> {
    let dtype = rows.first()?.dtype;
    let same = |row: &Row| row.dtype == dtype && row.loads.iter().all(|load| load.dtype == dtype);
    rows.iter().all(same).then_some(dtype)
}

/// Whole chunks of rows with one kind of accumulator, whose sums stay in registers.
#[inline(always)]
unsafe fn registers<C: Cpu, O: Operands, const R: usize>(
    rows: [&Row; R],
    start: usize,
    whole: usize,
    bad: &mut NonFinite,
) {
    let terms = rows.map(|row| row.loads.split_first().expect("a row has terms"));
    for at in (start..whole).step_by(CHUNK) {
        let mut sums = [zero::<O::Acc>(); R];
        // SAFETY: the caller's: elements at..at + CHUNK exist; all rows are read before one is stored.
        unsafe {
            unroll!(0, 1, 2; |I| {
                if I < R {
                    let (first, rest) = terms[I];
                    O::term::<C, true>(&mut sums[I], first, at);
                    for load in rest {
                        O::term::<C, false>(&mut sums[I], load, at);
                    }
                }
            });
            unroll!(0, 1, 2; |I| {
                if I < R {
                    O::store::<C>(&sums[I], rows[I], at, bad);
                }
            });
        }
    }
}

/// What is known of the operands of a pass before its loop.
trait Operands {
    type Acc: Accumulator;

    /// Adds elements `at..at + CHUNK` of a term; `FIRST` overwrites the sum.
    ///
    /// # Safety
    /// The elements must exist and `C`'s instructions too.
    unsafe fn term<C: Cpu, const FIRST: bool>(sum: &mut Sum<Self::Acc>, load: &Load, at: usize);

    /// Stores elements `at..at + CHUNK` of a row.
    ///
    /// # Safety
    /// As [`Operands::term`].
    unsafe fn store<C: Cpu>(sum: &Sum<Self::Acc>, row: &Row, at: usize, bad: &mut NonFinite);
}

/// All are stored alike.
impl<F: Format> Operands for F {
    type Acc = F::Acc;

    #[inline(always)]
    unsafe fn term<C: Cpu, const FIRST: bool>(sum: &mut Sum<F::Acc>, load: &Load, at: usize) {
        // SAFETY: the caller's.
        unsafe { term::<C, F, FIRST>(sum, load, load.ptr.add(at * F::SIZE)) }
    }

    #[inline(always)]
    unsafe fn store<C: Cpu>(sum: &Sum<F::Acc>, row: &Row, at: usize, bad: &mut NonFinite) {
        // SAFETY: the caller's.
        unsafe { store::<C, F>(sum, row.out.add(at * F::SIZE), bad) }
    }
}

/// All accumulate in float32.
struct AnySingle;

impl Operands for AnySingle {
    type Acc = f32;

    #[inline(always)]
    unsafe fn term<C: Cpu, const FIRST: bool>(sum: &mut Sum<f32>, load: &Load, at: usize) {
        // SAFETY: the caller's.
        unsafe { term_single::<C, FIRST>(sum, load, load.ptr.add(at * load.dtype.size())) }
    }

    #[inline(always)]
    unsafe fn store<C: Cpu>(sum: &Sum<f32>, row: &Row, at: usize, bad: &mut NonFinite) {
        // SAFETY: the caller's.
        unsafe { store_single::<C>(sum, row.dtype, row.out.add(at * row.dtype.size()), bad) }
    }
}

/// One term of a row that is not wide, hence without float64 operands.
#[inline(always)]
unsafe fn term_single<C: Cpu, const FIRST: bool>(sum: &mut Sum<f32>, load: &Load, from: *const u8) {
    // SAFETY: the caller's.
    unsafe {
        match load.dtype {
            Dtype::F32 | Dtype::F64 => term::<C, F32, FIRST>(sum, load, from),
            Dtype::F16 => term::<C, F16, FIRST>(sum, load, from),
            Dtype::Bf16 => term::<C, Bf16, FIRST>(sum, load, from),
        }
    }
}

#[inline(always)]
unsafe fn term_double<C: Cpu, const FIRST: bool>(sum: &mut Sum<f64>, load: &Load, from: *const u8) {
    // SAFETY: the caller's.
    unsafe {
        match load.dtype {
            Dtype::F64 => term::<C, F64, FIRST>(sum, load, from),
            Dtype::F32 => term::<C, Wide<F32>, FIRST>(sum, load, from),
            Dtype::F16 => term::<C, Wide<F16>, FIRST>(sum, load, from),
            Dtype::Bf16 => term::<C, Wide<Bf16>, FIRST>(sum, load, from),
        }
    }
}

#[inline(always)]
unsafe fn store_single<C: Cpu>(sum: &Sum<f32>, dtype: Dtype, to: *mut u8, bad: &mut NonFinite) {
    // SAFETY: the caller's.
    unsafe {
        match dtype {
            Dtype::F32 | Dtype::F64 => store::<C, F32>(sum, to, bad),
            Dtype::F16 => store::<C, F16>(sum, to, bad),
            Dtype::Bf16 => store::<C, Bf16>(sum, to, bad),
        }
    }
}

#[inline(always)]
unsafe fn store_double<C: Cpu>(sum: &Sum<f64>, dtype: Dtype, to: *mut u8, bad: &mut NonFinite) {
    // SAFETY: the caller's.
    unsafe {
        match dtype {
            Dtype::F64 => store::<C, F64>(sum, to, bad),
            Dtype::F32 => store::<C, Wide<F32>>(sum, to, bad),
            Dtype::F16 => store::<C, Wide<F16>>(sum, to, bad),
            Dtype::Bf16 => store::<C, Wide<Bf16>>(sum, to, bad),
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
                match (row.wide, k) {
                    (false, 0) => term_single::<C, true>(single, load, from),
                    (false, _) => term_single::<C, false>(single, load, from),
                    (true, 0) => term_double::<C, true>(double, load, from),
                    (true, _) => term_double::<C, false>(double, load, from),
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
            if row.wide {
                store_double::<C>(double, row.dtype, to, bad);
            } else {
                store_single::<C>(single, row.dtype, to, bad);
            }
            if !WHOLE {
                out.copy_from_nonoverlapping(stage.as_ptr(), valid * size);
            }
        }
    }
}

/// Copies `valid` elements and repeats the last one up to a whole chunk: the fill never raises a flag that a true
/// element has not raised.
unsafe fn fill(stage: &mut [u8; STAGE], from: *const u8, valid: usize, size: usize) {
    // SAFETY: the caller's: `from` is valid for `valid` elements, at least one and at most a chunk.
    let known = unsafe { std::slice::from_raw_parts(from, valid * size) };
    let (head, rest) = stage[..CHUNK * size].split_at_mut(valid * size);
    head.copy_from_slice(known);
    let last = &known[(valid - 1) * size..];
    match *last {
        [a, b] => rest.as_chunks_mut().0.fill([a, b]),
        [a, b, c, d] => rest.as_chunks_mut().0.fill([a, b, c, d]),
        _ => rest.chunks_exact_mut(size).for_each(|element| element.copy_from_slice(last)),
    }
}

/// The first term is a product, each later one an fma.
#[inline(always)]
unsafe fn term<C: Cpu, F: Format, const FIRST: bool>(sum: &mut Sum<F::Acc>, load: &Load, from: *const u8) {
    let coefficient = F::Acc::coefficient(load);
    unroll!(0, 1, 2, 3; |G| {
        // SAFETY: the caller's.
        let values = unsafe { F::load::<C>(from.add(G * GROUP * F::SIZE)) };
        for (s, value) in sum[G].iter_mut().zip(values) {
            *s = if FIRST { value.times(coefficient) } else { value.times_plus(coefficient, *s) };
        }
    });
}

#[inline(always)]
unsafe fn store<C: Cpu, F: Format>(sum: &Sum<F::Acc>, to: *mut u8, bad: &mut NonFinite) {
    unroll!(0, 1, 2, 3; |G| {
        // SAFETY: the caller's.
        unsafe { F::store::<C>(&sum[G], to.add(G * GROUP * F::SIZE), bad) };
    });
}

#[inline(always)]
fn zero<A: Accumulator>() -> Sum<A> {
    [[A::ZERO; GROUP]; CHUNK / GROUP]
}
