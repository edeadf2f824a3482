/// Every check of scalars from Python: types and ranges. Errors name the argument, what was expected and what came.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include <pybind11/pybind11.h>

namespace recurra::bindings {

namespace py = pybind11;
using Size = py::ssize_t;

inline std::string type_text(py::handle object) {
  return object.is_none() ? "None" : std::string(Py_TYPE(object.ptr())->tp_name);
}

inline bool to_bool(py::handle object, const char* name) {
  if (object.ptr() == Py_True) return true;
  if (object.ptr() == Py_False) return false;
  // numpy's bool is the only other thing taken; its type is called numpy.bool or, in older versions, numpy.bool_.
  const std::string type = type_text(object);
  if (type == "numpy.bool" || type == "numpy.bool_") return PyObject_IsTrue(object.ptr()) == 1;
  throw py::type_error(std::string(name) + " must be True or False, got " + type);
}

inline double to_double(py::handle object, const char* name) {
  const double value = PyFloat_AsDouble(object.ptr());
  if (value == -1.0 && PyErr_Occurred()) {
    PyErr_Clear();
    throw py::type_error(std::string(name) + " must be a number, got " + type_text(object));
  }
  return value;
}

/// A number that is neither infinite nor NaN and lies in [low, high].
inline double to_double_in(py::handle object, const char* name, double low, double high) {
  const double value = to_double(object, name);
  if (std::isfinite(value) && value >= low && value <= high) return value;
  std::string text = std::string(name) + " must be a finite number";
  if (std::isfinite(low)) text += " >= " + std::string(py::str(py::float_(low)));
  if (std::isfinite(low) && std::isfinite(high)) text += " and";
  if (std::isfinite(high)) text += " <= " + std::string(py::str(py::float_(high)));
  throw py::value_error(text + ", got " + std::string(py::str(object)));
}

inline py::int_ to_int(py::handle object, const char* name) {
  PyObject* index = py::isinstance<py::bool_>(object) ? nullptr : PyNumber_Index(object.ptr());
  if (!index) {
    PyErr_Clear();
    throw py::type_error(std::string(name) + " must be an integer, got " + type_text(object));
  }
  return py::reinterpret_steal<py::int_>(index);
}

/// An integer in [low, high].
inline std::int64_t to_int_in(py::handle object, const char* name, std::int64_t low, std::int64_t high) {
  const py::int_ number = to_int(object, name);
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
  if (overflow == 0 && value >= low && value <= high) return value;
  throw py::value_error(std::string(name) + " must be an integer in [" + std::to_string(low) + ", " +
                        std::to_string(high) + "], got " + std::string(py::str(number)));
}

/// A seed or stream number: an integer in [0, 2**64).
inline std::uint64_t to_uint64(py::handle object, const char* name) {
  const py::int_ number = to_int(object, name);
  const unsigned long long value = PyLong_AsUnsignedLongLong(number.ptr());
  if (PyErr_Occurred()) {
    PyErr_Clear();
    throw py::value_error(std::string(name) + " must be an integer in [0, 2**64), got " + std::string(py::str(number)));
  }
  return value;
}

inline std::string to_string(py::handle object, const char* name) {
  if (!py::isinstance<py::str>(object))
    throw py::type_error(std::string(name) + " must be a string, got " + type_text(object));
  return py::cast<std::string>(object);
}

}  // namespace recurra::bindings
