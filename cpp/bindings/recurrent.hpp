/// Forward and backward of any cell on numpy arrays; lstm.cpp, gru.cpp and simple_rnn.cpp bind them.
#pragma once
#include <optional>

#include "recurra/nn/embedding.hpp"

#include "activation_name.hpp"
#include "arrays.hpp"
#include "cell_kernels.hpp"

namespace recurra::bindings {
/// The arguments of forward, unchecked.
struct Arguments {
  py::handle x, h0, c0, kernel, recurrent_kernel, bias, mask, input_dropout, recurrent_dropout, embeddings, activation,
      recurrent_activation, reverse, return_sequences, zero_output_for_mask, training, packed_weights, out;
};

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

/// The cache that Python holds, of any cell and dtype.
class ForwardCache {
 public:
  virtual ~ForwardCache() = default;
  virtual py::tuple backward(py::handle dy, py::handle dh, py::handle dc, bool need_dx) = 0;
};

template <class Cell, class T>
class ForwardCacheOf final : public ForwardCache {
 public:
  /// (y, h[, c], cache or None)
  static py::tuple forward(const Arguments& in) {
    auto self = std::make_unique<ForwardCacheOf>();
    SequenceCall<T>& call = self->call_;
    self->read(in);
    const auto B = call.B, H = call.H;
    const View<T> y = self->output_of(in);
    PackedWeightsCache* weights = packed_weights_cache(in.packed_weights);
    auto h = output<T>({B, H});
    auto c = Cell::has_memory ? output<T>({B, H}) : View<T>{};
    {
      py::gil_scoped_release release;
      self->cache_ = CellKernels<Cell, T>::forward(call, weights, y.data(), h.data(), c.data());
    }
    py::object cache = py::none();
    if (call.training) {
      py::capsule capsule(static_cast<ForwardCache*>(self.get()), Cell::name,
                          [](void* pointer) { delete static_cast<ForwardCache*>(pointer); });
      self.release();
      cache = std::move(capsule);
    }
    if constexpr (Cell::has_memory) return py::make_tuple(y.array(), h.array(), c.array(), std::move(cache));
    else return py::make_tuple(y.array(), h.array(), std::move(cache));
  }

  py::tuple backward(py::handle dy_in, py::handle dh_in, py::handle dc_in, bool need_dx) override {
    if (!cache_) throw std::runtime_error("cache was used by an earlier backward call: run forward again");
    const Size B = call_.B, S = call_.steps, I = call_.I, H = call_.H, GH = Cell::gates * H;
    const auto [dy, dy_row] = call_.return_sequences ? optional_rows<T>(dy_in, "dy", {{"B", B}, {"T", S}, {"H", H}})
                                                     : optional_rows<T>(dy_in, "dy", {{"B", B}, {"H", H}});
    const auto dh = optional_input<T>(dh_in, "dh", {{"B", B}, {"H", H}});
    const auto dc = optional_input<T>(dc_in, "dc", {{"B", B}, {"H", H}});
    auto cache = std::exchange(cache_, {});
    auto* table = cache.tokens();
    auto dx = !need_dx ? View<T>{} : table ? output<T>({table->count(), I}) : output<T>({B, S, I});
    auto dh0 = output<T>({B, H});
    auto dc0 = Cell::has_memory ? output<T>({B, H}) : View<T>{};
    auto dkernel = output<T>({I, GH});
    auto drecurrent = output<T>({H, GH});
    auto dbias = !bias_ ? View<T>{} : Cell::two_biases ? output<T>({2, GH}) : output<T>({GH});
    std::optional<DistinctIds> tokens;
    {
      py::gil_scoped_release release;
      const SequenceGradients<T> out{dx.data(),      dh0.data(),        dc0.data(),
                                     dkernel.data(), drecurrent.data(), dbias.data()};
      CellKernels<Cell, T>::backward(cache, {dy.data(), dy_row}, dh.data(), dc.data(), out);
      if (need_dx && call_.ids && !table) tokens.emplace(call_.ids, B * S, call_.mask);
    }
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
    if constexpr (Cell::has_memory)
      return py::make_tuple(std::move(input_gradient), dh0.array(), dc0.array(), dkernel.array(), drecurrent.array(),
                            none_or(dbias));
    else
      return py::make_tuple(std::move(input_gradient), dh0.array(), dkernel.array(), drecurrent.array(),
                            none_or(dbias));
  }

 private:
  static py::object none_or(const View<T>& view) { return view ? py::object(view.array()) : py::object(py::none()); }

