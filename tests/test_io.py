"""Files: malformed safetensors headers are refused before anything is allocated; writes are whole or nothing."""

import json
import os
import re
import stat
import struct
import tracemalloc

import numpy as np
import pytest
import stepladder as sl
from stepladder import io
from stepladder.errors import FileFormatError, OutputError, ProgramError


def framed(header, data=b""):
    """A safetensors file of a header (text, bytes or something to write as JSON) and its tensors' bytes."""
    raw = header if isinstance(header, bytes) else (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(raw)) + raw + data


def tensor(dtype="F32", shape=(2,), begin=0, end=8):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


def written(path, content):
    path.write_bytes(content)
    return path


GOOD = framed({"__metadata__": {"k": "v"}, "a": tensor(), "b": tensor("U8", (3,), 8, 11)}, bytes(11))


def test_a_good_header(tmp_path):
    path = written(tmp_path / "good", GOOD)
    header = io.read_header(path)
    assert header.metadata == {"k": "v"}
    assert header.tensors == {"a": ("F32", (2,), 0, 8), "b": ("U8", (3,), 8, 11)}
    tensors, metadata = io.read_tensors(path)
    assert metadata == {"k": "v"}
    assert {name: (t.dtype, t.tolist()) for name, t in tensors.items()} == {
        "a": (np.float32, [0.0, 0.0]),
        "b": (np.uint8, [0, 0, 0]),
    }


def test_round_trip(tmp_path):
    arrays = {
        "f64": np.array([[0.1, -0.0], [np.inf, np.nan]]),
        "i64": np.array([2**63 - 1, -1]),
        "f16": np.array([1.5], np.float16),
        "none": np.zeros((0, 3), np.float32),
        "scalar": np.array(7, np.uint8),
        "flag": np.array([True, False]),
    }
    io.write_tensors(tmp_path / "file", arrays, {"who": "résumé"})
    tensors, metadata = io.read_tensors(tmp_path / "file")
    assert metadata == {"who": "résumé"}
    assert set(tensors) == set(arrays)
    for name, array in arrays.items():
        assert tensors[name].dtype == array.dtype
        assert tensors[name].shape == array.shape
        assert tensors[name].tobytes() == array.tobytes()


