//! The finite flag.

use super::run::GROUP;

/// Running OR, per lane, of words whose top bit is set when an exponent is all ones: adding 1 to such an exponent
/// carries into the cleared sign bit.
#[derive(Default)]
pub(super) struct NonFinite {
    word16: [u16; GROUP],
    word32: [u32; GROUP],
    word64: [u64; GROUP],
}

impl NonFinite {
    #[inline(always)]
    pub(super) fn f32(&mut self, values: &[f32; GROUP]) {
        for (lane, value) in self.word32.iter_mut().zip(values) {
            *lane |= (value.to_bits() & 0x7fff_ffff) + 0x0080_0000;
        }
    }

    #[inline(always)]
    pub(super) fn f64(&mut self, values: &[f64; GROUP]) {
        for (lane, value) in self.word64.iter_mut().zip(values) {
            *lane |= (value.to_bits() & 0x7fff_ffff_ffff_ffff) + 0x0010_0000_0000_0000;
        }
    }

    /// `ONE` is 1 in the exponent field: the format's lowest exponent bit.
    #[inline(always)]
    pub(super) fn bits16<const ONE: u16>(&mut self, values: &[u16; GROUP]) {
        for (lane, value) in self.word16.iter_mut().zip(values) {
            *lane |= (value & 0x7fff) + ONE;
        }
    }

    pub(super) fn none(&self) -> bool {
        let word16 = self.word16.iter().fold(0, |all, word| all | word);
        let word32 = self.word32.iter().fold(0, |all, word| all | word);
        let word64 = self.word64.iter().fold(0, |all, word| all | word);
        word16 >> 15 == 0 && word32 >> 31 == 0 && word64 >> 63 == 0
    }
}
