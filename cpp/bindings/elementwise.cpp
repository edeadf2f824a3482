// softmax_forward, softmax_backward, softmax_cross_entropy_forward, softmax_cross_entropy_backward.
#include "recurra/nn/softmax_cross_entropy.hpp"

#include "arrays.hpp"
#include "register.hpp"

namespace recurra::bindings {
namespace {

/// x (..., V) as M rows of V.
struct Rows {
  Size M, V;
};
Rows rows_of(const py::array& x, const char* name) {
  if (x.ndim() == 0) throw py::value_error(std::string(name) + " must have shape (..., V), got ()");
  const Size V = x.shape(x.ndim() - 1);
  if (V == 0) throw py::value_error(std::string(name) + " must have shape (..., V) with V >= 1, got " + shape_text(x));
  return {x.size() / V, V};
}

py::array softmax_forward(py::handle x_in) {
  return dispatch(float_dtype(x_in, "x"), [&](auto zero) -> py::array {
    using T = decltype(zero);
    const auto x = input<T>(x_in, "x");
    const Rows rows = rows_of(x.array(), "x");
    const auto y = output_like<T>(x.array());
    {
      py::gil_scoped_release release;
      recurra::softmax_forward(x.data(), rows.M, rows.V, y.data());
    }
    return y.array();
  });
}

py::array softmax_backward(py::handle y_in, py::handle dy_in) {
  return dispatch(float_dtype(y_in, "y"), [&](auto zero) -> py::array {
    using T = decltype(zero);
    const auto y = input<T>(y_in, "y");
    const Rows rows = rows_of(y.array(), "y");
    const auto dy = input_like<T>(dy_in, "dy", y.array(), "y");
    const auto dx = output_like<T>(y.array());
    {
      py::gil_scoped_release release;
      recurra::softmax_backward(y.data(), dy.data(), rows.M, rows.V, dx.data());
    }
    return dx.array();
  });
}

/// logits (M, V) and their labels, checked.
template <class T>
struct Labelled {
  View<const T> logits;
  View<const std::int32_t> labels;
  Size M, V;

  Labelled(py::handle logits_in, py::handle labels_in)
      : logits(input<T>(logits_in, "logits", {{"M"}, {"V"}})), M(logits.shape(0)), V(logits.shape(1)) {
    if (V < 1) throw py::value_error("logits must have shape (M, V) with V >= 1, got " + shape_text(logits.array()));
    labels = input<std::int32_t>(labels_in, "labels", {{"M", M}});
    check_ids(labels.data(), M, V, "labels");
  }
};

py::tuple softmax_cross_entropy_forward(py::handle logits, py::handle labels) {
  return dispatch(float_dtype(logits, "logits"), [&](auto zero) -> py::tuple {
    using T = decltype(zero);
    const Labelled<T> in(logits, labels);
    const auto loss = output<T>({in.M}), lse = output<T>({in.M});
    {
      py::gil_scoped_release release;
      recurra::softmax_cross_entropy_forward(in.logits.data(), in.labels.data(), in.M, in.V, loss.data(), lse.data());
    }
    return py::make_tuple(loss.array(), lse.array());
  });
}

py::array softmax_cross_entropy_backward(py::handle logits, py::handle labels, py::handle lse_in, py::handle dloss_in) {
  return dispatch(float_dtype(logits, "logits"), [&](auto zero) -> py::array {
    using T = decltype(zero);
    const Labelled<T> in(logits, labels);
    const auto lse = input<T>(lse_in, "lse", {{"M", in.M}});
    const auto dloss = input<T>(dloss_in, "dloss", {{"M", in.M}});
    const auto dlogits = output_like<T>(in.logits.array());
    {
      py::gil_scoped_release release;
      recurra::softmax_cross_entropy_backward(in.logits.data(), in.labels.data(), lse.data(), dloss.data(), in.M, in.V,
                                              dlogits.data());
    }
    return dlogits.array();
  });
}

}  // namespace

void register_elementwise(py::module_& m) {
  using py::arg;
  m.def("softmax_forward", &softmax_forward, arg("x"));
  m.def("softmax_backward", &softmax_backward, arg("y"), arg("dy"));
  m.def("softmax_cross_entropy_forward", &softmax_cross_entropy_forward, arg("logits"), arg("labels"));
  m.def("softmax_cross_entropy_backward", &softmax_cross_entropy_backward, arg("logits"), arg("labels"), arg("lse"),
        arg("dloss"));
}

}  // namespace recurra::bindings
