//! The loops around the lanes, compiled once per CPU path.

use super::Float;
use super::dispatch::{Backend, Level};

/// One element of a function over slices.
pub(super) trait Lane<T> {
    /// Whether `lane::<true>` may be called.
    fn is_ordinary(&self, x: T) -> bool;
    /// The result; the same bits for both values of `ORD` where `x` is ordinary.
    fn lane<const ORD: bool>(&self, x: T) -> T;
}

/// Elements treated alike: a block without a special value takes the shorter lane.
const BLOCK: usize = 256;

/// Elements per block of [`powi_in_place`]: the squarings of a block stay in the first cache.
const SQUARES: usize = 64;

/// Defines a function whose body is compiled for every CPU path and entered through a [`Backend`].
macro_rules! per_cpu {
    ($(#[$doc:meta])* fn $name:ident<$($g:ident: $bound:path),*>($($arg:ident: $ty:ty),*) $body:block) => {
        $(#[$doc])*
        pub(super) fn $name<$($g: $bound),*>(backend: Backend, $($arg: $ty),*) {
            #[inline(always)]
            fn body<$($g: $bound),*>($($arg: $ty),*) $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
            fn avx2<$($g: $bound),*>($($arg: $ty),*) {
                body($($arg),*);
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512<$($g: $bound),*>($($arg: $ty),*) {
                body($($arg),*);
            }

            match backend.0 {
                Level::Baseline => body($($arg),*),
                // SAFETY: a `Backend` of this level exists only where detection found these features.
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => unsafe { avx2($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => unsafe { avx512($($arg),*) },
            }
        }
    };
}

pub(super) use per_cpu;

per_cpu! {
    /// Applies `op` to each element.
    fn map_in_place<T: Float, O: Lane<T>>(op: &O, xs: &mut [T]) {
        for block in xs.chunks_mut(BLOCK) {
            if block.iter().fold(true, |all, x| all & op.is_ordinary(*x)) {
                for x in block {
                    *x = op.lane::<true>(*x);
                }
            } else {
                for x in block {
                    *x = op.lane::<false>(*x);
                }
            }
        }
    }
}

per_cpu! {
    /// Applies `op` to each element of `src`; panics when the lengths differ.
    fn map_into<T: Float, O: Lane<T>>(op: &O, dst: &mut [T], src: &[T]) {
        assert_eq!(dst.len(), src.len(), "dst and src differ in length");
        for (dst, src) in dst.chunks_mut(BLOCK).zip(src.chunks(BLOCK)) {
            if src.iter().fold(true, |all, x| all & op.is_ordinary(*x)) {
                for (d, s) in dst.iter_mut().zip(src) {
                    *d = op.lane::<true>(*s);
                }
            } else {
                for (d, s) in dst.iter_mut().zip(src) {
                    *d = op.lane::<false>(*s);
                }
            }
        }
    }
}

per_cpu! {
    /// Raises each element to `n`. The exponent's bits are the outer loop, so that the elements are the vector.
    fn powi_in_place<T: Float>(xs: &mut [T], n: i32) {
        for block in xs.chunks_mut(SQUARES) {
            let mut square = [T::ONE; SQUARES];
            let mut power = [T::ONE; SQUARES];
            square[..block.len()].copy_from_slice(block);
            let mut bits = n.unsigned_abs();
            while bits != 0 {
                if bits & 1 == 1 {
                    for (p, s) in power.iter_mut().zip(&square) {
                        *p = p.times(*s);
                    }
                }
                bits >>= 1;
                for s in &mut square {
                    *s = s.times(*s);
                }
            }
            if n < 0 {
                for p in &mut power {
                    *p = p.reciprocal();
                }
            }
            block.copy_from_slice(&power[..block.len()]);
        }
    }
}
