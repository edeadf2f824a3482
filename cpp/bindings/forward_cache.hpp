/// Forward and backward of a recurrent cell on numpy arrays, and what Python holds between them.
#pragma once
#include <atomic>
#include <optional>

#include "recurra/nn/embedding.hpp"

#include "activation_name.hpp"
#include "int8_arrays.hpp"
#include "interrupt.hpp"
#include "recurrent_arguments.hpp"
#include "sequence_kernels.hpp"
#include "step_rows.hpp"

namespace recurra::bindings {

inline py::capsule new_packed_weights_cache() {
  return py::capsule(new PackedWeightsCache, "packed_weights",
                     [](void* pointer) { delete static_cast<PackedWeightsCache*>(pointer); });
}
inline PackedWeightsCache* packed_weights_cache(py::handle object) {
  if (object.is_none()) return nullptr;
  if (!PyCapsule_IsValid(object.ptr(), "packed_weights"))
    throw py::type_error("packed_weights must be None or what packed_weights_cache() returned, got " +
                         type_text(object));
  return static_cast<PackedWeightsCache*>(PyCapsule_GetPointer(object.ptr(), "packed_weights"));
}

inline constexpr const char* capsule_name = "recurrent_cache";

/// The cache that Python holds, of any cell and dtype.
class ForwardCache {
 public:
  virtual ~ForwardCache() = default;
  /// need_dweights: one bool for each weight of the cell, or None for all.
  virtual py::tuple backward(py::handle dy, py::handle dstates, bool need_dx, py::handle need_dweights) = 0;
  /// The same of a call of one step, without the weights' gradients but with what they are sums of (step_rows.hpp).
  virtual py::tuple backward_step(py::handle dstates, bool need_dx) = 0;
};

template <class T>
class ForwardCacheOf final : public ForwardCache {
 public:
  explicit ForwardCacheOf(const CellFunctions<T>& cell) : functions_(cell), cell_(cell.declaration) {}

  /// (y, states, cache or None)
  static py::tuple forward(const CellFunctions<T>& cell, const Arguments& in) {
    auto self = std::make_unique<ForwardCacheOf>(cell);
    SequenceCall<T>& call = self->call_;
    self->read(in);
    const auto B = call.B, H = call.H, P = call.P();
    const View<T> y = self->output_of(in);
    PackedWeightsCache* weights = packed_weights_cache(in.packed_weights);
    auto h = output<T>({B, P});
    auto c = cell.declaration.states() > 1 ? output<T>({B, H}) : View<T>{};
    without_gil([&] { self->cache_ = SequenceKernels<T>::forward(cell, call, weights, y.data(), h.data(), c.data()); });
    py::object cache = py::none();
    if (call.training) {
      py::capsule capsule(static_cast<ForwardCache*>(self.get()), capsule_name,
                          [](void* pointer) { delete static_cast<ForwardCache*>(pointer); });
      self.release();
      cache = std::move(capsule);
    }
    return py::make_tuple(y.array(), states_tuple(h, c), std::move(cache));
  }