SPAN = "{path}: tensor 'a' spans"
OFFSETS = "expected begin <= end <= 8, the bytes there are"
FIELDS = "{path}: tensor 'a' must have exactly dtype, shape and data_offsets"
HOLES = "without holes or overlaps"
BAD_HEADERS = {
    "an empty file": (b"", "{path} holds 0 bytes; a safetensors file starts with an 8-byte header length"),
    "seven bytes": (bytes(7), "{path} holds 7 bytes; a safetensors file starts with an 8-byte header length"),
    "a header longer than the file": (
        struct.pack("<Q", 100) + b"{}",
        "{path} announces a header of 100 bytes; the file holds 2 after the length, and 100000000 are allowed. "
        "It is truncated, or not a safetensors file",
    ),
    "a header of 2**64 - 1 bytes": (b"\xff" * 8 + b"{}", "{path} announces a header of 18446744073709551615 bytes"),
    "no header at all": (framed(b""), "the header of {path} is not valid JSON: "),
    "not JSON": (framed(b"{not json"), "the header of {path} is not valid JSON: "),
    "not UTF-8": (framed(b'{"\xff\xfe": 1}'), "the header of {path} is not valid JSON: "),
    "a list": (framed([]), "the header of {path} is a list; expected an object"),
    "a number": (framed("1"), "the header of {path} is a int; expected an object"),
    "deep nesting": (framed("[" * 200_000), "the header of {path} is not valid JSON: "),
    "deep nesting of objects": (framed('{"a":' * 200_000), "the header of {path} is not valid JSON: "),
    "NaN": (framed('{"a": NaN}'), "the header of {path} holds NaN; expected finite numbers"),
    "a tensor twice": (
        framed(f'{{"a": {json.dumps(tensor())}, "a": {json.dumps(tensor())}}}', bytes(8)),
        "the header of {path}: the key 'a' appears twice; a well-formed file names everything once",
    ),
    "a field twice": (
        framed('{"a": {"dtype": "F32", "dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}', bytes(8)),
        "the header of {path}: the key 'dtype' appears twice",
    ),
    "metadata twice": (framed('{"__metadata__": {}, "__metadata__": {}}'), "the key '__metadata__' appears twice"),
    "metadata that is a list": (framed({"__metadata__": []}), "__metadata__ of {path} must map text to text"),
    "metadata that is null": (framed({"__metadata__": None}), "__metadata__ of {path} must map text to text"),
    "metadata of a number": (framed({"__metadata__": {"a": 1}}), "__metadata__ of {path} must map text to text"),
    "a tensor that is a list": (framed({"a": [1]}, bytes(8)), FIELDS),
    "a tensor that is null": (framed({"a": None}, bytes(8)), FIELDS),
    "a missing field": (framed({"a": {"dtype": "F32", "shape": [2]}}, bytes(8)), FIELDS),
    "a field too many": (framed({"a": tensor() | {"more": 1}}, bytes(8)), FIELDS),
    "an unknown dtype": (framed({"a": tensor("F31")}, bytes(8)), "tensor 'a' has dtype 'F31'; expected one of BOOL,"),
    "a dtype that is a number": (framed({"a": tensor(32)}, bytes(8)), "tensor 'a' has dtype 32; expected one of"),
    "a dtype that is a list": (framed({"a": tensor(["F32"])}, bytes(8)), "tensor 'a' has dtype ['F32']; expected"),
    "a negative size": (framed({"a": tensor(shape=(-2,))}, bytes(8)), "tensor 'a' has shape [-2]; expected a list"),
    "two negative sizes": (framed({"a": tensor(shape=(-2, -1))}, bytes(8)), "tensor 'a' has shape [-2, -1]; expected"),
    "a fractional size": (framed({"a": tensor(shape=(2.0,))}, bytes(8)), "tensor 'a' has shape [2.0]; expected a list"),
    "a size that is true": (framed({"a": tensor(shape=(True, 2))}, bytes(8)), "tensor 'a' has shape [True, 2];"),
    "a size that is text": (framed({"a": tensor(shape=("2",))}, bytes(8)), "tensor 'a' has shape ['2']; expected"),
    "a shape that is a number": (framed({"a": tensor() | {"shape": 2}}, bytes(8)), "tensor 'a' has shape 2; expected"),
    "negative offsets": (framed({"a": tensor(begin=-8, end=0)}, bytes(8)), f"data_offsets [-8, 0]; {OFFSETS}"),
    "fractional offsets": (framed({"a": tensor(end=8.0)}, bytes(8)), f"data_offsets [0, 8.0]; {OFFSETS}"),
    "offsets backwards": (framed({"a": tensor(begin=8, end=0)}, bytes(8)), f"data_offsets [8, 0]; {OFFSETS}"),
    "offsets past the end": (framed({"a": tensor(end=16, shape=(4,))}, bytes(8)), f"data_offsets [0, 16]; {OFFSETS}"),
    "huge offsets": (framed({"a": tensor(end=2**70)}, bytes(8)), f"data_offsets [0, {2**70}]; {OFFSETS}"),
    "one offset": (framed({"a": tensor() | {"data_offsets": [8]}}, bytes(8)), f"data_offsets [8]; {OFFSETS}"),
    "three offsets": (framed({"a": tensor() | {"data_offsets": [0, 4, 8]}}, bytes(8)), f"[0, 4, 8]; {OFFSETS}"),
    "a shape too small": (framed({"a": tensor(shape=(1,))}, bytes(8)), f"{SPAN} 8 bytes; F32 of shape (1,) takes 4"),
    "a shape too large": (framed({"a": tensor(shape=(3,))}, bytes(8)), f"{SPAN} 8 bytes; F32 of shape (3,) takes 12"),
    "another item size": (framed({"a": tensor("F64")}, bytes(8)), f"{SPAN} 8 bytes; F64 of shape (2,) takes 16"),
    "a huge shape": (
        framed({"a": tensor(shape=(2**40, 2**40))}, bytes(8)),
        f"{SPAN} 8 bytes; F32 of shape (1099511627776, 1099511627776) takes {2**82}",
    ),
    "a shape that wraps to its size in 64 bits": (
        framed({"a": tensor(shape=(2**62 + 2,))}, bytes(8)),
        f"{SPAN} 8 bytes; F32 of shape ({2**62 + 2},) takes {4 * (2**62 + 2)}",
    ),
    "overlapping tensors": (
        framed({"a": tensor(), "b": tensor(shape=(1,), begin=4, end=8)}, bytes(8)),
        f"{{path}}: tensor 'b' starts at byte 4; expected 8, {HOLES}",
    ),
    "the same bytes twice": (
        framed({"a": tensor(), "b": tensor()}, bytes(8)),
        f"{{path}}: tensor 'b' starts at byte 0; expected 8, {HOLES}",
    ),
    "a hole": (
        framed({"a": tensor(shape=(1,), end=4), "b": tensor(shape=(1,), begin=8, end=12)}, bytes(12)),
        f"{{path}}: tensor 'b' starts at byte 8; expected 4, {HOLES}",
    ),
    "a hole in front": (framed({"a": tensor(begin=8, end=16)}, bytes(16)), "tensor 'a' starts at byte 8; expected 0"),
    "bytes of nothing": (framed({"a": tensor()}, bytes(9)), "holds 9 bytes of tensors; its header accounts for 8"),
    "bytes without any tensor": (framed({}, bytes(1)), "{path} holds 1 bytes of tensors; its header accounts for 0"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_HEADERS)
def test_bad_headers(what, tmp_path):
    content, text = BAD_HEADERS[what]
    path = written(tmp_path / "hostile", content)
    tracemalloc.start()
    try:
        for read in (io.read_header, io.read_tensors, sl.Program.load):
            with pytest.raises(FileFormatError, match=re.escape(text.format(path=path))):
                read(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("dtype", "count"), [("F8_E4M3", 8), ("F8_E5M2", 8)])
def test_a_dtype_that_numpy_lacks(dtype, count, tmp_path):
    path = written(tmp_path / "file", framed({"a": tensor(dtype, (count,))}, bytes(8)))
    assert io.read_header(path).tensors["a"].dtype == dtype
    with pytest.raises(FileFormatError, match=re.escape(f"{path} cannot be read as NumPy arrays: ")):
        io.read_tensors(path)


@pytest.mark.parametrize("read", [io.read_header, io.read_tensors, sl.Program.load])
def test_missing_files(read, tmp_path):
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "nothing")
    with pytest.raises(OSError, match="directory"):
        read(tmp_path)


