//! The fused linear combination against a scalar loop with the same roundings, on every CPU path.

#![allow(clippy::float_cmp, clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::unreadable_literal)]

use half::{bf16, f16};
use proptest::prelude::*;
use stepladder_core::kernel::{
    Dtype, INLINE_TERMS, MAX_THREADS, MIN_ELEMENTS_PER_THREAD, Operand, OperandMut, RowSpec, Term, combine, combine_on,
    combine_slices, num_threads, set_num_threads,
};
use stepladder_core::simd::Backend;
use stepladder_core::{Error, Noun};

/// Elements of some dtype.
#[derive(Clone, PartialEq, Debug)]
struct Array {
    dtype: Dtype,
    bytes: Vec<u8>,
}

impl Array {
    fn new(dtype: Dtype, values: &[f64]) -> Self {
        let bytes = values.iter().flat_map(|&value| encode(dtype, value)).collect();
        Self { dtype, bytes }
    }

    fn filled(dtype: Dtype, len: usize) -> Self {
        Self { dtype, bytes: vec![0xa5; len * dtype.size()] }
    }

    fn get(&self, i: usize) -> f64 {
        let size = self.dtype.size();
        let at = &self.bytes[i * size..][..size];
        match self.dtype {
            Dtype::F32 => f32::from_le_bytes(at.try_into().unwrap()).into(),
            Dtype::F64 => f64::from_le_bytes(at.try_into().unwrap()),
            Dtype::F16 => f16::from_le_bytes(at.try_into().unwrap()).into(),
            Dtype::Bf16 => bf16::from_le_bytes(at.try_into().unwrap()).into(),
        }
    }

    fn input(&self) -> Operand {
        Operand { ptr: self.bytes.as_ptr(), dtype: self.dtype }
    }

    fn output(&mut self) -> OperandMut {
        OperandMut { ptr: self.bytes.as_mut_ptr(), dtype: self.dtype }
    }
}

/// The nearest stored value, ties to even, by comparing the neighbours of a first guess.
fn encode(dtype: Dtype, value: f64) -> Vec<u8> {
    let nearest = |guess: u16, decode: &dyn Fn(u16) -> f64, beyond: f64| {
        if value.is_nan() {
            return guess;
        }
        let distance = |bits: u16| {
            let near = decode(bits);
            (if near.is_infinite() { beyond.copysign(near) } else { near } - value).abs()
        };
        let candidates = [guess.wrapping_sub(1), guess, guess.wrapping_add(1)];
        let valid = candidates.into_iter().filter(|&bits| {
            let near = decode(bits);
            !near.is_nan() && near.is_sign_negative() == value.is_sign_negative()
        });
        valid.min_by(|&a, &b| distance(a).total_cmp(&distance(b)).then((a & 1).cmp(&(b & 1)))).unwrap()
    };
    match dtype {
        Dtype::F32 => (value as f32).to_le_bytes().to_vec(),
        Dtype::F64 => value.to_le_bytes().to_vec(),
        Dtype::F16 => {
            let guess = f16::from_f64_const(value).to_bits();
            let decode = |bits| f64::from(f16::from_bits(bits));
            (if value.is_infinite() { guess } else { nearest(guess, &decode, 65536.0) }).to_le_bytes().to_vec()
        }
        Dtype::Bf16 => {
            let guess = bf16::from_f64_const(value).to_bits();
            let decode = |bits| f64::from(bf16::from_bits(bits));
            let beyond = 2.0f64.powi(128);
            (if value.is_infinite() { guess } else { nearest(guess, &decode, beyond) }).to_le_bytes().to_vec()
        }
    }
}

/// One row, element by element, with the roundings the kernel promises.
fn reference(terms: &[Term], inputs: &[Array], out: Dtype, len: usize) -> Array {
    let wide = out == Dtype::F64 || terms.iter().any(|term| inputs[term.input].dtype == Dtype::F64);
    let values: Vec<f64> = (0..len)
        .map(|i| {
            if wide {
                let mut sum = None;
                for term in terms {
                    let x = inputs[term.input].get(i);
                    sum = Some(sum.map_or(x * term.coefficient, |s| x.mul_add(term.coefficient, s)));
                }
                sum.unwrap()
            } else {
                let mut sum = None;
                for term in terms {
                    let (x, c) = (inputs[term.input].get(i) as f32, term.coefficient as f32);
                    sum = Some(sum.map_or(x * c, |s| x.mul_add(c, s)));
                }
                sum.unwrap().into()
            }
        })
        .collect();
    Array::new(out, &values)
}

