"""One step of every cell, forward and backward: the equations and nothing else.

A cell sees one step of a batch with its G gates stacked in front, so that each gate may have its own dropout:

x : (G, B, I) the input as each gate sees it
hd : (G, B, P) the previous h as each gate's recurrent product sees it (h, times the recurrent dropout)
states : the previous states themselves, h (B, P) and c (B, H); P is H but for a cell that projects h
w : the weights W (G, I, H), U (G, P, H), b (1 or 2, G, 1, H), p (unit parameters, 1, H), V (projection kernel, H, P)
sigma, phi : names of recurrent_activation and activation

``forward`` returns the new states (h first) and what ``backward`` needs. ``backward`` takes that and the gradients of
the new states, and returns the gradients of x, of hd, of `states` apart from hd, and of the weights. Arrays that a cell
does not have are empty.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np

from recurra.reference.nn import activate, slope

Array = np.ndarray[Any, Any]
States = tuple[Array, ...]
Saved = tuple[Any, ...]
NONE: Array = np.zeros(0)


class Weights(NamedTuple):
    """Of a cell, its gates in front; or their gradients."""

    W: Array
    U: Array = NONE
    b: Array = NONE
    p: Array = NONE
    V: Array = NONE


class Gradients(NamedTuple):
    """What ``backward`` returns."""

    dx: Array
    dhd: Array
    dstates: States
    dw: Weights


class Cell(Protocol):
    """What the time loop needs to know of a cell; its shapes are in ``recurra._core.cells``."""

    def forward(
        self, x: Array, hd: Array, states: States, w: Weights, sigma: str, phi: str
    ) -> tuple[States, Saved]: ...

    def backward(self, saved: Saved, dstates: States, w: Weights, sigma: str, phi: str) -> Gradients: ...


def _t(stack: Array) -> Array:
    return np.swapaxes(stack, -1, -2)


class LSTM:
    """i = σ(zi), f = σ(zf), g = φ(zg), o = σ(zo) with z = xW + hU + b;  c' = f⊙c + i⊙g;  h' = o⊙φ(c')."""

    def forward(self, x: Array, hd: Array, states: States, w: Weights, sigma: str, phi: str) -> tuple[States, Saved]:
        _, c_old = states
        z = x @ w.W + w.b[0] + hd @ w.U
        i, f, g, o = activate(sigma, z[0]), activate(sigma, z[1]), activate(phi, z[2]), activate(sigma, z[3])
        c = f * c_old + i * g
        a = activate(phi, c)
        return (o * a, c), (x, hd, c_old, i, f, g, o, a)

    def backward(self, saved: Saved, dstates: States, w: Weights, sigma: str, phi: str) -> Gradients:
        x, hd, c_old, i, f, g, o, a = saved
        dh, dc = dstates
        dc = dc + dh * o * slope(phi, a)
        dz = np.stack(
            [
                dc * g * slope(sigma, i),
                dc * c_old * slope(sigma, f),
                dc * i * slope(phi, g),
                dh * a * slope(sigma, o),
            ]
        )
        dw = Weights(_t(x) @ dz, _t(hd) @ dz, dz.sum(axis=1)[None])
        return Gradients(dz @ _t(w.W), dz @ _t(w.U), (np.zeros_like(dh), dc * f), dw)


class SimpleRNN:
    """h' = φ(xW + hU + b)."""

    def forward(self, x: Array, hd: Array, states: States, w: Weights, sigma: str, phi: str) -> tuple[States, Saved]:
        h = activate(phi, (x @ w.W + w.b[0] + hd @ w.U)[0])
        return (h,), (x, hd, h)

    def backward(self, saved: Saved, dstates: States, w: Weights, sigma: str, phi: str) -> Gradients:
        x, hd, h = saved
        dz = (dstates[0] * slope(phi, h))[None]
        dw = Weights(_t(x) @ dz, _t(hd) @ dz, dz.sum(axis=1)[None])
        return Gradients(dz @ _t(w.W), dz @ _t(w.U), (np.zeros_like(h),), dw)


class GRUResetAfter:
    """The reset gate acts on the recurrent product, which has a bias b' of its own (the second row).

    z = σ(xWz + bz + hUz + bz'),  r = σ(xWr + br + hUr + br'),  n = φ(xWn + bn + r⊙(hUn + bn')),
    h' = z⊙h + (1 - z)⊙n
    """

    def forward(self, x: Array, hd: Array, states: States, w: Weights, sigma: str, phi: str) -> tuple[States, Saved]:
        (h_old,) = states
        from_x = x @ w.W + w.b[0]
        from_h = hd @ w.U + w.b[1]
        z = activate(sigma, from_x[0] + from_h[0])
        r = activate(sigma, from_x[1] + from_h[1])
        n = activate(phi, from_x[2] + r * from_h[2])
        return (z * h_old + (1 - z) * n,), (x, hd, h_old, z, r, n, from_h[2])

    def backward(self, saved: Saved, dstates: States, w: Weights, sigma: str, phi: str) -> Gradients:
        x, hd, h_old, z, r, n, from_h = saved
        (dh,) = dstates
        dz = dh * (h_old - n) * slope(sigma, z)
        dn = dh * (1 - z) * slope(phi, n)
        dr = dn * from_h * slope(sigma, r)
        dx_side = np.stack([dz, dr, dn])
        dh_side = np.stack([dz, dr, dn * r])
        db = np.stack([dx_side.sum(axis=1), dh_side.sum(axis=1)])
        dw = Weights(_t(x) @ dx_side, _t(hd) @ dh_side, db)
        return Gradients(dx_side @ _t(w.W), dh_side @ _t(w.U), (dh * z,), dw)


class GRUResetBefore:
    """The reset gate acts on h, before the recurrent product; one bias.

    z = σ(xWz + hUz + bz),  r = σ(xWr + hUr + br),  n = φ(xWn + (r⊙h)Un + bn),  h' = z⊙h + (1 - z)⊙n
    """

    def forward(self, x: Array, hd: Array, states: States, w: Weights, sigma: str, phi: str) -> tuple[States, Saved]:
        (h_old,) = states
        from_x = x @ w.W + w.b[0]
        z = activate(sigma, from_x[0] + hd[0] @ w.U[0])
        r = activate(sigma, from_x[1] + hd[1] @ w.U[1])
        n = activate(phi, from_x[2] + (r * hd[2]) @ w.U[2])
        return (z * h_old + (1 - z) * n,), (x, hd, h_old, z, r, n)

    def backward(self, saved: Saved, dstates: States, w: Weights, sigma: str, phi: str) -> Gradients:
        x, hd, h_old, z, r, n = saved
        (dh,) = dstates
        dz = dh * (h_old - n) * slope(sigma, z)
        dn = dh * (1 - z) * slope(phi, n)
        d_rh = dn @ w.U[2].T
        dr = d_rh * hd[2] * slope(sigma, r)
        d = np.stack([dz, dr, dn])
        seen = np.stack([hd[0], hd[1], r * hd[2]])  # what each gate's recurrent product multiplied
        dhd = np.stack([dz @ w.U[0].T, dr @ w.U[1].T, d_rh * r])
        dw = Weights(_t(x) @ d, _t(seen) @ d, d.sum(axis=1)[None])
        return Gradients(d @ _t(w.W), dhd, (dh * z,), dw)


class PeepholeLSTM:
    """i = σ(zi + pi⊙c), f = σ(zf + pf⊙c), g = φ(zg), c' = f⊙c + i⊙g, o = σ(zo + po⊙c'), h' = o⊙φ(c')."""

    def forward(self, x: Array, hd: Array, states: States, w: Weights, sigma: str, phi: str) -> tuple[States, Saved]:
        _, c_old = states
        z = x @ w.W + w.b[0] + hd @ w.U
        i, f = activate(sigma, z[0] + w.p[0] * c_old), activate(sigma, z[1] + w.p[1] * c_old)
        g = activate(phi, z[2])
        c = f * c_old + i * g
        o = activate(sigma, z[3] + w.p[2] * c)
        a = activate(phi, c)
        return (o * a, c), (x, hd, c_old, c, i, f, g, o, a)

    def backward(self, saved: Saved, dstates: States, w: Weights, sigma: str, phi: str) -> Gradients:
        x, hd, c_old, c, i, f, g, o, a = saved
        dh, dc = dstates
        do = dh * a * slope(sigma, o)
        dc = dc + dh * o * slope(phi, a) + do * w.p[2]
        di, df = dc * g * slope(sigma, i), dc * c_old * slope(sigma, f)
        dz = np.stack([di, df, dc * i * slope(phi, g), do])
        dp = np.stack([di * c_old, df * c_old, do * c]).sum(axis=1)
        dw = Weights(_t(x) @ dz, _t(hd) @ dz, dz.sum(axis=1)[None], dp)
        dc_old = dc * f + di * w.p[0] + df * w.p[1]
        return Gradients(dz @ _t(w.W), dz @ _t(w.U), (np.zeros_like(dh), dc_old), dw)


class CIFGLSTM:
    """i = σ(zi), g = φ(zg), o = σ(zo);  c' = (1 - i)⊙c + i⊙g;  h' = o⊙φ(c')."""

    def forward(self, x: Array, hd: Array, states: States, w: Weights, sigma: str, phi: str) -> tuple[States, Saved]:
        _, c_old = states
        z = x @ w.W + w.b[0] + hd @ w.U
        i, g, o = activate(sigma, z[0]), activate(phi, z[1]), activate(sigma, z[2])
        c = (1 - i) * c_old + i * g
        a = activate(phi, c)
        return (o * a, c), (x, hd, c_old, i, g, o, a)

    def backward(self, saved: Saved, dstates: States, w: Weights, sigma: str, phi: str) -> Gradients:
        x, hd, c_old, i, g, o, a = saved
        dh, dc = dstates
        dc = dc + dh * o * slope(phi, a)
        dz = np.stack([dc * (g - c_old) * slope(sigma, i), dc * i * slope(phi, g), dh * a * slope(sigma, o)])
        dw = Weights(_t(x) @ dz, _t(hd) @ dz, dz.sum(axis=1)[None])
        return Gradients(dz @ _t(w.W), dz @ _t(w.U), (np.zeros_like(dh), dc * (1 - i)), dw)


class IndRNN:
    """h' = φ(xW + b + u⊙h)."""

    def forward(self, x: Array, hd: Array, states: States, w: Weights, sigma: str, phi: str) -> tuple[States, Saved]:
        (h_old,) = states
        h = activate(phi, (x @ w.W + w.b[0])[0] + w.p[0] * h_old)
        return (h,), (x, h_old, h)

    def backward(self, saved: Saved, dstates: States, w: Weights, sigma: str, phi: str) -> Gradients:
        x, h_old, h = saved
        dz = dstates[0] * slope(phi, h)
        dw = Weights(_t(x) @ dz[None], NONE, dz.sum(axis=0)[None, None], (dz * h_old).sum(axis=0)[None])
        return Gradients(dz[None] @ _t(w.W), np.zeros_like(dz[None]), (dz * w.p[0],), dw)


class MinGRU:
    """z = σ(xWz + bz), n = φ(xWn + bn);  h' = (1 - z)⊙h + z⊙n."""

    def forward(self, x: Array, hd: Array, states: States, w: Weights, sigma: str, phi: str) -> tuple[States, Saved]:
        (h_old,) = states
        pre = x @ w.W + w.b[0]
        z, n = activate(sigma, pre[0]), activate(phi, pre[1])
        return ((1 - z) * h_old + z * n,), (x, h_old, z, n)

    def backward(self, saved: Saved, dstates: States, w: Weights, sigma: str, phi: str) -> Gradients:
        x, h_old, z, n = saved
        (dh,) = dstates
        d = np.stack([dh * (n - h_old) * slope(sigma, z), dh * z * slope(phi, n)])
        dw = Weights(_t(x) @ d, NONE, d.sum(axis=1)[None])
        return Gradients(d @ _t(w.W), np.zeros_like(d), (dh * (1 - z),), dw)


class MinLSTM:
    """f = s(xWf + bf), i = s(xWi + bi), n = φ(xWn + bn);  h' = f/(f + i)⊙h + i/(f + i)⊙n;  s the logistic function.

    The shares come from log f and log i, so that they are right where both gates round to 0.
    """

    def forward(self, x: Array, hd: Array, states: States, w: Weights, sigma: str, phi: str) -> tuple[States, Saved]:
        (h_old,) = states
        zf, zi, zn = x @ w.W + w.b[0]
        n, rate = activate(phi, zn), np.logaddexp(0, -zf) - np.logaddexp(0, -zi)  # log i - log f
        old, new = activate("sigmoid", -rate), activate("sigmoid", rate)
        closing_f, closing_i = activate("sigmoid", -zf), activate("sigmoid", -zi)
        return (old * h_old + new * n,), (x, h_old, old, new, closing_f, closing_i, n)

    def backward(self, saved: Saved, dstates: States, w: Weights, sigma: str, phi: str) -> Gradients:
        x, h_old, old, new, closing_f, closing_i, n = saved
        d = dstates[0]
        drate = d * (n - h_old) * old * new
        dz = np.stack([-drate * closing_f, drate * closing_i, d * new * slope(phi, n)])
        dw = Weights(_t(x) @ dz, NONE, dz.sum(axis=1)[None])
        return Gradients(dz @ _t(w.W), np.zeros_like(dz), (d * old,), dw)


NORM_EPSILON = 1e-3


def _normalize(z: Array) -> tuple[Array, Array]:
    """(z - mean) / sqrt(variance + epsilon) over the units of each row, and 1 / sqrt(variance + epsilon)."""
    scale = 1 / np.sqrt(z.var(axis=-1, keepdims=True) + z.dtype.type(NORM_EPSILON))
    return (z - z.mean(axis=-1, keepdims=True)) * scale, scale


def _normalize_backward(n: Array, scale: Array, dn: Array) -> Array:
    """The way back from `_normalize`."""
    dz: Array = scale * (dn - dn.mean(axis=-1, keepdims=True) - n * (dn * n).mean(axis=-1, keepdims=True))
    return dz


class LayerNormLSTM:
    """LSTM with z = xW + hU, each gate normalised over the units: i = σ(ai⊙N(zi) + bi), f, g, o likewise.

    p : ai, af, ag, ao, bi, bf, bg, bo
    """

    def forward(self, x: Array, hd: Array, states: States, w: Weights, sigma: str, phi: str) -> tuple[States, Saved]:
        _, c_old = states
        n, scale = _normalize(x @ w.W + hd @ w.U)
        z = w.p[:4] * n + w.p[4:]
        i, f, g, o = activate(sigma, z[0]), activate(sigma, z[1]), activate(phi, z[2]), activate(sigma, z[3])
        c = f * c_old + i * g
        a = activate(phi, c)
        return (o * a, c), (x, hd, c_old, n, scale, i, f, g, o, a)

    def backward(self, saved: Saved, dstates: States, w: Weights, sigma: str, phi: str) -> Gradients:
        x, hd, c_old, n, scale, i, f, g, o, a = saved
        dh, dc = dstates
        dc = dc + dh * o * slope(phi, a)
        dy = np.stack(
            [
                dc * g * slope(sigma, i),
                dc * c_old * slope(sigma, f),
                dc * i * slope(phi, g),
                dh * a * slope(sigma, o),
            ]
        )
        dz = _normalize_backward(n, scale, dy * w.p[:4])
        dp = np.concatenate([(dy * n).sum(axis=1), dy.sum(axis=1)])
        dw = Weights(_t(x) @ dz, _t(hd) @ dz, NONE, dp)
        return Gradients(dz @ _t(w.W), dz @ _t(w.U), (np.zeros_like(dh), dc * f), dw)


class LayerNormGRU:
    """GRU that resets after the product, normalised over the units.

    z = σ(az⊙N(xWz + hUz) + bz),  r = σ(ar⊙N(xWr + hUr) + br),
    n = φ(ax⊙N(xWn) + bx + r⊙(ah⊙N(hUn) + bh)),  h' = z⊙h + (1 - z)⊙n
    p : az, ar, ah, ax, bz, br, bh, bx
    """

    def forward(self, x: Array, hd: Array, states: States, w: Weights, sigma: str, phi: str) -> tuple[States, Saved]:
        (h_old,) = states
        from_x, from_h = x @ w.W, hd @ w.U
        norm, scale = _normalize(np.stack([from_x[0] + from_h[0], from_x[1] + from_h[1], from_h[2], from_x[2]]))
        y = w.p[:4] * norm + w.p[4:]
        z, r = activate(sigma, y[0]), activate(sigma, y[1])
        n = activate(phi, y[3] + r * y[2])
        return (z * h_old + (1 - z) * n,), (x, hd, h_old, norm, scale, y[2], z, r, n)

    def backward(self, saved: Saved, dstates: States, w: Weights, sigma: str, phi: str) -> Gradients:
        x, hd, h_old, norm, scale, from_h, z, r, n = saved
        (dh,) = dstates
        dn = dh * (1 - z) * slope(phi, n)
        dy = np.stack([dh * (h_old - n) * slope(sigma, z), dn * from_h * slope(sigma, r), dn * r, dn])
        d = _normalize_backward(norm, scale, dy * w.p[:4])
        dx_side, dh_side = d[[0, 1, 3]], d[:3]
        dp = np.concatenate([(dy * norm).sum(axis=1), dy.sum(axis=1)])
        dw = Weights(_t(x) @ dx_side, _t(hd) @ dh_side, NONE, dp)
        return Gradients(dx_side @ _t(w.W), dh_side @ _t(w.U), (dh * z,), dw)


class ProjectionLSTM:
    """An LSTM's h, projected: with m and c' of :class:`LSTM`, h' = mV."""

    def forward(self, x: Array, hd: Array, states: States, w: Weights, sigma: str, phi: str) -> tuple[States, Saved]:
        (m, c), saved = LSTM().forward(x, hd, states, w, sigma, phi)
        return (m @ w.V, c), (m, saved)

    def backward(self, saved: Saved, dstates: States, w: Weights, sigma: str, phi: str) -> Gradients:
        m, of_lstm = saved
        dh, dc = dstates
        dx, dhd, (_, dc_old), dw = LSTM().backward(of_lstm, (dh @ _t(w.V), dc), w, sigma, phi)
        return Gradients(dx, dhd, (np.zeros_like(dh), dc_old), dw._replace(V=_t(m) @ dh))


STEPS: dict[str, Cell] = {
    "lstm": LSTM(),
    "gru": GRUResetAfter(),
    "gru_reset_before": GRUResetBefore(),
    "simple_rnn": SimpleRNN(),
    "peephole_lstm": PeepholeLSTM(),
    "cifg_lstm": CIFGLSTM(),
    "indrnn": IndRNN(),
    "min_gru": MinGRU(),
    "min_lstm": MinLSTM(),
    "layer_norm_lstm": LayerNormLSTM(),
    "layer_norm_gru": LayerNormGRU(),
    "projection_lstm": ProjectionLSTM(),
}
