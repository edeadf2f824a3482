/// Forward and backward of every cell of recurra/cells/list.hpp on numpy arrays.
#include "recurra/cells/list.hpp"

#include "forward_cache.hpp"
#include "register.hpp"

namespace recurra::bindings {
namespace {

struct CellEntry {
  const CellDeclaration& declaration;
  const CellFunctions<float>& (*float32)();
  const CellFunctions<double>& (*float64)();

  template <class T>
  const CellFunctions<T>& functions() const {
    if constexpr (std::is_same_v<T, float>) return float32();
    else return float64();
  }
};

#define RECURRA_CELL_ENTRY(Cell) {declaration<Cell>, &cell_functions<Cell, float>, &cell_functions<Cell, double>},
constexpr CellEntry cells[] = {RECURRA_CELLS(RECURRA_CELL_ENTRY)};
#undef RECURRA_CELL_ENTRY

const CellEntry& cell_named(py::handle object) {
  if (const char* name = py::isinstance<py::str>(object) ? PyUnicode_AsUTF8(object.ptr()) : nullptr)
    for (const CellEntry& cell : cells)
      if (std::strcmp(cell.declaration.name, name) == 0) return cell;
  std::string names;
  for (const CellEntry& cell : cells) names += (names.empty() ? "'" : ", '") + std::string(cell.declaration.name) + "'";
  throw py::value_error("cell must be one of " + names + ", got " + std::string(py::repr(object)));
}

py::list cell_names() {
  py::list names;
  for (const CellEntry& cell : cells) names.append(cell.declaration.name);
  return names;
}

py::tuple forward(const CellEntry& entry, const Arguments& in) {
  // 8-bit weights have the dtype of what they multiply.
  const bool quantized = is_int8_matrix(in.weights.kernel), tokens = !in.embeddings.is_none();
  const Float dtype = !quantized ? float_dtype(in.weights.kernel, "kernel")
                      : tokens   ? float_dtype(in.embeddings, "embeddings")
                                 : float_dtype(in.x, "x");
  return dispatch(dtype, [&](auto zero) {
    using T = decltype(zero);
    return ForwardCacheOf<T>::forward(entry.functions<T>(), in);
  });
}

ForwardCache& cache_of(py::handle cache) {
  if (!PyCapsule_IsValid(cache.ptr(), capsule_name))
    throw py::type_error("cache must be the one that recurrent_forward returned with training=True, got " +
                         type_text(cache));
  return *static_cast<ForwardCache*>(PyCapsule_GetPointer(cache.ptr(), capsule_name));
}

py::tuple sum_steps(py::handle steps, py::handle swap, py::handle need_dweights) {
  if (!PyTuple_Check(steps.ptr()) && !PyList_Check(steps.ptr()))
    throw py::type_error("steps must be a tuple or list, got " + type_text(steps));
  const auto held = py::reinterpret_steal<py::tuple>(PySequence_Tuple(steps.ptr()));
  if (!held) throw py::error_already_set();
  if (held.empty()) throw py::value_error("steps must hold at least one step");
  std::vector<const AnyStep*> given;
  for (const py::handle step : held) given.push_back(step_of(step));
  return given[0]->sums(given, to_bool(swap, "swap"), need_dweights);
}

}  // namespace

void register_recurrent(py::module_& module) {
  using H = py::handle;
  module.def("recurrent_cells", &cell_names);
  module.def("packed_weights_cache", &new_packed_weights_cache);
  module.def("recurrent_forward", [](H cell, H x, H states, H weights, H mask, H input_dropout, H recurrent_dropout,
                                     H embeddings, H activation, H recurrent_activation, H reverse, H return_sequences,
                                     H zero_output_for_mask, H training, H packed_weights, H out, H zoneout) {
    const CellEntry& entry = cell_named(cell);
    const Arguments in{x,
                       States(states, "states", entry.declaration),
                       Weights(weights, entry.declaration),
                       mask,
                       input_dropout,
                       recurrent_dropout,
                       embeddings,
                       activation,
                       recurrent_activation,
                       reverse,
                       return_sequences,
                       zero_output_for_mask,
                       training,
                       packed_weights,
                       out,
                       zoneout};
    return forward(entry, in);
  });
  module.def("recurrent_forward_rows", [](H cell, H x, H states, H weights, H lengths, H rows, H activation,
                                          H recurrent_activation, H reverse, H training, H packed_weights, H out) {
    const CellEntry& entry = cell_named(cell);
    if (lengths.is_none() != rows.is_none())
      throw py::value_error("lengths and rows must be given together, or neither for x (T, B, I)");
    const py::object none = py::none(), yes = py::bool_(true), no = py::bool_(false);
    const Arguments in{x,
                       States(states, "states", entry.declaration),
                       Weights(weights, entry.declaration),
                       none,
                       none,
                       none,
                       none,
                       activation,
                       recurrent_activation,
                       reverse,
                       yes,
                       no,
                       training,
                       packed_weights,
                       out,
                       none,
                       lengths.is_none() ? RowOrder::time_major : RowOrder::listed,
                       lengths,
                       rows};
    return forward(entry, in);
  });
  module.def(
      "recurrent_backward",
      [](H cache, H dy, H dstates, H need_dx, H need_dweights) {
        return cache_of(cache).backward(dy, dstates, to_bool(need_dx, "need_dx"), need_dweights);
      },
      py::arg("cache"), py::arg("dy"), py::arg("dstates"), py::arg("need_dx"), py::arg("need_dweights") = py::none());
  module.def("recurrent_backward_step", [](H cache, H dstates, H need_dx) {
    return cache_of(cache).backward_step(dstates, to_bool(need_dx, "need_dx"));
  });
  module.def("recurrent_sum_steps",
             [](H steps, H swap, H need_dweights) { return sum_steps(steps, swap, need_dweights); });
}

}  // namespace recurra::bindings