  py::tuple backward(py::handle dy_in, py::handle dstates, bool need_dx, py::handle need_dweights) override {
    if (used_) throw_used();
    const NeededWeights needed(need_dweights, cell_);
    const Size B = call_.B, S = call_.steps, I = call_.I, H = call_.H, P = call_.P(), GH = cell_.gates * H;
    const bool need_dstates = !dstates.is_none();
    const States states = need_dstates ? States(dstates, "dstates", cell_) : States();
    const RowOrder order = call_.layout.order;
    const Size N = x_ ? x_.shape(0) : 0;  // of listed rows
    const auto [dy, dy_row] =
        order == RowOrder::listed       ? optional_rows<T>(dy_in, "dy", {{"N", N}, {h_letter(), P}})
        : order == RowOrder::time_major ? optional_rows<T>(dy_in, "dy", {{"T", S}, {"B", B}, {h_letter(), P}})
        : call_.return_sequences        ? optional_rows<T>(dy_in, "dy", {{"B", B}, {"T", S}, {h_letter(), P}})
                                        : optional_rows<T>(dy_in, "dy", {{"B", B}, {h_letter(), P}});
    const auto dh = optional_input<T>(states.h, "dh", {{"B", B}, {h_letter(), P}});
    const auto dc = optional_input<T>(states.c, "dc", {{"B", B}, {"H", H}});
    if (used_.exchange(true)) throw_used();  // of several threads that ask at once, one gets it
    auto cache = std::exchange(cache_, {});
    auto* table = cache.tokens();
    auto dx = !need_dx ? View<T>{} : table ? output<T>({table->count(), I}) : output<T>(by_row(I));
    auto dh0 = need_dstates ? output<T>({B, P}) : View<T>{};
    auto dc0 = need_dstates && cell_.states() > 1 ? output<T>({B, H}) : View<T>{};
    const auto wanted = [](bool need, auto&&... shape) { return need ? output<T>({Size(shape)...}) : View<T>{}; };
    auto dkernel = wanted(needed.kernel, I, GH);
    auto drecurrent = wanted(needed.recurrent_kernel, P, GH);
    auto dprojection = wanted(needed.projection_kernel, H, P);
    auto dbias = !bias_ ? View<T>{} : cell_.biases == 2 ? wanted(needed.bias, 2, GH) : wanted(needed.bias, GH);
    auto dunit_parameters = wanted(needed.unit_parameters, cell_.unit_parameters, H);
    std::optional<DistinctIds> tokens;
    without_gil([&, dy = dy.data(), dy_row = dy_row] {
      const SequenceGradients<T> out{dx.data(),
                                     dh0.data(),
                                     dc0.data(),
                                     dkernel.data(),
                                     drecurrent.data(),
                                     dbias.data(),
                                     dunit_parameters.data(),
                                     dprojection.data()};
      SequenceKernels<T>::backward(functions_, cache, {dy, dy_row}, dh.data(), dc.data(), out);
      if (need_dx && call_.ids && !table) tokens.emplace(call_.ids, B * S, call_.mask);
    });
    py::object input_gradient = none_or(dx);
    if (need_dx && table) {
      auto ids = output<std::int32_t>({table->count()});
      std::copy_n(table->ids(), table->count(), ids.data());
      input_gradient = py::make_tuple(ids.array(), dx.array());
    } else if (tokens) {
      auto ids = output<std::int32_t>({tokens->count()});
      auto rows = output<T>({tokens->count(), I});
      std::copy_n(tokens->ids(), tokens->count(), ids.data());
      {
        py::gil_scoped_release release;
        tokens->sum_rows(dx.data(), I, rows.data());
      }
      input_gradient = py::make_tuple(ids.array(), rows.array());
    }
    py::list dweights;
    dweights.append(none_or(dkernel));
    if (cell_.has_recurrent_kernel()) dweights.append(none_or(drecurrent));
    if (cell_.biases > 0) dweights.append(none_or(dbias));
    if (cell_.projects) dweights.append(none_or(dprojection));
    if (cell_.unit_parameters) dweights.append(none_or(dunit_parameters));
    py::object dinitial = py::none();
    if (need_dstates) dinitial = states_tuple(dh0, dc0);
    return py::make_tuple(std::move(input_gradient), std::move(dinitial), py::tuple(std::move(dweights)));
  }

  py::tuple backward_step(py::handle dstates, bool need_dx) override {
    if (used_) throw_used();
    if (!has_plain_rows(cell_, call_))
      throw py::value_error(
          "cache must be that of one step of a cell with plain products: without mask, dropout, zoneout, embeddings, "
          "projection or normalisation");
    const States states(dstates, "dstates", cell_);
    const Size B = call_.B, H = call_.H;
    const auto dh = optional_input<T>(states.h, "dh", {{"B", B}, {"H", H}});
    const auto dc = optional_input<T>(states.c, "dc", {{"B", B}, {"H", H}});
    if (used_.exchange(true)) throw_used();
    auto cache = std::exchange(cache_, {});
    auto dx = need_dx ? output<T>(by_row(call_.I)) : View<T>{};
    auto dh0 = output<T>({B, H}), dc0 = cell_.states() > 1 ? output<T>({B, H}) : View<T>{};
    StepRows<T> rows;
    without_gil([&] {
      const SequenceGradients<T> out{dx.data(), dh0.data(), dc0.data(), nullptr, nullptr, nullptr, nullptr, nullptr};
      SequenceKernels<T>::backward(functions_, cache, {}, dh.data(), dc.data(), out);
      rows = step_rows(cell_, call_, cache);
    });
    return py::make_tuple(none_or(dx), states_tuple(dh0, dc0), Step<T>::capsule(std::move(rows)));
  }

 private:
  [[noreturn]] static void throw_used() {
    throw std::runtime_error("cache was used by an earlier backward call: run forward again");
  }
  static py::object none_or(const View<T>& view) { return view ? py::object(view.array()) : py::object(py::none()); }

