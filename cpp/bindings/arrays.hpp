/// Every check of arrays from Python: dtypes, ranks, shapes, ids. Kernels get valid raw pointers. (Scalars:
/// values.hpp.)
///
///     auto T_ = float_dtype(x, "x");                                  // Float::f32 or Float::f64, else TypeError
///     return dispatch(T_, [&](auto zero) -> py::object {
///         using T = decltype(zero);
///         auto a = input<T>(x, "x", {{"B"}, {"T"}, {"I"}});           // any size; a.shape(0) is B
///         auto w = input<T>(kernel, "kernel", {{"I", a.shape(2)}, {"4*H"}});
///         auto b = optional_input<T>(bias, "bias", {{"4*H", w.shape(1)}});   // b.data() is nullptr for None
///         auto y = output<T>({a.shape(0), a.shape(1), H});            // a new array, not initialised
///         { py::gil_scoped_release release; kernel_call(a.data(), ..., y.data()); }
///         return y.array();
///     });
///
/// Wrong dtype or type: TypeError. Wrong rank, shape or value: ValueError. The text names the argument, what was
/// expected in letters and numbers, and what came. Inputs that are not C-contiguous or not aligned are copied; arrays
/// that a kernel writes into (`inout`, `given_output`) are never copied, so there the same is an error.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include "recurra/support/workspace.hpp"
#include "values.hpp"

namespace recurra::bindings {

constexpr Size any = -1;

/// One axis of an expected shape: what the documentation calls it, and its size where that is known.
struct Dim {
  const char* letters;
  Size size = any;
};
using Dims = std::initializer_list<Dim>;

enum class Float { f32, f64 };

// --- texts for errors ------------------------------------------------------------------------------------------------

inline std::string tuple_text(const std::vector<std::string>& parts) {
  std::string text = "(";
  for (std::size_t i = 0; i < parts.size(); ++i) text += (i ? ", " : "") + parts[i];
  return text + (parts.size() == 1 ? ",)" : ")");
}

inline std::string shape_text(const py::array& array) {
  std::vector<std::string> parts;
  for (Size i = 0; i < array.ndim(); ++i) parts.push_back(std::to_string(array.shape(i)));
  return tuple_text(parts);
}

/// "(H, 4*H) = (8, 32)", or "(B, T, I)" where no size is known.
inline std::string dims_text(Dims dims) {
  std::vector<std::string> letters, sizes;
  bool known = false, differ = false;
  for (const Dim& dim : dims) {
    letters.emplace_back(dim.letters);
    sizes.push_back(dim.size == any ? dim.letters : std::to_string(dim.size));
    known |= dim.size != any;
    differ |= sizes.back() != letters.back();
  }
  return tuple_text(letters) + (known && differ ? " = " + tuple_text(sizes) : "");
}

inline std::string dtype_text(const py::array& array) { return py::str(static_cast<py::handle>(array.dtype())); }

template <class T>
constexpr const char* dtype_name() {
  if constexpr (std::is_same_v<T, float>) return "float32";
  else if constexpr (std::is_same_v<T, double>) return "float64";
  else if constexpr (std::is_same_v<T, bool>) return "bool";
  else if constexpr (std::is_same_v<T, std::int64_t>) return "int64";
  else if constexpr (std::is_same_v<T, std::int8_t>) return "int8";
  else {
    static_assert(std::is_same_v<T, std::int32_t>, "no kernel takes this type");
    return "int32";
  }
}

// --- dtypes and shapes -----------------------------------------------------------------------------------------------

inline py::array as_array(py::handle object, const char* name) {
  if (!py::isinstance<py::array>(object))
    throw py::type_error(std::string(name) + " must be a numpy array, got " + type_text(object));
  return py::reinterpret_borrow<py::array>(object);
}

template <class T>
bool has_dtype(const py::array& array) {
  const py::dtype dtype = array.dtype();
  const char order = dtype.byteorder();
  return dtype.normalized_num() == py::dtype::num_of<T>() && (order == '=' || order == '|');
}

/// The dtype that all float arrays of a call must share, read off its leading array.
inline Float float_dtype(py::handle object, const char* name) {
  const py::array array = as_array(object, name);
  if (has_dtype<float>(array)) return Float::f32;
  if (has_dtype<double>(array)) return Float::f64;
  throw py::type_error(std::string(name) + " must be float32 or float64 in native byte order, got " +
                       dtype_text(array));
}

/// The same from a dtype's name, for functions that make an array.
inline Float float_dtype_named(py::handle object, const char* name) {
  if (!py::isinstance<py::str>(object))
    throw py::type_error(std::string(name) + " must be 'float32' or 'float64', got " + type_text(object));
  const std::string text = py::cast<std::string>(object);
  if (text == "float32") return Float::f32;
  if (text == "float64") return Float::f64;
  throw py::type_error(std::string(name) + " must be 'float32' or 'float64', got '" + text + "'");
}

/// Call `body` with a zero of the scalar type: `dispatch(dtype, [&](auto zero) { using T = decltype(zero); ... })`.
template <class Body>
auto dispatch(Float dtype, Body&& body) {
  return dtype == Float::f32 ? body(float{}) : body(double{});
}

template <class T>
void check_dtype(const py::array& array, const char* name) {
  if (has_dtype<T>(array)) return;
  std::string text = std::string(name) + " must be " + dtype_name<T>();
  if constexpr (std::is_floating_point_v<T>) text += " (the dtype of the call's other arrays)";
  throw py::type_error(text + ", got " + dtype_text(array));
}

inline void check_shape(const py::array& array, const char* name, Dims dims) {
  bool good = array.ndim() == static_cast<Size>(dims.size());
  Size axis = 0;
  for (const Dim& dim : dims) {
    if (!good) break;
    good = dim.size == any || array.shape(axis) == dim.size;
    ++axis;
  }
  if (!good)
    throw py::value_error(std::string(name) + " must have shape " + dims_text(dims) + ", got " + shape_text(array));
}

// --- views -----------------------------------------------------------------------------------------------------------

/// An array held for the length of a call, its memory C-contiguous and aligned. Empty when made from None.
template <class T>
class View {
 public:
  View() = default;
  View(py::array array, T* data) : array_(std::move(array)), data_(data) {}