/// Equal bits, any NaN for any NaN.
fn assert_same(got: &Array, expected: &Array, what: &str) {
    let size = got.dtype.size();
    assert_eq!(got.bytes.len(), expected.bytes.len());
    for i in 0..got.bytes.len() / size {
        let (a, b) = (got.get(i), expected.get(i));
        assert!(
            a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
            "{what}: element {i} is {a:e}, expected {b:e}"
        );
    }
}

fn run(backend: Backend, rows: &[Vec<Term>], inputs: &[Array], outs: &mut [Array], len: usize) -> bool {
    let specs: Vec<_> = rows.iter().map(|terms| RowSpec { terms }).collect();
    let inputs: Vec<_> = inputs.iter().map(Array::input).collect();
    let outputs: Vec<_> = outs.iter_mut().map(Array::output).collect();
    // SAFETY: every array holds `len` elements.
    unsafe { combine_on(backend, &specs, &inputs, &outputs, len, 1) }.unwrap()
}

fn wave(len: usize, seed: usize) -> Vec<f64> {
    (0..len).map(|i| f64::from(u32::try_from((i * 7919 + seed * 104_729) % 4001).unwrap()) / 1000.0 - 2.0).collect()
}

fn terms(coefficients: &[f64]) -> Vec<Term> {
    coefficients.iter().enumerate().map(|(input, &coefficient)| Term { input, coefficient }).collect()
}

fn dtype() -> impl Strategy<Value = Dtype> {
    proptest::sample::select(Dtype::ALL.to_vec())
}

/// Ordinary numbers mostly, with what breaks naive code between them.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => -100.0..100.0f64,
        1 => proptest::sample::select(vec![0.0, -0.0, 1e-8, -6e-8, 1e-40, 65504.0, 65520.0, -65519.9, 3e38, 1e300]),
    ]
}

proptest! {
    // A part of what PROPTEST_CASES asks for: each case here is a whole family of checks.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 4))]

    #[test]
    fn any_mix_of_dtypes_rows_and_lengths_equals_the_scalar_loop(
        dtypes in proptest::collection::vec(dtype(), 1..6),
        outs in proptest::collection::vec(dtype(), 1..4),
        data in proptest::collection::vec(value(), 200),
        coefficients in proptest::collection::vec(-3.0..3.0f64, 18),
        masks in proptest::collection::vec(1usize..32, 3),
        len in 1usize..200,
    ) {
        let inputs: Vec<_> = dtypes
            .iter()
            .enumerate()
            .map(|(k, &dtype)| Array::new(dtype, &(0..len).map(|i| data[(i + 31 * k) % 200]).collect::<Vec<_>>()))
            .collect();
        let rows: Vec<Vec<Term>> = (0..outs.len())
            .map(|r| {
                let all = (0..inputs.len()).map(|input| Term { input, coefficient: coefficients[6 * r + input] });
                let some: Vec<_> = all.clone().filter(|term| masks[r] >> term.input & 1 == 1).collect();
                if some.is_empty() { all.collect() } else { some }
            })
            .collect();
        for backend in Backend::available() {
            let mut got: Vec<_> = outs.iter().map(|&dtype| Array::filled(dtype, len)).collect();
            let finite = run(backend, &rows, &inputs, &mut got, len);
            let mut expected_finite = true;
            for ((row, &dtype), got) in rows.iter().zip(&outs).zip(&got) {
                let expected = reference(row, &inputs, dtype, len);
                assert_same(got, &expected, backend.name());
                expected_finite &= (0..len).all(|i| expected.get(i).is_finite());
            }
            prop_assert_eq!(finite, expected_finite);
        }
    }
}

#[test]
fn lengths_around_chunk_edges_on_every_path_for_every_uniform_dtype() {
    for dtype in Dtype::ALL {
        for len in [0, 1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200] {
            for rows in 1..=3 {
                let inputs: Vec<_> = (0..3).map(|k| Array::new(dtype, &wave(len, k))).collect();
                let rows = vec![terms(&[0.3, -1.7, 0.9]); rows];
                for backend in Backend::available() {
                    let mut got = vec![Array::filled(dtype, len); rows.len()];
                    assert!(run(backend, &rows, &inputs, &mut got, len));
                    for got in &got {
                        assert_same(got, &reference(&rows[0], &inputs, dtype, len), backend.name());
                    }
                }
            }
        }
    }
}

