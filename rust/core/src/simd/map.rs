//! The loops around the lanes, compiled once per CPU path.

use super::Float;
use super::dispatch::{Backend, Level};

/// One element of a function over slices.
pub(super) trait Lane<T> {
    fn lane(&self, x: T) -> T;
}

/// Elements per block of [`powi_in_place`]: the squarings of a block stay in registers or the first cache.
const BLOCK: usize = 64;

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

per_cpu! {
    /// Applies `op` to each element.
    fn map_in_place<T: Float, O: Lane<T>>(op: &O, xs: &mut [T]) {
        for x in xs {
            *x = op.lane(*x);
        }
    }
}

per_cpu! {
    /// Applies `op` to each element of `src`; panics when the lengths differ.
    fn map_into<T: Float, O: Lane<T>>(op: &O, dst: &mut [T], src: &[T]) {
        assert_eq!(dst.len(), src.len(), "dst and src differ in length");
        for (d, s) in dst.iter_mut().zip(src) {
            *d = op.lane(*s);
        }
    }
}

per_cpu! {
    /// Raises each element to `n`. The exponent's bits are the outer loop, so that the elements are the vector.
    fn powi_in_place<T: Float>(xs: &mut [T], n: i32) {
        for block in xs.chunks_mut(BLOCK) {
            let mut square = [T::ONE; BLOCK];
            let mut power = [T::ONE; BLOCK];
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
