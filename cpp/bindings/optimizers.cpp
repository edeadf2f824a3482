// grad_norm, sgd_update, rmsprop_update, adam_update and the updates of rows.
#include "recurra/nn/optimizers.hpp"

#include <algorithm>
#include <optional>

#include "arrays.hpp"
#include "recurra/nn/grad_norm.hpp"
#include "recurra/nn/sparse_optimizers.hpp"
#include "register.hpp"

namespace recurra::bindings {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

double finite(py::handle object, const char* name) { return to_double_in(object, name, -inf, inf); }
double not_negative(py::handle object, const char* name) { return to_double_in(object, name, 0, inf); }
double decay_rate(py::handle object, const char* name) {
  const double value = to_double(object, name);
  if (value >= 0 && value < 1) return value;
  throw py::value_error(std::string(name) + " must be in [0, 1), got " + std::string(py::str(object)));
}

std::string item_name(const char* list, Size k) { return std::string(list) + "[" + std::to_string(k) + "]"; }

/// A list or tuple of `length` items (any length when that is `any`).
py::sequence items(py::handle object, const char* name, Size length = any) {
  if (!PyList_Check(object.ptr()) && !PyTuple_Check(object.ptr()))
    throw py::type_error(std::string(name) + " must be a list, got " + type_text(object));
  auto sequence = py::reinterpret_borrow<py::sequence>(object);
  if (length != any && static_cast<Size>(sequence.size()) != length)
    throw py::value_error(std::string(name) + " must have one entry for each of the " + std::to_string(length) +
                          " params, got " + std::to_string(sequence.size()));
  return sequence;
}

/// Memory that a call writes must not be read or written under another name in the same call.
class Overlaps {
 public:
  template <class T>
  void note(const View<T>& view, std::string name) {
    if (view.size() == 0) return;
    const auto first = reinterpret_cast<std::uintptr_t>(view.data());
    ranges_.push_back(
        {first, first + static_cast<std::uintptr_t>(view.size()) * sizeof(T), !std::is_const_v<T>, std::move(name)});
  }
  void check() {
    std::sort(ranges_.begin(), ranges_.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
    const Range* reaching = nullptr;  // of the ranges so far, the one that ends last; likewise among written ones
    const Range* written = nullptr;
    for (const Range& range : ranges_) {
      const Range* other = range.written ? reaching : written;
      if (other && other->last > range.first)
        throw py::value_error(range.name + " must not share memory with " + other->name + ": it is updated in place");
      if (!reaching || range.last > reaching->last) reaching = &range;
      if (range.written && (!written || range.last > written->last)) written = &range;
    }
  }

 private:
  struct Range {
    std::uintptr_t first, last;
    bool written;
    std::string name;
  };
  std::vector<Range> ranges_;
};

/// The lists of one call: params and grads always, the optimizer's own where they are not None.
template <class T>
class Lists {
 public:
  Lists(py::handle params_in, py::handle grads_in, py::handle scale_in) {
    const auto params = items(params_in, "params");
    n_ = static_cast<Size>(params.size());
    const auto grads = items(grads_in, "grads", n_);
    const auto scale = items(scale_in, "scale", n_);
    parameters_.resize(static_cast<std::size_t>(n_));
    for (Size k = 0; k < n_; ++k) {
      auto& parameter = parameters_[static_cast<std::size_t>(k)];
      const std::string name = item_name("params", k), grad_name = item_name("grads", k);
      params_.push_back(inout<T>(params[k], name.c_str()));
      grads_.push_back(input_like<T>(grads[k], grad_name.c_str(), params_.back().array(), name.c_str()));
      parameter.w = params_.back().data();
      parameter.dw = grads_.back().data();
      parameter.size = params_.back().size();
      parameter.scale = static_cast<T>(to_double(scale[k], "scale"));
      overlaps_.note(params_.back(), name);
      overlaps_.note(grads_.back(), grad_name);
    }
  }

