"""Hashes of bytes into 64 bits: FarmHash's fingerprint, by which Keras gives unknown strings ids, and SipHash.

The first is Fingerprint64 of https://github.com/google/farmhash: it never changes, whatever the machine. The second is
SipHash-2-4 (Aumasson and Bernstein 2012), whose key makes the values unknown to others.
"""

from __future__ import annotations

import struct

_MASK = (1 << 64) - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def fingerprint64(data: bytes) -> int:
    """The fingerprint, in [0, 2**64).

    >>> [fingerprint64(word) % 3 for word in (b"Hello", b"TensorFlow", b"2.x")]
    [0, 2, 2]
    """
    length = len(data)
    if length <= 16:
        return _short(data, length)
    if length <= 32:
        return _medium(data, length)
    return _middle(data, length) if length <= 64 else _long(data, length)


def _word(data: bytes, at: int) -> int:
    found: int = struct.unpack_from("<Q", data, at)[0]
    return found


def _turn(value: int, bits: int) -> int:
    value &= _MASK
    return (value >> bits) | (value << (64 - bits)) & _MASK


def _fold(value: int) -> int:
    value &= _MASK
    return value ^ (value >> 47)


def _mix(u: int, v: int, factor: int) -> int:
    a = _fold(((u ^ v) & _MASK) * factor)
    return _fold((v ^ a) * factor) * factor & _MASK


def _short(data: bytes, length: int) -> int:
    factor = _K2 + 2 * length
    if length >= 8:
        a, b = _word(data, 0) + _K2, _word(data, length - 8)
        return _mix(_turn(b, 37) * factor + a, (_turn(a, 25) + b) * factor, factor)
    if length >= 4:
        first, last = struct.unpack_from("<I", data)[0], struct.unpack_from("<I", data, length - 4)[0]
        return _mix(length + (first << 3), last, factor)
    if length:
        y, z = data[0] + (data[length >> 1] << 8), length + (data[-1] << 2)
        return _fold(y * _K2 ^ z * _K0) * _K2 & _MASK
    return _K2


def _medium(data: bytes, length: int) -> int:
    factor = _K2 + 2 * length
    a, b = _word(data, 0) * _K1, _word(data, 8)
    c, d = _word(data, length - 8) * factor, _word(data, length - 16) * _K2
    return _mix(_turn(a + b, 43) + _turn(c, 30) + d, a + _turn(b + _K2, 18) + c, factor)


def _middle(data: bytes, length: int) -> int:
    factor = _K2 + 2 * length
    a, b = _word(data, 0) * _K2, _word(data, 8)
    c, d = _word(data, length - 8) * factor, _word(data, length - 16) * _K2
    y = _turn(a + b, 43) + _turn(c, 30) + d
    z = _mix(y, a + _turn(b + _K2, 18) + c, factor)
    e, f = _word(data, 16) * factor, _word(data, 24)
    g, h = (y + _word(data, length - 32)) * factor, (z + _word(data, length - 24)) * factor
    return _mix(_turn(e + f, 43) + _turn(g, 30) + h, e + _turn(f + a, 18) + g, factor)


def _pair(data: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = struct.unpack_from("<4Q", data, at)
    first = a + w
    total = first + x + y
    return (total + z) & _MASK, (_turn(b + first + z, 21) + _turn(total, 44) + first) & _MASK


def _long(data: bytes, length: int) -> int:
    x, y = 81, (81 * _K1 + 113) & _MASK
    z = _fold(y * _K2 + 113) * _K2 & _MASK
    x = (x * _K2 + _word(data, 0)) & _MASK
    v, w = (0, 0), (0, 0)
    rest = (length - 1) & 63
    places = [*range(0, length - 1 - rest, 64), length - 64]
    factor, scale = _K1, 1
    for at in places:
        if at == places[-1]:
            factor, scale = _K1 + ((z & 0xFF) << 1), 9
            first = w[0] + rest
            v = ((v[0] + first) & _MASK, v[1])
            w = ((first + v[0]) & _MASK, w[1])
        x = _turn(x + y + v[0] + _word(data, at + 8), 37) * factor & _MASK
        y = _turn(y + v[1] + _word(data, at + 48), 42) * factor & _MASK
        x ^= w[1] * scale & _MASK
        y = (y + v[0] * scale + _word(data, at + 40)) & _MASK
        z = _turn(z + w[0], 33) * factor & _MASK
        v, before = _pair(data, at, v[1] * factor, x + w[0]), w
        w = _pair(data, at + 32, z + before[1], y + _word(data, at + 16))
        z, x = x, z
    first = _mix(v[0], w[0], factor) + _fold(y) * _K0 + z
    return _mix(first & _MASK, (_mix(v[1], w[1], factor) + x) & _MASK, factor)


def siphash64(data: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 of bytes, in [0, 2**64), with a key of two numbers of 64 bits.

    >>> hex(siphash64(bytes(range(15)), (0x0706050403020100, 0x0F0E0D0C0B0A0908)))
    '0xa129ca6149be45e5'
    """
    low, high = key[0] & _MASK, key[1] & _MASK
    v = [low ^ 0x736F6D6570736575, high ^ 0x646F72616E646F6D, low ^ 0x6C7967656E657261, high ^ 0x7465646279746573]
    whole = len(data) // 8 * 8
    last = int.from_bytes(data[whole:], "little") | (len(data) & 0xFF) << 56
    for word in (*struct.unpack_from(f"<{whole // 8}Q", data), last):
        v[3] ^= word
        _sip_round(v)
        _sip_round(v)
        v[0] ^= word
    v[2] ^= 0xFF
    for _ in range(4):
        _sip_round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _sip_round(v: list[int]) -> None:
    a, b, c, d = v
    a, c = (a + b) & _MASK, (c + d) & _MASK
    b, d = _turn(b, 51) ^ a, _turn(d, 48) ^ c
    a, c = (_turn(a, 32) + d) & _MASK, (c + b) & _MASK
    v[:] = a, _turn(b, 47) ^ c, _turn(c, 32), _turn(d, 43) ^ a
