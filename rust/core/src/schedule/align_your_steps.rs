//! Sabour, Fidler & Kreis, "Align Your Steps" (arXiv 2404.14507): 10-step schedules optimised per model.

use std::sync::LazyLock;

use super::{LogTable, finish, levels};
use crate::error::{Error, Noun, Result};

/// The model families that have a published table, in the order of [`TABLES`].
pub const AYS_FAMILIES: [&str; 4] = ["sd15", "sdxl", "svd", "deepfloyd"];

/// Table 3 of the paper. The two latent diffusion models are given there to three decimals and on the project page as
/// training timesteps; these are the scaled-linear levels at those timesteps, as ComfyUI ships them.
static TABLES: LazyLock<[LogTable; 4]> = LazyLock::new(|| {
    [
        [
            14.614_641_229_3,
            6.474_576_095_6,
            3.863_674_598_5,
            2.694_615_152_0,
            1.884_192_117_7,
            1.394_380_509_2,
            0.964_258_390_4,
            0.652_368_601_6,
            0.397_745_627_2,
            0.151_523_266_2,
            0.029_167_158_2,
        ],
        [
            14.614_641_229_3,
            6.318_448_528_7,
            3.768_179_031_5,
            2.181_148_076_9,
            1.340_524_494_5,
            0.862_072_114_1,
            0.555_069_328_9,
            0.379_854_070_8,
            0.233_236_413_4,
            0.111_418_817_7,
            0.029_167_158_2,
        ],
        [700.0, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002],
        [160.41, 8.081, 3.315, 1.885, 1.207, 0.785, 0.553, 0.293, 0.186, 0.030, 0.006],
    ]
    .map(|levels| LogTable::new(levels.to_vec()).expect("published tables descend"))
});

/// The family's table, log-linearly interpolated to `steps + 1` points, the last of which becomes the exact zero.
///
/// That is ComfyUI's convention: the table's lowest level never appears at 10 steps, as its place is taken by the zero.
///
/// # Errors
/// [`Error::Choice`] for an unknown family, or the step count outside its limits.
pub fn align_your_steps(family: &str, out: &mut [f64]) -> Result<()> {
    levels(out)?;
    let Some(index) = AYS_FAMILIES.iter().position(|&known| known == family) else {
        return Err(Error::Choice {
            noun: Noun::Schedule,
            name: "family",
            got: family.to_owned(),
            known: AYS_FAMILIES.to_vec(),
        });
    };
    TABLES[index].resample(out)?;
    finish(out)
}
