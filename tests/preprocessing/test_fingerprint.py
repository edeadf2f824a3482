"""The fingerprints of FarmHash, as its own library computes them."""

from __future__ import annotations

import pytest

from recurra.preprocessing.fingerprint import fingerprint64

KNOWN = {
    0: 11160318154034397263,
    3: 1502982227347875767,
    7: 17208155771686137090,
    16: 9265934164062552586,
    31: 4409253577682726317,
    64: 16761682396498933202,
    65: 11254439236561020538,
    200: 10889871528942081555,
}


@pytest.mark.parametrize("length", KNOWN)
def test_each_length_has_its_way(length: int) -> None:
    assert fingerprint64(bytes(33 + i * 7 % 90 for i in range(length))) == KNOWN[length]


def test_every_byte_counts() -> None:
    for length in (1, 2, 5, 9, 20, 40, 64, 65, 128, 129, 193):
        data = bytes(length)
        others = {fingerprint64(data[:i] + b"\1" + data[i + 1 :]) for i in range(length)}
        assert len(others | {fingerprint64(data)}) == length + 1