  /// Read the list `name` into `slot` of each parameter.
  void state(py::handle list_in, const char* list_name, T* Parameter<T>::* slot, bool may_be_none = false) {
    if (may_be_none && list_in.is_none()) return;
    const auto list = items(list_in, list_name, n_);
    for (Size k = 0; k < n_; ++k) {
      const std::string name = item_name(list_name, k), other = item_name("params", k);
      const auto at = static_cast<std::size_t>(k);
      states_.push_back(inout_like<T>(list[k], name.c_str(), params_[at].array(), other.c_str()));
      parameters_[at].*slot = states_.back().data();
      overlaps_.note(states_.back(), name);
    }
  }

  const std::vector<Parameter<T>>& checked() {
    overlaps_.check();
    return parameters_;
  }

 private:
  Size n_ = 0;
  std::vector<Parameter<T>> parameters_;
  std::vector<View<T>> params_, states_;
  std::vector<View<const T>> grads_;
  Overlaps overlaps_;
};

/// The dtype of a list's first array; an empty list has nothing to do in any.
Float list_dtype(py::handle list, const char* name) {
  const auto sequence = items(list, name);
  return sequence.size() == 0 ? Float::f32 : float_dtype(sequence[0], item_name(name, 0).c_str());
}

double grad_norm(py::handle grads_in) {
  return dispatch(list_dtype(grads_in, "grads"), [&](auto zero) -> double {
    using T = decltype(zero);
    const auto grads = items(grads_in, "grads");
    std::vector<View<const T>> views;
    std::vector<Numbers<T>> arrays;
    for (Size k = 0; k < static_cast<Size>(grads.size()); ++k) {
      views.push_back(input<T>(grads[k], item_name("grads", k).c_str()));
      arrays.push_back({views.back().data(), views.back().size()});
    }
    py::gil_scoped_release release;
    return recurra::grad_norm(arrays);
  });
}

void sgd_update(py::handle params, py::handle grads, py::handle moments, py::handle lr, py::handle momentum,
                py::handle nesterov, py::handle weight_decay, py::handle scale, py::handle clip) {
  const SgdRule rule{finite(lr, "lr"), finite(momentum, "momentum"), to_bool(nesterov, "nesterov"),
                     finite(weight_decay, "weight_decay"), not_negative(clip, "clip")};
  dispatch(list_dtype(params, "params"), [&](auto zero) {
    using T = decltype(zero);
    Lists<T> lists(params, grads, scale);
    lists.state(moments, "moments", &Parameter<T>::m, true);
    const auto& parameters = lists.checked();
    py::gil_scoped_release release;
    recurra::sgd_update(parameters, rule);
  });
}

void rmsprop_update(py::handle params, py::handle grads, py::handle v, py::handle moments, py::handle means,
                    py::handle lr, py::handle rho, py::handle momentum, py::handle epsilon, py::handle weight_decay,
                    py::handle scale, py::handle clip) {
  const RmspropRule rule{finite(lr, "lr"),
                         to_double_in(rho, "rho", 0, 1),
                         finite(momentum, "momentum"),
                         not_negative(epsilon, "epsilon"),
                         finite(weight_decay, "weight_decay"),
                         not_negative(clip, "clip")};
  dispatch(list_dtype(params, "params"), [&](auto zero) {
    using T = decltype(zero);
    Lists<T> lists(params, grads, scale);
    lists.state(v, "v", &Parameter<T>::v);
    lists.state(moments, "moments", &Parameter<T>::m, true);
    lists.state(means, "means", &Parameter<T>::extra, true);
    const auto& parameters = lists.checked();
    py::gil_scoped_release release;
    recurra::rmsprop_update(parameters, rule);
  });
}

AdamRule adam_rule(py::handle lr, py::handle beta1, py::handle beta2, py::handle epsilon, py::handle step,
                   py::handle weight_decay, py::handle clip) {
  return {finite(lr, "lr"),
          decay_rate(beta1, "beta1"),
          decay_rate(beta2, "beta2"),
          not_negative(epsilon, "epsilon"),
          to_int_in(step, "step", 1, std::numeric_limits<std::int64_t>::max()),
          finite(weight_decay, "weight_decay"),
          not_negative(clip, "clip")};
}

void adam_update(py::handle params, py::handle grads, py::handle m, py::handle v, py::handle vmax, py::handle lr,
                 py::handle beta1, py::handle beta2, py::handle epsilon, py::handle step, py::handle weight_decay,
                 py::handle scale, py::handle clip) {
  const AdamRule rule = adam_rule(lr, beta1, beta2, epsilon, step, weight_decay, clip);
  dispatch(list_dtype(params, "params"), [&](auto zero) {
    using T = decltype(zero);
    Lists<T> lists(params, grads, scale);
    lists.state(m, "m", &Parameter<T>::m);
    lists.state(v, "v", &Parameter<T>::v);
    lists.state(vmax, "vmax", &Parameter<T>::extra, true);
    const auto& parameters = lists.checked();
    py::gil_scoped_release release;
    recurra::adam_update(parameters, rule);
  });
}

/// param (V, I) with the gradient of some of its rows.
template <class T>
struct Table {
  View<T> param;
  View<const std::int32_t> ids;
  View<const T> rows;
  RowGradient<T> gradient;
  Overlaps overlaps;