  static py::tuple states_tuple(const View<T>& h, const View<T>& c) {
    if (c) return py::make_tuple(h.array(), c.array());
    return py::make_tuple(h.array());
  }

  /// The shape of an array with `size` elements for each row of x.
  std::vector<Size> by_row(Size size) const {
    switch (call_.layout.order) {
      case RowOrder::time_major: return {call_.steps, call_.B, size};
      case RowOrder::listed: return {x_.shape(0), size};
      default: return {call_.B, call_.steps, size};
    }
  }

  /// The lengths (B,) and rows (N,) of a call with listed rows, each of the N rows of x listed once.
  void read_listed(const Arguments& in, Size& B, Size& S) {
    x_ = input<T>(in.x, "x", {{"N"}, {"I"}});
    const auto lengths = input<std::int64_t>(in.lengths, "lengths", {{"B"}});
    const auto rows = input<std::int64_t>(in.rows, "rows", {{"N", x_.shape(0)}});
    const Size N = rows.size();
    B = lengths.size(), S = 0;
    first_.assign(size_t(B) + 1, 0);
    for (Size b = 0; b < B; ++b) {
      const std::int64_t length = lengths.data()[b];
      if (length < 0 || length > N - first_[size_t(b)])
        throw py::value_error("lengths must not be negative and add up to N = " + std::to_string(N) + ", got " +
                              std::to_string(length) + " at position " + std::to_string(b));
      S = std::max<Size>(S, length);
      first_[size_t(b) + 1] = first_[size_t(b)] + length;
    }
    if (first_.back() != N)
      throw py::value_error("lengths must add up to N = " + std::to_string(N) + ", got " +
                            std::to_string(first_.back()));
    std::vector<bool> listed(size_t(N), false);
    for (Size n = 0; n < N; ++n) {
      const std::int64_t row = rows.data()[n];
      if (row < 0 || row >= N || listed[size_t(row)])
        throw py::value_error("rows must list each row of x, 0 to N-1, once, got " + std::to_string(row) +
                              " at position " + std::to_string(n) +
                              (row < 0 || row >= N ? ", N = " + std::to_string(N) : " again"));
      listed[size_t(row)] = true;
    }
    rows_.assign(rows.data(), rows.data() + N);  // a copy: the caller may change the array before backward
    call_.layout.first = first_.data(), call_.layout.rows = rows_.data();
  }

  /// The letter of h's size in messages.
  const char* h_letter() const { return cell_.projects ? "P" : "H"; }

  /// H, from the projection kernel or the recurrent kernel where there is one, else from the unit parameters or the
  /// kernel.
  Size read_units(const Arguments& in, const char* GH_text) {
    const Size G = cell_.gates;
    if (cell_.has_recurrent_kernel()) {
      recurrent_kernel_ = matrix<T>(in.weights.recurrent_kernel, "recurrent_kernel", {h_letter()}, {GH_text});
      Size H = recurrent_kernel_.shape(0), P = H;
      if (cell_.projects) {
        projection_kernel_ = input<T>(in.weights.projection_kernel, "projection_kernel", {{"H"}, {"P"}});
        H = projection_kernel_.shape(0), P = call_.projected = projection_kernel_.shape(1);
        if (H < 1 || P < 1)
          throw py::value_error("projection_kernel must have at least one unit (H >= 1, P >= 1), got H = " +
                                std::to_string(H) + ", P = " + std::to_string(P));
      }
      if (H < 1) throw py::value_error("recurrent_kernel must have at least one unit (H >= 1), got H = 0");
      recurrent_kernel_.check("recurrent_kernel", {h_letter(), P}, {GH_text, G * H});
      return H;
    }
    if (cell_.unit_parameters) {
      const py::array units = checked_array<T>(in.weights.unit_parameters, cell_.unit_parameters_name, {{"P"}, {"H"}});
      if (units.shape(1) < 1)
        throw py::value_error(std::string(cell_.unit_parameters_name) +
                              " must have at least one unit (H >= 1), got H = 0");
      return units.shape(1);
    }
    const MatrixView<T> kernel = matrix<T>(in.weights.kernel, "kernel", {"I"}, {GH_text});
    const Size H = kernel.shape(1) / G;
    if (H < 1 || kernel.shape(1) != G * H)
      throw py::value_error("kernel must have " + std::string(GH_text) + " columns, H >= 1, got " +
                            std::to_string(kernel.shape(1)));
    return H;
  }

