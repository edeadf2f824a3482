// minLSTM (Feng et al. 2024, "Were RNNs All We Needed?"): gates and candidate from x alone, the gates made to sum to 1.
//   f = s(zf), i = s(zi), n = a(zn), h' = f/(f + i) h + i/(f + i) n        s: the logistic function
// With p = 1/f = 1 + exp(-zf) and q = 1/i = 1 + exp(-zi) the shares are q/(p + q) and p/(p + q), which do not become
// 0/0 where both gates are closed. exp overflows where they are closed tightly; `inverse_gates` scales p and q by the
// same factor there. h is carried. See cell.hpp.
#pragma once
#include "recurra/cells/cell.hpp"

namespace recurra {

struct MinLstm : CellDefaults {
  static constexpr const char* name = "min_lstm";
  static constexpr int gates = 3;
  static constexpr Column columns[] = {{0, -1}, {1, -1}, {2, -1}};
  static constexpr ColumnActivation column_activations[] = {ColumnActivation::none, ColumnActivation::none,
                                                            ColumnActivation::main};
  static constexpr Carry carry = Carry::h;
  static constexpr bool has_recurrent_activation = false;
  static constexpr Activation usual_activation = Activation::linear;

  /// p and q. Both are divided by exp(m) where m = min(-zf, -zi) - 40 > 0: what is left of 1 exp(-m) is below the last
  /// digit of exp(40), and 1 may stand for it.
  template <class T>
  RECURRA_INLINE static void inverse_gates(const Packet<T>* z, Packet<T>& p, Packet<T>& q) {
    const Packet<T> one = set1<T>(1), a = negate(z[0]), b = negate(z[1]);
    const Packet<T> m = max(sub(min(a, b), set1<T>(40)), set1<T>(0));
    p = add(one, exp<T>(sub(a, m)));
    q = add(one, exp<T>(sub(b, m)));
  }

  template <class T, class A>
  RECURRA_INLINE static Packet<T> forward(Packet<T>* z, Packet<T>& h, const Packet<T>*, const A&) {
    Packet<T> p, q;
    inverse_gates<T>(z, p, q);
    const Packet<T> share = div(p, add(p, q));
    h = fma(share, sub(z[2], h), h);
    return h;
  }

  template <class T, class A>
  RECURRA_INLINE static void backward(Packet<T>* z, const Packet<T>& h_before, const Packet<T>&, const Packet<T>& dh,
                                      Packet<T>& dh_carried, const Packet<T>*, Packet<T>*, const A& act) {
    const Packet<T> one = set1<T>(1);
    Packet<T> p, q;
    inverse_gates<T>(z, p, q);
    const Packet<T> n = z[2], d = add(dh, dh_carried);
    const Packet<T> share = div(p, add(p, q)), rest = div(q, add(p, q));
    const Packet<T> dlog = mul(mul(d, sub(n, h_before)), mul(share, rest));  // of log(i/f)
    z[0] = negate(mul(dlog, sub(one, div(one, p))));
    z[1] = mul(dlog, sub(one, div(one, q)));
    z[2] = act.template main_gradient<T>(n, mul(d, share));
    dh_carried = mul(d, rest);
  }
};

}  // namespace recurra
