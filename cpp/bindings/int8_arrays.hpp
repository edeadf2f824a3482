/// Weight matrices from Python: an array, or 8-bit integers with a scale for each column, (values, scales).
#pragma once
#include "recurra/linalg/int8_matrix.hpp"
#include "recurra/sequence/call.hpp"

#include "arrays.hpp"

namespace recurra::bindings {

/// Whether an argument is a pair, for 8-bit weights.
inline bool is_int8_matrix(py::handle object) { return PyTuple_Check(object.ptr()) || PyList_Check(object.ptr()); }

/// One of the two, held for the length of a call.
template <class T>
struct MatrixView {
  View<const T> plain, scales;
  View<const std::int8_t> values;

  bool quantized() const { return static_cast<bool>(values); }
  Size shape(Size axis) const { return quantized() ? values.shape(axis) : plain.shape(axis); }
  Int8Weights<T> int8() const { return {values.data(), scales.data()}; }
  const py::array& array() const { return quantized() ? values.array() : plain.array(); }
  void check(const char* name, Dim rows, Dim columns) const { check_shape(array(), name, {rows, columns}); }
  void check_apart_from(const py::array& written, const char* written_name, const char* name) const {
    if (quantized() || plain) check_apart(written, written_name, array(), name);
    if (quantized()) check_apart(written, written_name, scales.array(), name);
  }
};

/// 8-bit weights of `rows` rows, `scales` of them: one for each row, or for each column.
template <class T>
MatrixView<T> int8_matrix(py::handle object, const char* name, Dim rows, Dim columns, bool by_row = false) {
  auto items = py::reinterpret_steal<py::tuple>(PySequence_Tuple(object.ptr()));
  if (!items) throw py::error_already_set();
  if (items.size() != 2)
    throw py::value_error(std::string(name) + " must be an array, or (values, scales) of 8-bit weights, got " +
                          std::to_string(items.size()) + " items");
  MatrixView<T> view;
  const std::string at = std::string(name) + "[0]", scales = std::string(name) + "[1]";
  view.values = input<std::int8_t>(items[0], at.c_str(), {rows, columns});
  const Dim& scaled = by_row ? rows : columns;
  view.scales = input<T>(items[1], scales.c_str(), {{scaled.letters, view.values.shape(by_row ? 0 : 1)}});
  if (!by_row && view.values.shape(0) > max_int8_depth)
    throw py::value_error(at + " must have at most " + std::to_string(max_int8_depth) + " rows, got " +
                          std::to_string(view.values.shape(0)));
  return view;
}

/// A weight matrix of either kind.
template <class T>
MatrixView<T> matrix(py::handle object, const char* name, Dim rows, Dim columns) {
  if (is_int8_matrix(object)) return int8_matrix<T>(object, name, rows, columns);
  MatrixView<T> view;
  view.plain = input<T>(object, name, {rows, columns});
  return view;
}

}  // namespace recurra::bindings