  void read(const Arguments& in) {
    static constexpr const char* GH_texts[max_gates + 1] = {"", "H", "2*H", "3*H", "4*H", "5*H", "6*H", "7*H", "8*H"};
    const char* GH_text = GH_texts[cell_.gates];
    const bool tokens = !in.embeddings.is_none();
    const Size H = read_units(in, GH_text), P = cell_.projects ? call_.projected : H, GH = cell_.gates * H;
    Size B, S, I;
    call_.layout.order = in.order;
    if (in.order == RowOrder::listed) {
      read_listed(in, B, S);
      I = x_.shape(1);
    } else if (in.order == RowOrder::time_major) {
      x_ = input<T>(in.x, "x", {{"T"}, {"B"}, {"I"}});
      S = x_.shape(0), B = x_.shape(1), I = x_.shape(2);
    } else if (tokens) {
      embeddings_ = input<T>(in.embeddings, "embeddings", {{"V"}, {"I"}});
      ids_ = input<std::int32_t>(in.x, "x (token ids, as embeddings were given)", {{"B"}, {"T"}});
      check_ids(ids_.data(), ids_.size(), embeddings_.shape(0), "x");
      B = ids_.shape(0), S = ids_.shape(1), I = embeddings_.shape(1);
    } else {
      x_ = input<T>(in.x, "x", {{"B"}, {"T"}, {"I"}});
      B = x_.shape(0), S = x_.shape(1), I = x_.shape(2);
    }
    kernel_ = matrix<T>(in.weights.kernel, "kernel", {"I", I}, {GH_text, GH});
    if (cell_.biases == 2) bias_ = optional_input<T>(in.weights.bias, "bias", {{"2", 2}, {GH_text, GH}});
    else bias_ = optional_input<T>(in.weights.bias, "bias", {{GH_text, GH}});
    if (cell_.unit_parameters)
      unit_parameters_ = input<T>(in.weights.unit_parameters, cell_.unit_parameters_name,
                                  {{std::to_string(cell_.unit_parameters).c_str(), cell_.unit_parameters}, {"H", H}});
    h0_ = optional_input<T>(in.states.h, "h0", {{"B", B}, {h_letter(), P}});
    c0_ = optional_input<T>(in.states.c, "c0", {{"B", B}, {"H", H}});
    mask_ = mask_input(in.mask, "mask", {{"B", B}, {"T", S}});
    call_.input_mask_count = dropout(in.input_dropout, "input_dropout", input_dropout_, B, "I", I);
    if (!cell_.has_recurrent_kernel() && !in.recurrent_dropout.is_none())
      throw py::value_error("recurrent_dropout must be None: the cell " + std::string(cell_.name) +
                            " has no recurrent kernel, got " + type_text(in.recurrent_dropout));
    call_.recurrent_mask_count =
        dropout(in.recurrent_dropout, "recurrent_dropout", recurrent_dropout_, B, h_letter(), P);
    call_.B = B, call_.steps = S, call_.I = I, call_.H = H;
    call_.x = x_.data(), call_.ids = ids_.data(), call_.embeddings = embeddings_.data();
    call_.h0 = h0_.data(), call_.c0 = c0_.data(), call_.mask = mask_.data();
    call_.kernel = kernel_.plain.data(), call_.recurrent_kernel = recurrent_kernel_.plain.data();
    call_.int8_kernel = kernel_.int8(), call_.int8_recurrent_kernel = recurrent_kernel_.int8();
    call_.bias = bias_.data();
    call_.input_dropout = input_dropout_.data(), call_.recurrent_dropout = recurrent_dropout_.data();
    call_.projection_kernel = projection_kernel_.data();
    call_.unit_parameters = unit_parameters_.data();
    if (!in.zoneout.is_none()) read_zoneout(in.zoneout);
    call_.activation = activation_named(in.activation, "activation");
    call_.recurrent_activation = activation_named(in.recurrent_activation, "recurrent_activation");
    call_.reverse = to_bool(in.reverse, "reverse");
    call_.return_sequences = to_bool(in.return_sequences, "return_sequences");
    call_.zero_output_for_mask = to_bool(in.zero_output_for_mask, "zero_output_for_mask");
    call_.training = to_bool(in.training, "training");
    check_int8(in);
  }

  /// 8-bit weights are for both matrices, and for inference.
  void check_int8(const Arguments& in) const {
    if (cell_.has_recurrent_kernel() && kernel_.quantized() != recurrent_kernel_.quantized())
      throw py::value_error("kernel and recurrent_kernel must both be 8-bit weights (values, scales), or neither");
    if (!kernel_.quantized()) return;
    if (call_.training)
      throw py::value_error("training must be False, and no gradient tape open: 8-bit weights have no gradient");
    for (const auto& [name, object] :
         {std::pair{"input_dropout", in.input_dropout}, std::pair{"recurrent_dropout", in.recurrent_dropout}})
      if (!object.is_none()) throw py::value_error(std::string(name) + " must be None with 8-bit weights");
  }

