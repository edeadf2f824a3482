// embedding_forward, embedding_backward.
#include "recurra/nn/embedding.hpp"

#include "arrays.hpp"
#include "register.hpp"

namespace recurra::bindings {
namespace {

py::array embedding_forward(py::handle table_in, py::handle ids_in) {
  return dispatch(float_dtype(table_in, "table"), [&](auto zero) -> py::array {
    using T = decltype(zero);
    const auto table = input<T>(table_in, "table", {{"V"}, {"I"}});
    const auto ids = input<std::int32_t>(ids_in, "ids");
    check_ids(ids.data(), ids.size(), table.shape(0), "ids");
    std::vector<Size> shape(ids.array().shape(), ids.array().shape() + ids.ndim());
    shape.push_back(table.shape(1));
    const auto y = output<T>(std::move(shape));
    {
      py::gil_scoped_release release;
      recurra::embedding_forward(table.data(), ids.data(), ids.size(), table.shape(1), y.data());
    }
    return y.array();
  });
}

py::tuple embedding_backward(py::handle ids_in, py::handle dy_in) {
  return dispatch(float_dtype(dy_in, "dy"), [&](auto zero) -> py::tuple {
    using T = decltype(zero);
    const auto ids = input<std::int32_t>(ids_in, "ids");
    const auto dy = input<T>(dy_in, "dy");
    const Size n = ids.size();
    bool fits = dy.ndim() == ids.ndim() + 1;
    for (Size i = 0; fits && i < ids.ndim(); ++i) fits = dy.shape(i) == ids.shape(i);
    if (!fits)
      throw py::value_error("dy must have shape ids.shape + (I,) with ids.shape = " + shape_text(ids.array()) +
                            ", got " + shape_text(dy.array()));
    if (n > Size{0xFFFFFFFF}) throw py::value_error("ids must have fewer than 2**32 entries, got " + std::to_string(n));
    const Size I = dy.shape(dy.ndim() - 1);
    std::unique_ptr<DistinctIds> distinct;
    {
      py::gil_scoped_release release;
      distinct = std::make_unique<DistinctIds>(ids.data(), n);
    }
    const auto used = output<std::int32_t>({distinct->count()});
    const auto rows = output<T>({distinct->count(), I});
    {
      py::gil_scoped_release release;
      std::copy_n(distinct->ids(), distinct->count(), used.data());
      distinct->sum_rows(dy.data(), I, rows.data());
    }
    return py::make_tuple(used.array(), rows.array());
  });
}

}  // namespace

void register_embedding(py::module_& m) {
  m.def("embedding_forward", &embedding_forward, py::arg("table"), py::arg("ids"));
  m.def("embedding_backward", &embedding_backward, py::arg("ids"), py::arg("dy"));
}

}  // namespace recurra::bindings
