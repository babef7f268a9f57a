//! Sabour, Fidler & Kreis, "Align Your Steps" (arXiv 2404.14507): 10-step schedules optimised per model.

use std::sync::LazyLock;

use super::{LogTable, check_ends, check_range, check_steps, finish, levels};
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

/// 32-point tables for the first two families, as Forge ships them.
static TABLES_32: LazyLock<[LogTable; 2]> = LazyLock::new(|| {
    [
        [
            14.615,
            11.239_513_52,
            8.643_630_81,
            6.647_294_24,
            5.572_508_62,
            4.716_485_46,
            3.991_960_65,
            3.519_560_9,
            3.134_904_66,
            2.792_287_88,
            2.487_736_28,
            2.216_638_65,
            1.975_083_51,
            1.779_317_2,
            1.614_753_35,
            1.465_409_53,
            1.314_849,
            1.166_424_97,
            1.034_755_47,
            0.915_737_44,
            0.807_481_69,
            0.712_023_61,
            0.621_739,
            0.530_652_02,
            0.452_909_6,
            0.374_914_55,
            0.274_618_19,
            0.201_152_9,
            0.141_058_73,
            0.066_828_81,
            0.031_661_21,
            0.015,
        ],
        [
            14.615,
            11.149_161_8,
            8.505_221_27,
            6.488_271_51,
            5.437_074_02,
            4.603_986_19,
            3.898_547_04,
            3.274_074_57,
            2.743_965_27,
            2.299_686_59,
            1.954_485_14,
            1.671_087_15,
            1.428_781_52,
            1.231_810_09,
            1.067_896_49,
            0.925_794_43,
            0.802_908_86,
            0.696_601_21,
            0.604_369_03,
            0.528_525_52,
            0.467_733_44,
            0.413_933_79,
            0.362_581_86,
            0.310_085_17,
            0.265_189_25,
            0.223_264_61,
            0.176_538_77,
            0.139_591_92,
            0.105_873_81,
            0.055_193_69,
            0.028_773_34,
            0.015,
        ],
    ]
    .map(|levels| LogTable::new(levels.to_vec()).expect("published tables descend"))
});

/// Table 3 as it is printed, which is what diffusers ships for its families: ten levels, then 0.
static PRINTED: [[f64; 10]; 3] = [
    [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152],
    [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.38, 0.234, 0.113],
    [700.0, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034],
];

/// The family's table, log-linearly interpolated to `steps + 1` points, the last of which becomes the exact zero.
///
/// That is ComfyUI's convention: the table's lowest level never appears at 10 steps, as its place is taken by the zero.
///
/// # Errors
/// [`Error::Choice`] for an unknown family, or the step count outside its limits.
pub fn align_your_steps(family: &str, out: &mut [f64]) -> Result<()> {
    levels(out)?;
    TABLES[index(family)?].resample(out)?;
    finish(out)
}

/// The hosts whose use of the tables [`align_your_steps_as`] knows.
pub const AYS_CONVENTIONS: [&str; 4] = ["comfyui", "a1111", "nvidia", "diffusers"];

/// The family's table of 11 or 32 points as a host uses it, over another range if one is given.
///
/// * `comfyui`: `steps + 1` points, the last one replaced by 0.
/// * `a1111`: `steps` points, then 0.
/// * `nvidia`: `steps + 1` points and no zero: the authors' quick-start guide.
/// * `diffusers`: the ten printed levels, then 0; no other number of steps.
///
/// A range rescales the table in log sigma.
///
/// # Errors
/// [`Error::Choice`] for an unknown family or convention; [`Error::Message`] for a table that was never published.
pub fn align_your_steps_as(
    family: &str,
    points: usize,
    convention: &str,
    ends: [Option<f64>; 2],
    steps: usize,
) -> Result<Vec<f64>> {
    let steps = check_steps(steps as u64)?;
    check_ends(ends)?;
    let index = index(family)?;
    let message = |message: String| Err(Error::Message { noun: Noun::Schedule, message });
    let tables: &[LogTable] = match points {
        11 => &*TABLES,
        32 => &*TABLES_32,
        _ => return message(format!("points is {points}; expected 11 or 32")),
    };
    let Some(table) = tables.get(index) else {
        return message(format!("points is {points} and family {family:?}; 32 points exist for sd15 and sdxl only"));
    };
    let mut sigmas = vec![0.0; steps + 1];
    match convention {
        "comfyui" | "nvidia" => {
            rescaled(table, ends)?.resample(&mut sigmas)?;
            if convention == "comfyui" {
                finish(&mut sigmas)?;
            }
        }
        "a1111" => {
            rescaled(table, ends)?.resample(&mut sigmas[..steps])?;
            finish(&mut sigmas)?;
        }
        "diffusers" => {
            let Some(printed) = PRINTED.get(index).filter(|_| points == 11) else {
                return message(format!(
                    "family is {family:?}; diffusers has the 11-point tables of sd15, sdxl and svd"
                ));
            };
            if steps != printed.len() {
                return message(format!("steps is {steps}; expected 10: diffusers does not interpolate its lists"));
            }
            let table = rescaled(&LogTable::new(printed.to_vec())?, ends)?;
            sigmas[..steps].copy_from_slice(table.values());
        }
        _ => {
            return Err(Error::Choice {
                noun: Noun::Schedule,
                name: "convention",
                got: convention.to_owned(),
                known: AYS_CONVENTIONS.to_vec(),
            });
        }
    }
    Ok(sigmas)
}

fn index(family: &str) -> Result<usize> {
    AYS_FAMILIES.iter().position(|&known| known == family).ok_or_else(|| Error::Choice {
        noun: Noun::Schedule,
        name: "family",
        got: family.to_owned(),
        known: AYS_FAMILIES.to_vec(),
    })
}

/// The table with its ends moved to those given, even in log sigma.
fn rescaled(table: &LogTable, [sigma_min, sigma_max]: [Option<f64>; 2]) -> Result<LogTable> {
    if sigma_min.is_none() && sigma_max.is_none() {
        return Ok(table.clone());
    }
    let values = table.values();
    let (top, bottom) = (values[0], values[values.len() - 1]);
    let (high, low) = (sigma_max.unwrap_or(top), sigma_min.unwrap_or(bottom));
    check_range(low, high)?;
    let factor = libm::log(high / low) / libm::log(top / bottom);
    let mut moved: Vec<f64> = values.iter().map(|level| low * libm::exp(factor * libm::log(level / bottom))).collect();
    moved[0] = high;
    LogTable::new(moved)
}