  void read(const Arguments& in) {
    constexpr Size G = Cell::gates;
    constexpr const char* GH_text = G == 4 ? "4*H" : G == 3 ? "3*H" : "H";
    const bool tokens = !in.embeddings.is_none();
    recurrent_kernel_ = input<T>(in.recurrent_kernel, "recurrent_kernel", {{"H"}, {GH_text}});
    const Size H = recurrent_kernel_.shape(0), GH = G * H;
    if (H < 1) throw py::value_error("recurrent_kernel must have at least one unit (H >= 1), got H = 0");
    check_shape(recurrent_kernel_.array(), "recurrent_kernel", {{"H", H}, {GH_text, GH}});
    Size B, S, I;
    if (tokens) {
      embeddings_ = input<T>(in.embeddings, "embeddings", {{"V"}, {"I"}});
      ids_ = input<std::int32_t>(in.x, "x (token ids, as embeddings were given)", {{"B"}, {"T"}});
      check_ids(ids_.data(), ids_.size(), embeddings_.shape(0), "x");
      B = ids_.shape(0), S = ids_.shape(1), I = embeddings_.shape(1);
    } else {
      x_ = input<T>(in.x, "x", {{"B"}, {"T"}, {"I"}});
      B = x_.shape(0), S = x_.shape(1), I = x_.shape(2);
    }
    kernel_ = input<T>(in.kernel, "kernel", {{"I", I}, {GH_text, GH}});
    if constexpr (Cell::two_biases) bias_ = optional_input<T>(in.bias, "bias", {{"2", 2}, {GH_text, GH}});
    else bias_ = optional_input<T>(in.bias, "bias", {{GH_text, GH}});
    h0_ = optional_input<T>(in.h0, "h0", {{"B", B}, {"H", H}});
    c0_ = optional_input<T>(in.c0, "c0", {{"B", B}, {"H", H}});
    mask_ = mask_input(in.mask, "mask", {{"B", B}, {"T", S}});
    call_.input_mask_count = dropout(in.input_dropout, "input_dropout", input_dropout_, B, "I", I);
    call_.recurrent_mask_count = dropout(in.recurrent_dropout, "recurrent_dropout", recurrent_dropout_, B, "H", H);
    call_.B = B, call_.steps = S, call_.I = I, call_.H = H;
    call_.x = x_.data(), call_.ids = ids_.data(), call_.embeddings = embeddings_.data();
    call_.h0 = h0_.data(), call_.c0 = c0_.data(), call_.mask = mask_.data();
    call_.kernel = kernel_.data(), call_.recurrent_kernel = recurrent_kernel_.data(), call_.bias = bias_.data();
    call_.input_dropout = input_dropout_.data(), call_.recurrent_dropout = recurrent_dropout_.data();
    call_.activation = activation_named(in.activation, "activation");
    if (in.recurrent_activation)
      call_.recurrent_activation = activation_named(in.recurrent_activation, "recurrent_activation");
    call_.reverse = to_bool(in.reverse, "reverse");
    call_.return_sequences = to_bool(in.return_sequences, "return_sequences");
    call_.zero_output_for_mask = to_bool(in.zero_output_for_mask, "zero_output_for_mask");
    call_.training = to_bool(in.training, "training");
  }

  /// y: a new array, or the given one, which must not share memory with an input.
  View<T> output_of(const Arguments& in) {
    const Size B = call_.B, H = call_.H;
    if (in.out.is_none()) return call_.return_sequences ? output<T>({B, call_.steps, H}) : output<T>({B, H});
    auto [y, row] = call_.return_sequences ? given_output<T>(in.out, "out", {{"B", B}, {"T", call_.steps}, {"H", H}})
                                           : given_output<T>(in.out, "out", {{"B", B}, {"H", H}});
    const std::pair<const char*, py::handle> inputs[] = {{"x", in.x},
                                                         {"h0", in.h0},
                                                         {"c0", in.c0},
                                                         {"kernel", in.kernel},
                                                         {"recurrent_kernel", in.recurrent_kernel},
                                                         {"bias", in.bias},
                                                         {"mask", in.mask},
                                                         {"input_dropout", in.input_dropout},
                                                         {"recurrent_dropout", in.recurrent_dropout},
                                                         {"embeddings", in.embeddings}};
    for (const auto& [name, object] : inputs)
      if (!object.is_none()) check_apart(y.array(), "out", as_array(object, name), name);
    call_.given_y_stride = row;
    return y;
  }

  /// A dropout mask (B, n), or (G, B, n) with one for each gate; returns how many there are.
  static Index dropout(py::handle object, const char* name, View<const T>& view, Size B, const char* letter, Size n) {
    if (object.is_none()) return 0;
    if (as_array(object, name).ndim() == 3) {
      view = input<T>(object, name, {{"G", Cell::gates}, {"B", B}, {letter, n}});
      return Cell::gates;
    }
    view = input<T>(object, name, {{"B", B}, {letter, n}});
    return 1;
  }

  SequenceCall<T> call_;
  // The arrays that call_ points into, held until backward is done.
  View<const T> x_, embeddings_, h0_, c0_, kernel_, recurrent_kernel_, bias_, input_dropout_, recurrent_dropout_;
  View<const std::int32_t> ids_;
  View<const std::uint8_t> mask_;
  CellCache<Cell, T> cache_;
};

template <class Cell>
py::tuple forward(const Arguments& in) {
  return dispatch(float_dtype(in.kernel, "kernel"),
                  [&](auto zero) { return ForwardCacheOf<Cell, decltype(zero)>::forward(in); });
}

inline py::tuple backward(const char* cell, py::handle cache, py::handle dy, py::handle dh, py::handle dc,
                          py::handle need_dx) {
  if (!PyCapsule_IsValid(cache.ptr(), cell))
    throw py::type_error(std::string("cache must be the one that ") + cell +
                         "_forward returned with training=True, got " + type_text(cache));
  auto* forward_cache = static_cast<ForwardCache*>(PyCapsule_GetPointer(cache.ptr(), cell));
  return forward_cache->backward(dy, dh, dc, to_bool(need_dx, "need_dx"));
}

}  // namespace recurra::bindings