#[test]
fn half_precision_conversions_agree_for_every_pattern_and_around_every_tie() {
    let all: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_le_bytes).collect();
    for dtype in [Dtype::F16, Dtype::Bf16] {
        let inputs = [Array { dtype, bytes: all.clone() }];
        for backend in Backend::available() {
            let mut wide = [Array::filled(Dtype::F32, 65536)];
            assert!(!run(backend, &[terms(&[1.0])], &inputs, &mut wide, 65536));
            assert_same(&wide[0], &reference(&terms(&[1.0]), &inputs, Dtype::F32, 65536), backend.name());
        }
        // Each finite value, half-way to the next, and a hair to both sides, from float32 and from float64.
        let values: Vec<f64> = (0..65536)
            .filter(|i| i % 7 == 0)
            .map(|i| (inputs[0].get(i), inputs[0].get((i + 1) % 65536)))
            .filter(|(a, b)| a.is_finite() && b.is_finite())
            .flat_map(|(a, b)| {
                let tie = f64::midpoint(a, b);
                [a, tie, tie * (1.0 + 1e-6), tie * (1.0 - 1e-6), tie * (1.0 + 1e-15), tie * (1.0 - 1e-15)]
            })
            .collect();
        for source in [Dtype::F32, Dtype::F64] {
            let inputs = [Array::new(source, &values)];
            let expected = reference(&terms(&[1.0]), &inputs, dtype, values.len());
            for backend in Backend::available() {
                let mut got = [Array::filled(dtype, values.len())];
                run(backend, &[terms(&[1.0])], &inputs, &mut got, values.len());
                assert_same(&got[0], &expected, backend.name());
            }
        }
    }
}

#[test]
fn nan_stays_nan_in_every_stored_form() {
    for bits in [0x7fc0_0000_u32, 0x7f80_0001, 0x7fff_ffff, 0xffff_ffff, 0xff80_0001] {
        for dtype in Dtype::ALL {
            for backend in Backend::available() {
                let inputs = [Array { dtype: Dtype::F32, bytes: bits.to_le_bytes().repeat(70) }];
                let mut got = [Array::filled(dtype, 70)];
                assert!(!run(backend, &[terms(&[1.0])], &inputs, &mut got, 70));
                assert!((0..70).all(|i| got[0].get(i).is_nan()), "{bits:x} {dtype:?} {}", backend.name());
            }
        }
    }
}

#[test]
fn absent_inputs_are_not_read() {
    let inputs = [Array::new(Dtype::F32, &[2.0; 70]), Array::new(Dtype::F32, &[f64::INFINITY; 70])];
    let rows = [vec![Term { input: 0, coefficient: 1.5 }]];
    let mut got = [Array::filled(Dtype::F32, 70)];
    assert!(run(Backend::active(), &rows, &inputs, &mut got, 70));
    assert!((0..70).all(|i| got[0].get(i) == 3.0));
}

#[test]
fn one_value_that_is_not_finite_is_found_wherever_it_is() {
    let len = 131;
    for out in Dtype::ALL {
        // The last one overflows only the narrow forms, when stored.
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 65520.0, -3.4e38] {
            for at in 0..len {
                let mut values = vec![1.0; len];
                values[at] = bad;
                let inputs = [Array::new(Dtype::F32, &values)];
                let expected = encode_is_finite(out, bad);
                for backend in Backend::available() {
                    let mut got = [Array::filled(out, len)];
                    let finite = run(backend, &[terms(&[1.0])], &inputs, &mut got, len);
                    assert_eq!(finite, expected, "{bad} at {at} as {out:?} on {}", backend.name());
                }
            }
        }
    }
}

fn encode_is_finite(dtype: Dtype, value: f64) -> bool {
    Array::new(dtype, &[(value as f32).into()]).get(0).is_finite()
}

#[test]
fn in_place_equals_out_of_place_also_for_several_rows() {
    let len = 200;
    for dtype in Dtype::ALL {
        for backend in Backend::available() {
            let before: Vec<_> = (0..3).map(|k| Array::new(dtype, &wave(len, k))).collect();
            let rows = [terms(&[0.5, 0.25, -1.0]), terms(&[-0.1, 2.0, 0.7]), terms(&[1.1, 1.2, 1.3])];
            let mut after = before.clone();
            let specs: Vec<_> = rows.iter().map(|terms| RowSpec { terms }).collect();
            let outputs: Vec<_> = after.iter_mut().map(Array::output).collect();
            let inputs: Vec<_> = outputs.iter().map(|o| Operand { ptr: o.ptr, dtype: o.dtype }).collect();
            // Rotated, so that row 0 overwrites what rows 1 and 2 still read.
            let rotated = [outputs[1], outputs[2], outputs[0]];
            // SAFETY: every array holds `len` elements.
            assert!(unsafe { combine_on(backend, &specs, &inputs, &rotated, len, 1) }.unwrap());
            for (row, out) in rows.iter().zip([1, 2, 0]) {
                assert_same(&after[out], &reference(row, &before, dtype, len), backend.name());
            }
        }
    }
}

