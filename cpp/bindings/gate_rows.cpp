/// Weights stored gate by gate in rows, as PyTorch does, to and from the kernels' columns; checksums of weights.
#include "recurra/nn/gate_rows.hpp"

#include "arrays.hpp"
#include "register.hpp"

namespace recurra::bindings {
namespace {

constexpr int most_gates = 4;

/// Gates of the rows in the order of the columns. swap: the first two change places.
struct GateOrder {
  int of[most_gates];
  int count;
  GateOrder(py::handle gates, py::handle swap) : count(int(to_int_in(gates, "gates", 1, most_gates))) {
    for (int g = 0; g < count; ++g) of[g] = g;
    if (!to_bool(swap, "swap")) return;
    if (count < 2) throw py::value_error("swap must be False for a cell with one gate, got True");
    std::swap(of[0], of[1]);
  }
};

Size units_of(const py::array& recurrent, int gates, int axis) {
  const Size H = recurrent.shape(1 - axis);
  if (H < 1 || recurrent.shape(axis) != gates * H)
    throw py::value_error("recurrent must have shape " + std::string(axis == 0 ? "(G*H, H)" : "(H, G*H)") +
                          ", H >= 1, with G = " + std::to_string(gates) + ", got " + shape_text(recurrent));
  return H;
}

template <class T>
py::tuple to_columns(const GateOrder& order, py::handle input_rows, py::handle recurrent_rows, py::handle input_bias,
                     py::handle recurrent_bias, bool two_biases) {
  const auto U = input<T>(recurrent_rows, "recurrent_rows", {{"G*H"}, {"H"}});
  const Size H = units_of(U.array(), order.count, 0), GH = order.count * H;
  const auto W = input<T>(input_rows, "input_rows", {{"G*H", GH}, {"I"}});
  const auto b = optional_input<T>(input_bias, "input_bias", {{"G*H", GH}});
  const auto c = optional_input<T>(recurrent_bias, "recurrent_bias", {{"G*H", GH}});
  if (bool(b) != bool(c)) throw py::value_error("input_bias and recurrent_bias must be given together, or neither");
  const Size I = W.shape(1);
  auto kernel = output<T>({I, GH}), recurrent = output<T>({H, GH});
  auto bias = !b ? View<T>{} : two_biases ? output<T>({2, GH}) : output<T>({GH});
  {
    py::gil_scoped_release release;
    gate_rows_to_columns(W.data(), H, I, order.of, order.count, kernel.data());
    gate_rows_to_columns(U.data(), H, H, order.of, order.count, recurrent.data());
    for (int g = 0; b && g < order.count; ++g)
      for (Size j = 0; j < H; ++j) {
        const Size from = order.of[g] * H + j, to = g * H + j;
        if (two_biases) bias.data()[to] = b.data()[from], bias.data()[GH + to] = c.data()[from];
        else bias.data()[to] = b.data()[from] + c.data()[from];
      }
  }
  return py::make_tuple(kernel.array(), recurrent.array(), bias ? py::object(bias.array()) : py::object(py::none()));
}

/// H of a gradient whose last axis holds the gates side by side.
Size units_of_columns(const py::array& columns, const char* name, int gates) {
  const Size GH = columns.ndim() ? columns.shape(columns.ndim() - 1) : 0;
  if (GH < gates || GH % gates)
    throw py::value_error(std::string(name) + " must have G*H columns, H >= 1, with G = " + std::to_string(gates) +
                          ", got " + shape_text(columns));
  return GH / gates;
}

template <class T>
py::tuple to_rows(const GateOrder& order, py::handle kernel, py::handle recurrent_kernel, py::handle bias) {
  const auto U = optional_input<T>(recurrent_kernel, "recurrent_kernel", {{"H"}, {"G*H"}});
  const Size H = U                   ? units_of(U.array(), order.count, 1)
                 : !kernel.is_none() ? units_of_columns(as_array(kernel, "kernel"), "kernel", order.count)
                                     : units_of_columns(as_array(bias, "bias"), "bias", order.count);
  const Size GH = order.count * H;
  const auto W = optional_input<T>(kernel, "kernel", {{"I"}, {"G*H", GH}});
  View<const T> b;
  if (!bias.is_none())
    b = as_array(bias, "bias").ndim() == 2 ? input<T>(bias, "bias", {{"2", 2}, {"G*H", GH}})
                                           : input<T>(bias, "bias", {{"G*H", GH}});
  const Size I = W ? W.shape(0) : 0;
  auto input_rows = W ? output<T>({GH, I}) : View<T>{}, recurrent_rows = U ? output<T>({GH, H}) : View<T>{};
  auto input_bias = b ? output<T>({GH}) : View<T>{}, recurrent_bias = b ? output<T>({GH}) : View<T>{};
  {
    py::gil_scoped_release release;
    if (W) columns_to_gate_rows(W.data(), H, I, order.of, order.count, input_rows.data());
    if (U) columns_to_gate_rows(U.data(), H, H, order.of, order.count, recurrent_rows.data());
    for (int g = 0; b && g < order.count; ++g)
      for (Size j = 0; j < H; ++j) {
        const Size to = order.of[g] * H + j, from = g * H + j;
        input_bias.data()[to] = b.data()[from];
        recurrent_bias.data()[to] = b.data()[b.ndim() == 2 ? GH + from : from];
      }
  }
  const auto none_or = [](const View<T>& view) { return view ? py::object(view.array()) : py::object(py::none()); };
  return py::make_tuple(none_or(input_rows), none_or(recurrent_rows), none_or(input_bias), none_or(recurrent_bias));
}

py::int_ checksum_of(py::handle arrays) {
  if (!PyTuple_Check(arrays.ptr()) && !PyList_Check(arrays.ptr()))
    throw py::type_error("arrays must be a tuple or list, got " + type_text(arrays));
  const auto items = py::reinterpret_steal<py::tuple>(PySequence_Tuple(arrays.ptr()));
  if (!items) throw py::error_already_set();
  std::vector<py::array> held;
  for (const py::handle item : items)
    if (!item.is_none()) {
      held.push_back(as_array(item, "arrays"));
      if (!contiguous(held.back())) throw py::value_error("arrays must be C-contiguous and aligned");
    }
  std::uint64_t sum = 0;
  {
    py::gil_scoped_release release;
    for (const py::array& array : held) sum = checksum(array.data(), std::size_t(array.nbytes()), sum);
  }
  return py::int_(sum);
}

}  // namespace

void register_gate_rows(py::module_& module) {
  using H = py::handle;
  module.def("gate_rows_to_columns",
             [](H gates, H swap, H input_rows, H recurrent_rows, H input_bias, H recurrent_bias, H two_biases) {
               const GateOrder order(gates, swap);
               const bool two = to_bool(two_biases, "two_biases");
               return dispatch(float_dtype(recurrent_rows, "recurrent_rows"), [&](auto zero) {
                 return to_columns<decltype(zero)>(order, input_rows, recurrent_rows, input_bias, recurrent_bias, two);
               });
             });
  module.def("columns_to_gate_rows", [](H gates, H swap, H kernel, H recurrent_kernel, H bias) {
    const GateOrder order(gates, swap);
    const std::pair<H, const char*> gradients[] = {
        {recurrent_kernel, "recurrent_kernel"}, {kernel, "kernel"}, {bias, "bias"}};
    for (const auto& [gradient, name] : gradients)
      if (!gradient.is_none())
        return dispatch(float_dtype(gradient, name),
                        [&](auto zero) { return to_rows<decltype(zero)>(order, kernel, recurrent_kernel, bias); });
    throw py::value_error("one of kernel, recurrent_kernel and bias at least must not be None");
  });
  module.def("checksum", [](H arrays) { return checksum_of(arrays); });
}

}  // namespace recurra::bindings