  void read_zoneout(py::handle object) {
    zoneout_items_ = items_of(object, "zoneout", size_t(cell_.states()), cell_.name);
    const auto read_one = [&](size_t n, const char* name, const char* letter, Size size, View<const T>& view,
                              Zoneout<T>& zoneout) {
      const py::handle item = PyTuple_GET_ITEM(zoneout_items_.ptr(), Size(n));
      if (item.is_none()) return;
      if (!py::isinstance<py::array>(item)) return void(zoneout.share = T(to_double_in(item, name, 0, 1)));
      view = input<T>(item, name, {{"B", call_.B}, {"T", call_.steps}, {letter, size}});
      zoneout.shares = view.data();
    };
    read_one(0, "zoneout_h", h_letter(), call_.P(), zoneout_h_, call_.zoneout_h);
    if (cell_.states() > 1) read_one(1, "zoneout_c", "H", call_.H, zoneout_c_, call_.zoneout_c);
  }

  /// y: a new array, or the given one, which must not share memory with an input.
  View<T> output_of(const Arguments& in) {
    const Size B = call_.B, P = call_.P();
    if (in.out.is_none()) return call_.return_sequences ? output<T>(by_row(P)) : output<T>({B, P});
    const Size S = call_.steps;
    auto [y, row] = in.order == RowOrder::listed ? given_output<T>(in.out, "out", {{"N", x_.shape(0)}, {h_letter(), P}})
                    : in.order == RowOrder::time_major
                        ? given_output<T>(in.out, "out", {{"T", S}, {"B", B}, {h_letter(), P}})
                    : call_.return_sequences ? given_output<T>(in.out, "out", {{"B", B}, {"T", S}, {h_letter(), P}})
                                             : given_output<T>(in.out, "out", {{"B", B}, {h_letter(), P}});
    const std::pair<const char*, py::handle> inputs[] = {{"x", in.x},
                                                         {"h0", in.states.h},
                                                         {"c0", in.states.c},
                                                         {"bias", in.weights.bias},
                                                         {"projection_kernel", in.weights.projection_kernel},
                                                         {cell_.unit_parameters_name, in.weights.unit_parameters},
                                                         {"mask", in.mask},
                                                         {"input_dropout", in.input_dropout},
                                                         {"recurrent_dropout", in.recurrent_dropout},
                                                         {"embeddings", in.embeddings}};
    for (const auto& [name, object] : inputs)
      if (!object.is_none()) check_apart(y.array(), "out", as_array(object, name), name);
    kernel_.check_apart_from(y.array(), "out", "kernel");
    recurrent_kernel_.check_apart_from(y.array(), "out", "recurrent_kernel");
    if (zoneout_h_) check_apart(y.array(), "out", zoneout_h_.array(), "zoneout_h");
    if (zoneout_c_) check_apart(y.array(), "out", zoneout_c_.array(), "zoneout_c");
    call_.given_y_stride = row;
    return y;
  }

  /// A dropout mask (B, n), or (G, B, n) with one for each gate; returns how many there are.
  Index dropout(py::handle object, const char* name, View<const T>& view, Size B, const char* letter, Size n) const {
    if (object.is_none()) return 0;
    if (as_array(object, name).ndim() == 3) {
      view = input<T>(object, name, {{"G", cell_.gates}, {"B", B}, {letter, n}});
      return cell_.gates;
    }
    view = input<T>(object, name, {{"B", B}, {letter, n}});
    return 1;
  }

  const CellFunctions<T>& functions_;
  const CellDeclaration& cell_;
  SequenceCall<T> call_;
  // The arrays that call_ points into, held until backward is done.
  MatrixView<T> kernel_, recurrent_kernel_;
  View<const T> x_, embeddings_, h0_, c0_, bias_, projection_kernel_, unit_parameters_, input_dropout_,
      recurrent_dropout_, zoneout_h_, zoneout_c_;
  py::tuple zoneout_items_;
  View<const std::int32_t> ids_;
  std::vector<Index> first_, rows_;  // of listed rows
  View<const std::uint8_t> mask_;
  std::atomic<bool> used_{false};
  RecurrentCache<T> cache_;
};

}  // namespace recurra::bindings
