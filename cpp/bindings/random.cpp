// random_uniform, random_normal, dropout_mask, sample.
#include "recurra/nn/random.hpp"

#include "arrays.hpp"
#include "recurra/nn/sampling.hpp"
#include "register.hpp"

namespace recurra::bindings {
namespace {

constexpr std::int64_t counter_limit = 0xFFFFFFFF;  // rows and column blocks are 32-bit words of the counter

struct Plan {
  RandomKey key;
  Size rows, cols;

  Plan(py::handle seed, py::handle stream, py::handle rows_in, py::handle cols_in)
      : key{to_uint64(seed, "seed"), to_uint64(stream, "stream")},
        rows(static_cast<Size>(to_int_in(rows_in, "rows", 0, counter_limit))),
        cols(static_cast<Size>(to_int_in(cols_in, "cols", 0, counter_limit))) {}
};

/// A new (rows, cols) array of the named dtype, filled by fill(T* out) without the GIL.
template <class Fill>
py::array filled(const Plan& plan, py::handle dtype, Fill fill) {
  return dispatch(float_dtype_named(dtype, "dtype"), [&](auto zero) -> py::array {
    const auto out = output<decltype(zero)>({plan.rows, plan.cols});
    {
      py::gil_scoped_release release;
      fill(out.data());
    }
    return out.array();
  });
}

py::array random_uniform(py::handle seed, py::handle stream, py::handle rows, py::handle cols, py::handle dtype) {
  const Plan plan(seed, stream, rows, cols);
  return filled(plan, dtype, [&](auto* out) { recurra::random_uniform(plan.key, plan.rows, plan.cols, out); });
}

py::array random_normal(py::handle seed, py::handle stream, py::handle rows, py::handle cols, py::handle dtype) {
  const Plan plan(seed, stream, rows, cols);
  return filled(plan, dtype, [&](auto* out) { recurra::random_normal(plan.key, plan.rows, plan.cols, out); });
}

py::array dropout_mask(py::handle seed, py::handle stream, py::handle rows, py::handle cols, py::handle rate_in,
                       py::handle dtype) {
  const Plan plan(seed, stream, rows, cols);
  const double rate = to_double(rate_in, "rate");
  if (!(rate >= 0 && rate < 1)) throw py::value_error("rate must be in [0, 1), got " + std::string(py::str(rate_in)));
  return filled(plan, dtype, [&](auto* out) { recurra::dropout_mask(plan.key, plan.rows, plan.cols, rate, out); });
}

py::array sample(py::handle logits_in, py::handle temperature, py::handle top_k, py::handle seed, py::handle step) {
  return dispatch(float_dtype(logits_in, "logits"), [&](auto zero) -> py::array {
    using T = decltype(zero);
    const auto logits = input<T>(logits_in, "logits", {{"B"}, {"V"}});
    const Size B = logits.shape(0), V = logits.shape(1);
    if (V < 1) throw py::value_error("logits must have shape (B, V) with V >= 1, got " + shape_text(logits.array()));
    if (V > Size{0x7FFFFFFF} || B > Size{counter_limit})
      throw py::value_error("logits must have fewer than 2**31 columns and 2**32 rows, got " +
                            shape_text(logits.array()));
    SamplingRule rule;
    rule.temperature = to_double_in(temperature, "temperature", 0, std::numeric_limits<double>::infinity());
    rule.top_k = static_cast<Index>(to_int_in(top_k, "top_k", 0, std::numeric_limits<std::int64_t>::max()));
    rule.seed = to_uint64(seed, "seed");
    rule.step = to_uint64(step, "step");
    const auto ids = output<std::int32_t>({B});
    Size bad = -1;
    {
      py::gil_scoped_release release;
      for (Size b = 0; b < B && bad < 0; ++b)
        if (!can_be_sampled(logits.data() + b * V, V)) bad = b;
      if (bad < 0) recurra::sample(logits.data(), B, V, rule, ids.data());
    }
    if (bad >= 0)
      throw py::value_error("logits must hold no NaN or +inf and at least one finite number a row, got such a row at " +
                            std::to_string(bad));
    return ids.array();
  });
}

}  // namespace

void register_random(py::module_& m) {
  using py::arg;
  m.def("random_uniform", &random_uniform, arg("seed"), arg("stream"), arg("rows"), arg("cols"), arg("dtype"));
  m.def("random_normal", &random_normal, arg("seed"), arg("stream"), arg("rows"), arg("cols"), arg("dtype"));
  m.def("dropout_mask", &dropout_mask, arg("seed"), arg("stream"), arg("rows"), arg("cols"), arg("rate"), arg("dtype"));
  m.def("sample", &sample, arg("logits"), arg("temperature"), arg("top_k"), arg("seed"), arg("step"));
}

}  // namespace recurra::bindings