# A saved program, damaged


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "program"
    sl.sampler("dpmpp_2m_sde").compile([3.0, 1.0, 0.2]).save(path)
    return path.read_bytes()


def test_cut_at_every_byte(saved, tmp_path):
    path = tmp_path / "cut"
    for length in range(len(saved)):
        with pytest.raises((FileFormatError, ProgramError)):
            sl.Program.load(written(path, saved[:length]))
    assert len(sl.Program.load(written(path, saved))) == 2
    with pytest.raises(FileFormatError, match="bytes of tensors; its header accounts for"):
        sl.Program.load(written(path, saved + b"\0"))


@pytest.mark.parametrize("mask", [0x01, 0x80, 0xFF])
def test_every_byte_damaged(saved, mask, tmp_path):
    """Damage is refused in the library's words, or makes another program: never another exception."""
    path, whole = tmp_path / "damaged", sl.Program.load(written(tmp_path / "whole", saved))
    header = struct.unpack("<Q", saved[:8])[0]
    numbers = io.read_header(tmp_path / "whole").tensors["numbers"]
    refused = 0
    for position in range(len(saved)):
        damaged = bytearray(saved)
        damaged[position] ^= mask
        try:
            program = sl.Program.load(written(path, bytes(damaged)))
        except (FileFormatError, ProgramError):
            refused += 1
        else:
            in_numbers = numbers.begin <= position - 8 - header < numbers.end
            assert not in_numbers or program != whole, f"byte {position}"
    assert refused > header // 2


