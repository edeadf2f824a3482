/// What Python hands to forward of a recurrent cell: lists of states and weights by what they are.
#pragma once
#include "recurra/cells/cell.hpp"

#include "arrays.hpp"

namespace recurra::bindings {

/// A tuple or list of exactly `count`, as a tuple: held, as another thread may change a list.
inline py::tuple items_of(py::handle object, const char* name, size_t count, const char* cell,
                          const char* what = "arrays") {
  if (!PyTuple_Check(object.ptr()) && !PyList_Check(object.ptr()))
    throw py::type_error(std::string(name) + " must be a tuple or list, got " + type_text(object));
  auto items = py::reinterpret_steal<py::tuple>(PySequence_Tuple(object.ptr()));
  if (!items) throw py::error_already_set();
  if (items.size() != count)
    throw py::value_error(std::string(name) + " must hold " + std::to_string(count) + " " + what + " for the cell " +
                          cell + ", got " + std::to_string(items.size()));
  return items;
}

/// The states or their gradients of a cell with one or two; without arguments none of them.
struct States {
  py::tuple items;
  py::handle h = py::none(), c = py::none();
  States() = default;
  States(py::handle object, const char* name, const CellDeclaration& cell)
      : items(items_of(object, name, size_t(cell.states()), cell.name)), h(PyTuple_GET_ITEM(items.ptr(), 0)) {
    if (items.size() > 1) c = PyTuple_GET_ITEM(items.ptr(), 1);
  }
};

/// A cell's weights: kernel, recurrent kernel, bias, projection kernel, unit parameters, of which it has those that it
/// declares. Bias may be None.
struct Weights {
  py::tuple items;
  py::handle kernel, recurrent_kernel = py::none(), bias = py::none(), projection_kernel = py::none(),
                     unit_parameters = py::none();
  Weights(py::handle object, const CellDeclaration& cell, const char* name = "weights", const char* what = "arrays")
      : items(items_of(object, name, count(cell), cell.name, what)), kernel(PyTuple_GET_ITEM(items.ptr(), 0)) {
    Size at = 1;
    if (cell.has_recurrent_kernel()) recurrent_kernel = PyTuple_GET_ITEM(items.ptr(), at++);
    if (cell.biases > 0) bias = PyTuple_GET_ITEM(items.ptr(), at++);
    if (cell.projects) projection_kernel = PyTuple_GET_ITEM(items.ptr(), at++);
    if (cell.unit_parameters > 0) unit_parameters = PyTuple_GET_ITEM(items.ptr(), at);
  }
  static size_t count(const CellDeclaration& cell) {
    return size_t(1 + cell.has_recurrent_kernel() + (cell.biases > 0) + cell.projects + (cell.unit_parameters > 0));
  }
};

/// Which of a cell's weights get their gradients: those that are True in the order of the weights, or all for None.
struct NeededWeights {
  bool kernel = true, recurrent_kernel, bias, projection_kernel, unit_parameters;
  NeededWeights(py::handle object, const CellDeclaration& cell)
      : recurrent_kernel(cell.has_recurrent_kernel()),
        bias(cell.biases > 0),
        projection_kernel(cell.projects),
        unit_parameters(cell.unit_parameters > 0) {
    if (object.is_none()) return;
    const Weights given(object, cell, "need_dweights", "bools");
    const auto read = [](bool& needed, py::handle item) { needed = needed && to_bool(item, "need_dweights"); };
    read(kernel, given.kernel);
    read(recurrent_kernel, given.recurrent_kernel);
    read(bias, given.bias);
    read(projection_kernel, given.projection_kernel);
    read(unit_parameters, given.unit_parameters);
  }
};

/// The arguments of forward, unchecked.
struct Arguments {
  py::handle x;
  States states;
  Weights weights;
  py::handle mask, input_dropout, recurrent_dropout, embeddings, activation, recurrent_activation, reverse,
      return_sequences, zero_output_for_mask, training, packed_weights, out, zoneout;
  RowOrder order = RowOrder::batch_major;
  py::handle lengths = py::none(), rows = py::none();  // of listed rows
};

}  // namespace recurra::bindings
