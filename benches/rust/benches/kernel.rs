//! The fused linear combination, in GB/s of the bytes it must move, beside a plain loop and a copy of the same bytes.
//! Each case asserts its answer before it is timed.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use half::{bf16, f16};
use stepladder_core::kernel::{Dtype, Operand, OperandMut, RowSpec, Term, combine, combine_slices};

/// A latent of shape (1, 4, 128, 128).
const LEN: usize = 65_536;

fn values(seed: usize) -> Vec<f32> {
    // Multiples of 1/8: exact in every stored form.
    (0..LEN).map(|i| ((i * 31 + seed * 7) % 97) as f32 * 0.125).collect()
}

fn store(dtype: Dtype, values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|&x| match dtype {
            Dtype::F32 => x.to_ne_bytes().to_vec(),
            Dtype::F64 => f64::from(x).to_ne_bytes().to_vec(),
            Dtype::F16 => f16::from_f32(x).to_ne_bytes().to_vec(),
            Dtype::Bf16 => bf16::from_f32(x).to_ne_bytes().to_vec(),
        })
        .collect()
}

fn float32(c: &mut Criterion) {
    let arrays: Vec<_> = (0..5).map(values).collect();
    let mut group = c.benchmark_group("float32");
    for count in [1, 2, 3, 5] {
        let terms: Vec<_> = arrays[..count].iter().map(|x| (0.5, x.as_slice())).collect();
        let mut out = vec![0.0f32; LEN];
        assert!(combine_slices(&mut out, &terms).unwrap());
        for (i, y) in out.iter().enumerate() {
            let expected: f32 = arrays[..count].iter().map(|x| 0.5 * x[i]).sum();
            assert!((y - expected).abs() < 1e-5);
        }
        group.throughput(Throughput::Bytes(((count + 1) * LEN * 4) as u64));
        group.bench_function(BenchmarkId::new("combine", count), |b| {
            b.iter(|| combine_slices(black_box(&mut out), black_box(&terms)).unwrap());
        });
    }

    let (x, y) = (&arrays[0], &arrays[1]);
    let mut out = vec![0.0f32; LEN];
    group.throughput(Throughput::Bytes((3 * LEN * 4) as u64));
    group.bench_function("plain loop of 2", |bencher| {
        bencher.iter(|| {
            let (a, b) = black_box((0.5f32, 0.25f32));
            for ((out, x), y) in black_box(&mut out).iter_mut().zip(x).zip(y) {
                *out = a * x + b * y;
            }
        });
    });
    // A copy reads and writes: 3/2 of an array each way are the bytes of two terms.
    let source = vec![1.0f32; LEN * 3 / 2];
    let mut target = vec![0.0f32; LEN * 3 / 2];
    group.bench_function("copy of the same bytes", |b| {
        b.iter(|| black_box(&mut target).copy_from_slice(black_box(&source)));
    });
    assert_eq!(target, source);
    group.finish();
}

fn stored(c: &mut Criterion) {
    let terms = [Term { input: 0, coefficient: 0.5 }, Term { input: 1, coefficient: 0.25 }];
    let (x, y) = (values(0), values(1));
    let expected: Vec<f32> = x.iter().zip(&y).map(|(x, y)| 0.5 * x + 0.25 * y).collect();
    let mut group = c.benchmark_group("two terms");
    for (source, result) in [
        (Dtype::F16, Dtype::F16),
        (Dtype::Bf16, Dtype::Bf16),
        (Dtype::F16, Dtype::F32),
        (Dtype::Bf16, Dtype::F32),
        (Dtype::F64, Dtype::F64),
    ] {
        let inputs = [store(source, &x), store(source, &y)];
        let mut out = vec![0u8; LEN * result.size()];
        let mut call = || {
            let inputs = inputs.each_ref().map(|bytes| Operand { ptr: bytes.as_ptr(), dtype: source });
            let output = OperandMut { ptr: out.as_mut_ptr(), dtype: result };
            // SAFETY: every buffer holds `LEN` elements of its dtype.
            unsafe { combine(&[RowSpec { terms: &terms }], &inputs, &[output], LEN, 1) }.unwrap()
        };
        assert!(call());
        group.throughput(Throughput::Bytes((LEN * (2 * source.size() + result.size())) as u64));
        group.bench_function(format!("{} to {}", source.name(), result.name()), |b| b.iter(&mut call));
        assert!(out == store(result, &expected), "{source:?} to {result:?}");
    }
    group.finish();
}

fn quick() -> Criterion {
    Criterion::default()
        .sample_size(20)
        // The default's 100,000 take longer than the measurement.
        .nresamples(2000)
        .without_plots()
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_millis(500))
}

criterion_group! { name = benches; config = quick(); targets = float32, stored }
criterion_main!(benches);