# Whole or not at all


def leftovers(folder):
    return sorted(p.name for p in folder.iterdir())


def test_write_whole(tmp_path):
    path = tmp_path / "file"
    io.write_whole(path, b"one")
    io.write_whole(str(path), b"two")
    assert path.read_bytes() == b"two"
    assert leftovers(tmp_path) == ["file"]


def test_missing_folder(tmp_path):
    with pytest.raises(OutputError, match=r"the folder .* does not exist; create it or choose another"):
        io.write_whole(tmp_path / "no" / "file", b"data")
    with pytest.raises(OutputError):
        sl.sampler("euler").compile([2.0, 1.0]).save(tmp_path / "no" / "file")
    assert leftovers(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match="a device, a pipe or the like"):
        io.write_whole(tmp_path / "pipe", b"data")
    assert (tmp_path / "pipe").is_fifo()


def test_a_link_is_followed_and_modes_are_kept(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "real").chmod(0o600)
    (tmp_path / "link").symlink_to("real")
    io.write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o600


def test_folder_in_the_way(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="file"):
        io.write_whole(tmp_path / "file", b"data")
    assert leftovers(tmp_path) == ["file"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a folder this user cannot write")
def test_unwritable_folder(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match="is not writable"):
            io.write_whole(tmp_path / "file", b"new")
        assert (tmp_path / "file").read_bytes() == b"old"
        assert leftovers(tmp_path) == ["file"]
    finally:
        tmp_path.chmod(0o700)


def raising(error):
    def refuse(*args, **kwargs):
        raise error

    return refuse


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=repr)
def test_interrupted_at_the_end(error, tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(io.Path, "replace", raising(error))
    with pytest.raises(type(error)):
        io.write_whole(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert leftovers(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=repr)
def test_interrupted_while_writing(error, tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(io.os, "fsync", raising(error))
    with pytest.raises(type(error)):
        io.write_whole(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert leftovers(tmp_path) == ["file"]


@pytest.mark.skipif(os.name != "posix", reason="permission bits are POSIX's")
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664), (0o000, 0o666)])
def test_permissions_follow_the_umask(mask, mode, tmp_path):
    before = os.umask(mask)
    try:
        io.write_whole(tmp_path / "file", b"data")
        assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode
        assert os.umask(mask) == mask  # asked for, and put back
    finally:
        os.umask(before)


def test_tensors_that_cannot_be_written_leave_nothing(tmp_path):
    with pytest.raises(Exception, match="object"):
        io.write_tensors(tmp_path / "file", {"a": np.array([None])}, {})
    assert leftovers(tmp_path) == []


# JSON

BAD_JSON = [
    ("{", "it is not valid JSON: "),
    ("[1, 2", "it is not valid JSON: "),
    (b"\xff", "it is not valid JSON: "),
    ('{"a": 1, "a": 1}', "it: the key 'a' appears twice; a well-formed file names everything once"),
    ('[{"a": {"b": 1, "b": 2}}]', "it: the key 'b' appears twice"),
    ("NaN", "it holds NaN; expected finite numbers"),
    ("[-Infinity]", "it holds -Infinity; expected finite numbers"),
    ("[" * 200_000, "it is not valid JSON: "),
    ("1" * 5000, "it is not valid JSON: "),
]


@pytest.mark.parametrize(("text", "says"), BAD_JSON, ids=lambda v: str(v)[:12])
def test_bad_json(text, says):
    with pytest.raises(FileFormatError, match=f"^{re.escape(says)}"):
        io.parse_json(text, "it")


def test_good_json():
    assert io.parse_json('{"a": [1, 2.5, null, true, "x"]}', "it") == {"a": [1, 2.5, None, True, "x"]}
    assert io.parse_json(b"[]", "it") == []