  Table(py::handle param_in, py::handle ids_in, py::handle rows_in, py::handle scale)
      : param(inout<T>(param_in, "param", {{"V"}, {"I"}})),
        ids(input<std::int32_t>(ids_in, "ids", {{"U"}})),
        rows(input<T>(rows_in, "rows", {{"U", ids.shape(0)}, {"I", param.shape(1)}})),
        gradient{ids.data(), rows.data(), ids.shape(0), param.shape(1), static_cast<T>(to_double(scale, "scale"))} {
    check_ids(ids.data(), ids.size(), param.shape(0), "ids");
    for (Size u = 1; u < ids.size(); ++u)
      if (ids.data()[u] <= ids.data()[u - 1])
        throw py::value_error("ids must be ascending and distinct, got " + std::to_string(ids.data()[u - 1]) +
                              " before " + std::to_string(ids.data()[u]));
    overlaps.note(param, "param");
    overlaps.note(rows, "rows");
    overlaps.note(ids, "ids");
  }

  View<T> state(py::handle object, const char* name) {
    auto view = inout<T>(object, name, {{"V", param.shape(0)}, {"I", param.shape(1)}});
    overlaps.note(view, name);
    return view;
  }
};

void sgd_update_rows(py::handle param, py::handle ids, py::handle rows, py::handle lr_in, py::handle scale,
                     py::handle clip_in) {
  const double lr = finite(lr_in, "lr"), clip = not_negative(clip_in, "clip");
  dispatch(float_dtype(param, "param"), [&](auto zero) {
    Table<decltype(zero)> table(param, ids, rows, scale);
    table.overlaps.check();
    py::gil_scoped_release release;
    recurra::sgd_update_rows(table.param.data(), table.gradient, lr, clip);
  });
}

void rmsprop_update_rows(py::handle param, py::handle ids, py::handle rows, py::handle v_in, py::handle last_step_in,
                         py::handle step_in, py::handle lr_in, py::handle rho_in, py::handle epsilon_in,
                         py::handle scale, py::handle clip_in) {
  const auto step = to_int_in(step_in, "step", 1, std::numeric_limits<std::int64_t>::max());
  const double lr = finite(lr_in, "lr"), rho = to_double_in(rho_in, "rho", 0, 1);
  const double epsilon = not_negative(epsilon_in, "epsilon"), clip = not_negative(clip_in, "clip");
  dispatch(float_dtype(param, "param"), [&](auto zero) {
    Table<decltype(zero)> table(param, ids, rows, scale);
    const auto v = table.state(v_in, "v");
    const auto last_step = inout<std::int64_t>(last_step_in, "last_step", {{"V", table.param.shape(0)}});
    table.overlaps.note(last_step, "last_step");
    table.overlaps.check();
    for (Size u = 0; u < table.ids.size(); ++u) {
      const std::int64_t last = last_step.data()[table.ids.data()[u]];
      if (last < 0 || last >= step)
        throw py::value_error("last_step must be in [0, step) = [0, " + std::to_string(step) + "), got " +
                              std::to_string(last) + " for row " + std::to_string(table.ids.data()[u]));
    }
    py::gil_scoped_release release;
    recurra::rmsprop_update_rows(table.param.data(), table.gradient, v.data(), last_step.data(), step, lr, rho, epsilon,
                                 clip);
  });
}

void adam_update_rows(py::handle param, py::handle ids, py::handle rows, py::handle m_in, py::handle v_in,
                      py::handle vmax_in, py::handle lr, py::handle beta1, py::handle beta2, py::handle epsilon,
                      py::handle step, py::handle weight_decay, py::handle scale, py::handle clip) {
  const AdamRule rule = adam_rule(lr, beta1, beta2, epsilon, step, weight_decay, clip);
  dispatch(float_dtype(param, "param"), [&](auto zero) {
    using T = decltype(zero);
    Table<T> table(param, ids, rows, scale);
    const auto m = table.state(m_in, "m"), v = table.state(v_in, "v");
    std::optional<View<T>> vmax;
    if (!vmax_in.is_none()) vmax = table.state(vmax_in, "vmax");
    table.overlaps.check();
    py::gil_scoped_release release;
    recurra::adam_update_rows(table.param.data(), table.param.shape(0), table.gradient, m.data(), v.data(),
                              vmax ? vmax->data() : nullptr, rule);
  });
}

void adagrad_update_rows(py::handle param, py::handle ids, py::handle rows, py::handle acc_in, py::handle lr_in,
                         py::handle epsilon_in, py::handle scale, py::handle clip_in) {
  const double lr = finite(lr_in, "lr"), epsilon = not_negative(epsilon_in, "epsilon");
  const double clip = not_negative(clip_in, "clip");
  dispatch(float_dtype(param, "param"), [&](auto zero) {
    Table<decltype(zero)> table(param, ids, rows, scale);
    const auto acc = table.state(acc_in, "acc");
    table.overlaps.check();
    py::gil_scoped_release release;
    recurra::adagrad_update_rows(table.param.data(), table.gradient, acc.data(), lr, epsilon, clip);
  });
}

}  // namespace

void register_optimizers(py::module_& m) {
  using py::arg;
  m.def("grad_norm", &grad_norm, arg("grads"));
  m.def("sgd_update", &sgd_update, arg("params"), arg("grads"), arg("moments"), arg("lr"), arg("momentum"),
        arg("nesterov"), arg("weight_decay"), arg("scale"), arg("clip"));
  m.def("rmsprop_update", &rmsprop_update, arg("params"), arg("grads"), arg("v"), arg("moments"), arg("means"),
        arg("lr"), arg("rho"), arg("momentum"), arg("epsilon"), arg("weight_decay"), arg("scale"), arg("clip"));
  m.def("adam_update", &adam_update, arg("params"), arg("grads"), arg("m"), arg("v"), arg("vmax"), arg("lr"),
        arg("beta1"), arg("beta2"), arg("epsilon"), arg("step"), arg("weight_decay"), arg("scale"), arg("clip"));
  m.def("sgd_update_rows", &sgd_update_rows, arg("param"), arg("ids"), arg("rows"), arg("lr"), arg("scale"),
        arg("clip"));
  m.def("rmsprop_update_rows", &rmsprop_update_rows, arg("param"), arg("ids"), arg("rows"), arg("v"), arg("last_step"),
        arg("step"), arg("lr"), arg("rho"), arg("epsilon"), arg("scale"), arg("clip"));
  m.def("adam_update_rows", &adam_update_rows, arg("param"), arg("ids"), arg("rows"), arg("m"), arg("v"), arg("vmax"),
        arg("lr"), arg("beta1"), arg("beta2"), arg("epsilon"), arg("step"), arg("weight_decay"), arg("scale"),
        arg("clip"));
  m.def("adagrad_update_rows", &adagrad_update_rows, arg("param"), arg("ids"), arg("rows"), arg("acc"), arg("lr"),
        arg("epsilon"), arg("scale"), arg("clip"));
}

}  // namespace recurra::bindings
