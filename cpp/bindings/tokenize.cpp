// tokenize_count, tokenize_encode.
#include "recurra/nn/tokenize.hpp"

#include "arrays.hpp"
#include "register.hpp"

namespace recurra::bindings {
namespace {

/// A list of str as UTF-8, held for the length of a call. Lone surrogates pass.
class Strings {
 public:
  Strings(py::handle object, const char* name) {
    if (!py::isinstance<py::list>(object))
      throw py::type_error(std::string(name) + " must be a list of strings, got " + type_text(object));
    const py::list list = py::reinterpret_borrow<py::list>(object);
    held_.reserve(list.size());
    views_.reserve(list.size());
    for (const py::handle item : list) {
      if (!py::isinstance<py::str>(item))
        throw py::type_error(std::string(name) + " must be a list of strings, got an element of type " +
                             type_text(item));
      Size size = 0;
      const char* bytes = PyUnicode_AsUTF8AndSize(item.ptr(), &size);
      if (bytes) {
        held_.push_back(py::reinterpret_borrow<py::object>(item));
      } else {
        PyErr_Clear();
        PyObject* encoded = PyUnicode_AsEncodedString(item.ptr(), "utf-8", "surrogatepass");
        if (!encoded) throw py::error_already_set();
        held_.push_back(py::reinterpret_steal<py::object>(encoded));
        bytes = PyBytes_AS_STRING(encoded);
        size = PyBytes_GET_SIZE(encoded);
      }
      views_.emplace_back(bytes, static_cast<size_t>(size));
    }
  }

  const std::vector<std::string_view>& views() const { return views_; }

 private:
  std::vector<py::object> held_;
  std::vector<std::string_view> views_;
};

std::string separator_characters(py::handle object) {
  const std::string characters = to_string(object, "separators");
  for (const char c : characters)
    if (static_cast<unsigned char>(c) >= 128) throw py::value_error("separators must be ASCII characters");
  return characters;
}

py::tuple tokenize_count(py::handle texts_in, py::handle separators_in) {
  const Strings texts(texts_in, "texts");
  const Separators separators(separator_characters(separators_in));
  WordCounts counts;
  {
    py::gil_scoped_release release;
    for (const std::string_view text : texts.views()) counts.add(text, separators);
  }
  const auto n = static_cast<Size>(counts.words().size());
  py::list words(n);
  const auto times = output<std::int64_t>({n});
  const auto documents = output<std::int64_t>({n});
  for (Size k = 0; k < n; ++k) {
    const std::string_view word = counts.words()[static_cast<size_t>(k)];
    PyObject* decoded = PyUnicode_DecodeUTF8(word.data(), static_cast<Size>(word.size()), "surrogatepass");
    if (!decoded) throw py::error_already_set();
    PyList_SET_ITEM(words.ptr(), k, decoded);
    times.data()[k] = counts.times(k);
    documents.data()[k] = counts.texts(k);
  }
  return py::make_tuple(words, times.array(), documents.array());
}

py::tuple tokenize_encode(py::handle texts_in, py::handle separators_in, py::handle words_in, py::handle ids_in,
                          py::handle unknown_in) {
  const Strings texts(texts_in, "texts");
  const Separators separators(separator_characters(separators_in));
  const Strings words(words_in, "words");
  const auto ids = input<std::int32_t>(ids_in, "ids", {{"W", static_cast<Size>(words.views().size())}});
  const auto unknown = static_cast<std::int32_t>(to_int_in(unknown_in, "unknown", -1, 2147483647));
  const auto ends = output<std::int64_t>({static_cast<Size>(texts.views().size())});
  std::vector<std::int32_t> encoded;
  bool distinct = true;
  {
    py::gil_scoped_release release;
    WordNumbers numbers(words.views().size());
    for (const std::string_view word : words.views()) numbers.add(word);
    distinct = numbers.count() == static_cast<Index>(words.views().size());
    size_t bytes = 0;
    for (const std::string_view text : texts.views()) bytes += text.size();
    encoded.reserve(bytes / 5);
    for (size_t i = 0; distinct && i < texts.views().size(); ++i) {
      encode_words(texts.views()[i], separators, numbers, ids.data(), unknown, encoded);
      ends.data()[i] = static_cast<std::int64_t>(encoded.size());
    }
  }
  if (!distinct) throw py::value_error("words must be distinct");
  const auto flat = output<std::int32_t>({static_cast<Size>(encoded.size())});
  std::copy(encoded.begin(), encoded.end(), flat.data());
  return py::make_tuple(flat.array(), ends.array());
}

}  // namespace

void register_tokenize(py::module_& m) {
  m.def("tokenize_count", &tokenize_count, py::arg("texts"), py::arg("separators"));
  m.def("tokenize_encode", &tokenize_encode, py::arg("texts"), py::arg("separators"), py::arg("words"), py::arg("ids"),
        py::arg("unknown"));
}

}  // namespace recurra::bindings