  T* data() const { return data_; }
  explicit operator bool() const { return static_cast<bool>(array_); }
  Size ndim() const { return array_.ndim(); }
  Size shape(Size axis) const { return array_.shape(axis); }
  Size size() const { return array_.size(); }
  const py::array& array() const { return array_; }

 private:
  py::array array_{py::reinterpret_steal<py::array>(py::handle())};
  T* data_ = nullptr;
};

/// numpy's flags of arrays that kernels can read as they are.
inline constexpr int contiguous_flags = int(py::array::c_style) | int(py::detail::npy_api::NPY_ARRAY_ALIGNED_);

inline bool contiguous(const py::array& array) { return (array.flags() & contiguous_flags) == contiguous_flags; }

namespace detail {
template <class T>
View<const T> readable(py::array array) {
  if (!contiguous(array)) {
    const auto bytes = static_cast<size_t>(array.nbytes());
    array = py::array::ensure(array, contiguous_flags);
    if (!array) throw OutOfMemory(bytes);
  }
  const T* data = static_cast<const T*>(array.data());
  return {std::move(array), data};
}
}  // namespace detail

/// An array of exactly this dtype and shape.
template <class T>
py::array checked_array(py::handle object, const char* name, Dims dims) {
  py::array array = as_array(object, name);
  check_dtype<T>(array, name);
  check_shape(array, name, dims);
  return array;
}

/// An input of exactly this dtype and shape.
template <class T>
View<const T> input(py::handle object, const char* name, Dims dims) {
  return detail::readable<T>(checked_array<T>(object, name, dims));
}

/// An input of this dtype and any shape.
template <class T>
View<const T> input(py::handle object, const char* name) {
  py::array array = as_array(object, name);
  check_dtype<T>(array, name);
  return detail::readable<T>(std::move(array));
}

/// As `input`, or an empty view (whose data() is nullptr) for None.
template <class T>
View<const T> optional_input(py::handle object, const char* name, Dims dims) {
  return object.is_none() ? View<const T>{} : input<T>(object, name, dims);
}

/// Elements from one row of the last axis to the next where the rows follow each other in memory, evenly, in the
/// array's order, and a row's elements lie side by side, as in y[:, :, :H]; else 0. Rows that overlap, repeat
/// (a broadcast axis, stride 0) or run backwards (a negative stride) are no such rows.
inline Size row_step(const py::array& array) {
  const Size item = array.itemsize(), axes = array.ndim(), length = array.shape(axes - 1);
  if (array.size() == 0) return length;
  if (!(array.flags() & py::detail::npy_api::NPY_ARRAY_ALIGNED_)) return 0;
  if (length > 1 && array.strides(axes - 1) != item) return 0;
  Size step = length * item, rows = 1;  // bytes from row to row, rows of the axes seen; axes of size 1 have no stride
  for (Size k = axes - 2; k >= 0; --k) {
    if (array.shape(k) == 1) continue;
    if (rows == 1) step = array.strides(k);
    else if (array.strides(k) != step * rows) return 0;
    rows *= array.shape(k);
  }
  return step % item == 0 && step / item >= length ? step / item : 0;
}

/// An input whose rows of the last axis may lie apart, with the elements from one to the next; copied where they lie
/// unevenly.
template <class T>
std::pair<View<const T>, Size> optional_rows(py::handle object, const char* name, Dims dims) {
  if (object.is_none()) return {};
  py::array array = checked_array<T>(object, name, dims);
  if (const Size step = row_step(array)) {
    const T* data = static_cast<const T*>(array.data());
    return {{std::move(array), data}, step};
  }
  auto view = detail::readable<T>(std::move(array));
  return {view, view.shape(view.ndim() - 1)};
}

/// An input with the shape of another: `dy` for `y`.
template <class T>
View<const T> input_like(py::handle object, const char* name, const py::array& other, const char* other_name) {
  py::array array = as_array(object, name);
  check_dtype<T>(array, name);
  bool same = array.ndim() == other.ndim();
  for (Size i = 0; same && i < array.ndim(); ++i) same = array.shape(i) == other.shape(i);
  if (!same)
    throw py::value_error(std::string(name) + " must have the shape of " + other_name + " = " + shape_text(other) +
                          ", got " + shape_text(array));
  return detail::readable<T>(std::move(array));
}

/// A bool array as bytes; test them against zero (a view cast from other data may hold more than 0 and 1).
inline View<const std::uint8_t> mask_input(py::handle object, const char* name, Dims dims) {
  if (object.is_none()) return {};
  return detail::readable<std::uint8_t>(checked_array<bool>(object, name, dims));
}

/// An array that the kernel changes in place, so it must be writable and contiguous as it is.
template <class T>
View<T> inout(py::handle object, const char* name) {
  py::array array = as_array(object, name);
  check_dtype<T>(array, name);
  if (!array.writeable()) throw py::value_error(std::string(name) + " must be writable: it is updated in place");
  if (!contiguous(array))
    throw py::value_error(std::string(name) + " must be C-contiguous and aligned: it is updated in place");
  T* data = static_cast<T*>(array.mutable_data());
  return {std::move(array), data};
}

template <class T>
View<T> inout(py::handle object, const char* name, Dims dims) {
  View<T> view = inout<T>(object, name);
  check_shape(view.array(), name, dims);
  return view;
}

/// An array for a result, its rows of the last axis evenly apart; and the elements from one to the next.
template <class T>
std::pair<View<T>, Size> given_output(py::handle object, const char* name, Dims dims) {
  py::array array = checked_array<T>(object, name, dims);
  if (!array.writeable()) throw py::value_error(std::string(name) + " must be writable: the result goes there");
  const Size step = row_step(array);
  if (step == 0)
    throw py::value_error(std::string(name) +
                          " must be aligned, the elements of a row side by side and its rows evenly "
                          "apart, as in y[:, :, :H]: the result goes there");
  T* data = static_cast<T*>(array.mutable_data());
  return {{std::move(array), data}, step};
}

/// Raise where an array that is written shares memory, from its first to its last element, with one that is read.
inline void check_apart(const py::array& written, const char* name, const py::array& read, const char* read_name) {
  const auto extent = [](const py::array& array) {
    const char* first = static_cast<const char*>(array.data());
    const char* last = first + array.itemsize();
    for (Size k = 0; k < array.ndim(); ++k) {
      if (array.shape(k) == 0) return std::pair{first, first};
      (array.strides(k) < 0 ? first : last) += array.strides(k) * (array.shape(k) - 1);
    }
    return std::pair{first, last};
  };
  const auto [begin, end] = extent(written);
  const auto [read_begin, read_end] = extent(read);
  if (begin < read_end && read_begin < end)
    throw py::value_error(std::string(name) + " must not share memory with " + read_name);
}

template <class T>
View<T> inout_like(py::handle object, const char* name, const py::array& other, const char* other_name) {
  input_like<T>(object, name, other, other_name);
  return inout<T>(object, name);
}

/// A new array, its content not initialised. Sizes whose product does not fit raise ValueError, not a crash.
template <class T>
View<T> output(std::vector<Size> shape) {
  Size room = std::numeric_limits<Size>::max() / static_cast<Size>(sizeof(T)), count = 1;
  for (const Size size : shape) {
    if (size < 0) throw py::value_error("a result's shape must not be negative");
    if (size > 0) room /= size;
    if (room == 0) throw py::value_error("the result would be larger than any memory");
    count *= size;
  }
  if (count < (Size{1} << 16) / Size(sizeof(T))) {
    py::array_t<T> array(std::move(shape));
    T* data = array.mutable_data();
    poison(data, static_cast<std::size_t>(count) * sizeof(T));
    return {std::move(array), data};
  }
  // Fresh pages cost more than many a kernel: a training step's large results take the memory of the step before.
  auto* buffer = new Buffer<T>(count);
  const py::capsule owner(buffer, [](void* pointer) { delete static_cast<Buffer<T>*>(pointer); });
  py::array_t<T> array(std::move(shape), buffer->data(), owner);
  return {std::move(array), buffer->data()};
}

/// A new array with the shape of another.
template <class T>
View<T> output_like(const py::array& other) {
  return output<T>(std::vector<Size>(other.shape(), other.shape() + other.ndim()));
}

// --- ids -------------------------------------------------------------------------------------------------------------

/// Raise unless all `count` ids are in [0, limit).
inline void check_ids(const std::int32_t* ids, Size count, Size limit, const char* name, const char* letter = "V") {
  const std::uint32_t bound =
      static_cast<std::uint32_t>(limit < 0 ? 0 : (limit > (Size{1} << 31) ? (Size{1} << 31) : limit));
  std::uint32_t worst = 0;  // negative ids are huge as unsigned numbers, so one comparison finds both
  for (Size i = 0; i < count; ++i) {
    const auto id = static_cast<std::uint32_t>(ids[i]);
    worst = id > worst ? id : worst;
  }
  if (count == 0 || worst < bound) return;
  Size at = 0;
  while (static_cast<std::uint32_t>(ids[at]) < bound) ++at;
  throw py::value_error(std::string(name) + " must be in [0, " + letter + ") = [0, " + std::to_string(limit) +
                        "), got " + std::to_string(ids[at]) + " at flat position " + std::to_string(at));
}

}  // namespace recurra::bindings
