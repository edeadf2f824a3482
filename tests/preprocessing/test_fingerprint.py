"""The fingerprints of FarmHash, as its own library computes them, and SipHash."""

from __future__ import annotations

import pytest

from recurra.preprocessing.fingerprint import fingerprint64, siphash64

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


# vectors of the reference implementation: the message is 0, 1, ..., the key 0 to 15
SIP = {
    0: 0x726FDB47DD0E0E31,
    1: 0x74F839C593DC67FD,
    2: 0x0D6C8009D9A94F5A,
    3: 0x85676696D7FB7E2D,
    7: 0xAB0200F58B01D137,
    8: 0x93F5F5799A932462,
    15: 0xA129CA6149BE45E5,
}


@pytest.mark.parametrize("length", SIP)
def test_siphash(length: int) -> None:
    assert siphash64(bytes(range(length)), (0x0706050403020100, 0x0F0E0D0C0B0A0908)) == SIP[length]


def test_every_byte_and_both_halves_of_the_key_count_in_siphash() -> None:
    for length in (1, 7, 8, 9, 20, 255, 256):
        data = bytes(length)
        others = {siphash64(data[:i] + b"\1" + data[i + 1 :], (1, 2)) for i in range(length)}
        assert len(others | {siphash64(data, key) for key in ((1, 2), (2, 1), (1, 3), (0, 2))}) == length + 4