#[test]
fn an_output_may_replace_an_input_of_another_dtype_of_the_same_size() {
    let before = [Array::new(Dtype::F16, &wave(100, 1))];
    let mut memory = before[0].clone();
    let output = OperandMut { dtype: Dtype::Bf16, ..memory.output() };
    let input = Operand { ptr: output.ptr, dtype: Dtype::F16 };
    let row = terms(&[1.5]);
    // SAFETY: 100 elements of two bytes.
    unsafe { combine(&[RowSpec { terms: &row }], &[input], &[output], 100, 1) }.unwrap();
    memory.dtype = Dtype::Bf16;
    assert_same(&memory, &reference(&row, &before, Dtype::Bf16, 100), "bfloat16 over float16");
}

#[test]
fn many_inputs_are_rounded_once() {
    for count in [INLINE_TERMS, INLINE_TERMS + 1, 40] {
        for (source, out) in [(Dtype::F16, Dtype::F16), (Dtype::F32, Dtype::Bf16), (Dtype::F32, Dtype::F64)] {
            let inputs: Vec<_> = (0..count).map(|k| Array::new(source, &wave(100, k))).collect();
            let row = terms(&(0..count).map(|k| 0.1 + 0.01 * k as f64).collect::<Vec<_>>());
            for backend in Backend::available() {
                let mut got = [Array::filled(out, 100)];
                run(backend, std::slice::from_ref(&row), &inputs, &mut got, 100);
                assert_same(&got[0], &reference(&row, &inputs, out, 100), backend.name());
            }
        }
    }
}

#[test]
fn threads_change_no_bit() {
    let len = 3 * MIN_ELEMENTS_PER_THREAD + 77;
    let mut values: Vec<f32> = (0..len).map(|i| (i % 1009) as f32 * 0.37 - 100.0).collect();
    let run = |values: &[f32], threads: usize| {
        let mut out = vec![0.0f32; len];
        let input = Operand { ptr: values.as_ptr().cast(), dtype: Dtype::F32 };
        let output = OperandMut { ptr: out.as_mut_ptr().cast(), dtype: Dtype::F32 };
        let row = [Term { input: 0, coefficient: 0.3 }, Term { input: 0, coefficient: 0.7 }];
        // SAFETY: both hold `len` floats.
        let finite = unsafe { combine(&[RowSpec { terms: &row }], &[input], &[output], len, threads) }.unwrap();
        (finite, out)
    };
    let one = run(&values, 1);
    assert!(one.0);
    for threads in [2, 3, 4, MAX_THREADS] {
        assert_eq!(run(&values, threads), one, "{threads} threads");
    }
    values[len - 1] = f32::NAN;
    assert!(!run(&values, 3).0);
}

#[test]
fn a_piece_of_an_array_is_the_same_piece_of_the_result() {
    let values: Vec<f32> = (0..300).map(|i| i as f32 * 0.37 - 50.0).collect();
    let noise: Vec<f32> = (0..300).map(|i| (i * i % 97) as f32 * 0.011).collect();
    let mut whole = vec![0.0; 300];
    combine_slices(&mut whole, &[(0.3, &values), (0.7, &noise)]).unwrap();
    for start in 0..70 {
        for end in [start, start + 1, start + 63, start + 64, start + 130, 300] {
            let mut piece = vec![0.0; end - start];
            combine_slices(&mut piece, &[(0.3, &values[start..end]), (0.7, &noise[start..end])]).unwrap();
            assert_eq!(piece, whole[start..end], "{start}..{end}");
        }
    }
}

#[test]
fn float64_sums_are_within_rounding_of_the_exact_one() {
    let mut out = [0.0f64; 1];
    combine_slices(&mut out, &[(0.1, &[3.0]), (0.2, &[5.0]), (-0.3, &[7.0])]).unwrap();
    assert!((out[0] - (0.3 + 1.0 - 2.1)).abs() < 4e-16);
}

