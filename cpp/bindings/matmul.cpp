/// matmul, matmul_add, the activations, and how many threads kernels use.
#include "recurra/linalg/activations.hpp"
#include "recurra/linalg/gemm.hpp"
#include "recurra/linalg/int8_product.hpp"

#include "activation_name.hpp"
#include "arrays.hpp"
#include "forward_cache.hpp"
#include "register.hpp"
#include "tiles.hpp"

namespace recurra::bindings {
namespace {

template <class T>
py::object matmul(py::handle a_in, py::handle b_in, py::handle bias_in, bool trans_a, bool trans_b) {
  const auto a = input<T>(a_in, "a"), b = input<T>(b_in, "b");
  if (a.ndim() != b.ndim() || (a.ndim() != 2 && a.ndim() != 3))
    throw py::value_error("a and b must both have 2 axes, or both 3 (a stack), got shapes " + shape_text(a.array()) +
                          " and " + shape_text(b.array()));
  const Size n = a.ndim(), stack = n == 3 ? a.shape(0) : 1;
  const Size M = a.shape(trans_a ? n - 1 : n - 2), K = a.shape(trans_a ? n - 2 : n - 1);
  const Size N = b.shape(trans_b ? n - 2 : n - 1), Kb = b.shape(trans_b ? n - 1 : n - 2);
  if (K != Kb || (n == 3 && b.shape(0) != stack))
    throw py::value_error("a and b must agree in K" + std::string(n == 3 ? " and in the stack" : "") + ", got a " +
                          shape_text(a.array()) + (trans_a ? " transposed" : "") + " and b " + shape_text(b.array()) +
                          (trans_b ? " transposed" : ""));
  const auto bias = optional_input<T>(bias_in, "bias", {{"N", N}});
  auto out = n == 3 ? output<T>({stack, M, N}) : output<T>({M, N});
  py::gil_scoped_release release;
  for (Size s = 0; s < stack; ++s)
    Gemm<T>{M, N, K, a.data() + s * M * K, trans_a, b.data() + s * K * N, trans_b, bias.data(), out.data() + s * M * N}
        .run();
  py::gil_scoped_acquire acquire;
  return out.array();
}

template <class T>
void matmul_add(py::handle a_in, py::handle b_in, bool trans_a, bool trans_b, py::handle out_in) {
  const auto a = input<T>(a_in, "a", {{trans_a ? "K" : "M"}, {trans_a ? "M" : "K"}});
  const Size M = a.shape(trans_a ? 1 : 0), K = a.shape(trans_a ? 0 : 1);
  const auto b = trans_b ? input<T>(b_in, "b", {{"N"}, {"K", K}}) : input<T>(b_in, "b", {{"K", K}, {"N"}});
  const Size N = b.shape(trans_b ? 0 : 1);
  const auto out = inout<T>(out_in, "out", {{"M", M}, {"N", N}});
  check_apart(out.array(), "out", a.array(), "a");
  check_apart(out.array(), "out", b.array(), "b");
  py::gil_scoped_release release;
  Gemm<T>{M, N, K, a.data(), trans_a, b.data(), trans_b, nullptr, out.data(), true}.run();
}

/// out (M, N) = a (M, K) times 8-bit weights (K, N), + bias.
template <class T>
py::object int8_matmul(py::handle a_in, py::handle weights_in, py::handle bias_in, PackedWeightsCache* cache) {
  const auto a = input<T>(a_in, "a", {{"M"}, {"K"}});
  const Size M = a.shape(0), K = a.shape(1);
  const auto weights = int8_matrix<T>(weights_in, "weights", {"K", K}, {"N"});
  const Size N = weights.shape(1);
  const auto bias = optional_input<T>(bias_in, "bias", {{"N", N}});
  auto out = output<T>({M, N});
  bool fits = true;
  {
    py::gil_scoped_release release;
    const Int8Weights<T> given = weights.int8();
    const auto packed = cache ? cache->get_int8(given, K, N)
                              : std::make_shared<const Int8Matrix<T>>(given.values, given.scales, K, Index{1}, N);
    if (packed) int8_product(*packed, M, a.data(), bias.data(), out.data());
    fits = packed != nullptr;
  }
  if (!fits) throw py::value_error("packed_weights must belong to these weights alone: it holds others");
  return out.array();
}

template <class T, class Function>
void for_each_packet(Size size, const T* a, const T* b, T* out, Function&& function) {
  constexpr Index W = lanes<T>;
  for (Index i = 0; i < size; i += W)
    store_partial(out + i, function(load_partial(a + i, size - i), load_partial(b + i, size - i)), size - i);
}

template <class T>
py::object activation_forward(Activation kind, py::handle x_in) {
  const auto x = input<T>(x_in, "x");
  auto y = output_like<T>(x.array());
  for_each_packet<T>(x.size(), x.data(), x.data(), y.data(),
                     [kind](auto v, auto) { return AnyActivations::forward<T>(kind, v); });
  return y.array();
}

template <class T>
py::object activation_backward(Activation kind, py::handle y_in, py::handle dy_in) {
  const auto y = input<T>(y_in, "y");
  const auto dy = input_like<T>(dy_in, "dy", y.array(), "y");
  auto dx = output_like<T>(y.array());
  for_each_packet<T>(y.size(), y.data(), dy.data(), dx.data(),
                     [kind](auto v, auto d) { return AnyActivations::gradient<T>(kind, v, d); });
  return dx.array();
}

}  // namespace

void register_matmul(py::module_& module) {
  using H = py::handle;
  module.def("matmul", [](H a, H b, H bias, H trans_a, H trans_b) {
    const bool ta = to_bool(trans_a, "trans_a"), tb = to_bool(trans_b, "trans_b");
    return dispatch(float_dtype(a, "a"), [&](auto zero) { return matmul<decltype(zero)>(a, b, bias, ta, tb); });
  });
  module.def("matmul_add", [](H a, H b, H trans_a, H trans_b, H out) {
    const bool ta = to_bool(trans_a, "trans_a"), tb = to_bool(trans_b, "trans_b");
    dispatch(float_dtype(a, "a"), [&](auto zero) { matmul_add<decltype(zero)>(a, b, ta, tb, out); });
  });
  module.def("int8_matmul", [](H a, H weights, H bias, H packed_weights) {
    return dispatch(float_dtype(a, "a"), [&](auto zero) {
      return int8_matmul<decltype(zero)>(a, weights, bias, packed_weights_cache(packed_weights));
    });
  });
  module.def("activation_forward", [](H name, H x) {
    const Activation kind = activation_named(name, "name");
    return dispatch(float_dtype(x, "x"), [&](auto zero) { return activation_forward<decltype(zero)>(kind, x); });
  });
  module.def("activation_backward", [](H name, H y, H dy) {
    const Activation kind = activation_named(name, "name");
    return dispatch(float_dtype(y, "y"), [&](auto zero) { return activation_backward<decltype(zero)>(kind, y, dy); });
  });
  module.def("set_num_threads", [](H n) { max_threads().store(int(to_int_in(n, "n", 1, 1024))); });
  module.def("get_num_threads", [] { return max_threads().load(); });
}

}  // namespace recurra::bindings