/// Tries a call that must be refused and returns the sentence.
fn refusal(rows: &[&[Term]], inputs: &[Operand], outputs: &[OperandMut], len: usize, threads: usize) -> String {
    let specs: Vec<_> = rows.iter().map(|terms| RowSpec { terms }).collect();
    // SAFETY: the call is refused before memory is touched.
    let error = unsafe { combine(&specs, inputs, outputs, len, threads) }.unwrap_err();
    assert_eq!(error.noun(), Noun::Execution);
    assert!(matches!(error, Error::Message { .. }));
    error.to_string()
}

#[test]
fn refusals_say_what_came_and_what_was_expected() {
    let mut memory = vec![0u8; 4096];
    let base = memory.as_mut_ptr();
    let input = |offset: usize, dtype| Operand { ptr: base.wrapping_add(offset).cast_const(), dtype };
    let output = |offset: usize, dtype| OperandMut { ptr: base.wrapping_add(offset), dtype };
    let (f32_, f16_) = (Dtype::F32, Dtype::F16);
    let row: &[Term] = &[Term { input: 0, coefficient: 1.0 }];
    let one_in = [input(0, f32_)];
    let one_out = [output(2048, f32_)];

    assert_eq!(refusal(&[], &one_in, &[], 8, 1), "combine got 0 rows; expected 1 to 3");
    assert_eq!(refusal(&[row; 4], &one_in, &[one_out[0]; 4], 8, 1), "combine got 4 rows; expected 1 to 3");
    assert_eq!(
        refusal(&[row; 2], &one_in, &one_out, 8, 1),
        "combine got 2 rows and 1 outputs; expected one output per row"
    );
    assert_eq!(refusal(&[row], &one_in, &one_out, 8, 0), "threads is 0; expected 1 to 256");
    assert_eq!(refusal(&[row], &one_in, &one_out, 8, 257), "threads is 257; expected 1 to 256");
    assert_eq!(refusal(&[&[]], &one_in, &one_out, 8, 1), "row 0 has no terms; expected at least one");
    assert_eq!(
        refusal(&[row], &[], &one_out, 8, 1),
        "row 0 reads input 0; expected an index below 0, the number of inputs"
    );
    assert_eq!(
        refusal(&[row; 2], &one_in, &[output(2048, f32_), output(2076, f32_)], 8, 1),
        "outputs 0 and 1 share memory; expected a separate array per row"
    );
    let partial = "output 0 (float32) overlaps input 0 (float32) in part; expected separate memory, or the same \
                   address and element size";
    assert_eq!(refusal(&[row], &one_in, &[output(4, f32_)], 8, 1), partial);
    assert_eq!(refusal(&[row], &[input(28, f32_)], &[output(0, f32_)], 8, 1), partial);
    assert_eq!(
        refusal(&[row], &one_in, &[output(0, f16_)], 8, 1),
        "output 0 (float16) overlaps input 0 (float32) in part; expected separate memory, or the same address and \
         element size"
    );
    // Neighbours share nothing.
    // SAFETY: within `memory`.
    assert!(unsafe { combine(&[RowSpec { terms: row }], &one_in, &[output(32, f32_)], 8, 1) }.unwrap());

    assert_eq!(
        combine_slices(&mut [0.0f32; 3], &[(1.0, &[1.0; 2])]).unwrap_err().to_string(),
        "input has 2 values; expected 3, the length of the output"
    );
    assert!(combine_slices(&mut [0.0f32; 3], &[]).is_err());
}

#[test]
fn dtype_codes() {
    for (code, dtype) in Dtype::ALL.into_iter().enumerate() {
        assert_eq!(Dtype::try_from(u8::try_from(code).unwrap()), Ok(dtype));
        assert_eq!(dtype as usize, code);
    }
    assert_eq!(
        Dtype::try_from(4).unwrap_err().to_string(),
        "dtype is 4; expected a code from 0 to 3 (float32, float64, float16, bfloat16)"
    );
}

#[test]
fn the_thread_count_is_kept_within_its_range() {
    assert_eq!(num_threads(), 1);
    set_num_threads(3).unwrap();
    for refused in [0, MAX_THREADS + 1] {
        let error = set_num_threads(refused).unwrap_err();
        assert_eq!(error.noun(), Noun::Execution);
        assert_eq!(error.to_string(), format!("num_threads is {refused}; expected 1 to 256"));
        assert_eq!(num_threads(), 3);
    }
    set_num_threads(1).unwrap();
}
