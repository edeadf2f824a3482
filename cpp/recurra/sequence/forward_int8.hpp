// The products of the forward loop with 8-bit weights, in place of those of forward_products.hpp. Where the weights are
// float these functions only call those.
//
//   z = r_x m_W (x W)   then + bias   then + r_h m_U (h U)          linalg/int8_matrix.hpp has the factors
//
// One row of x and one of h, or of a later stage's operand, is quantized at a time, when it is whole: x as it is copied
// to its operand row, h by each worker for itself after the barrier that ends a step, since a step's products read all
// of it and dividing that small work would cost another barrier.
#pragma once
#include "recurra/sequence/forward_products.hpp"

namespace recurra {

template <class T>
class ForwardInt8 : protected ForwardProducts<T> {
 protected:
  using Float = ForwardProducts<T>;
  using Float::call_, Float::cell_, Float::L_, Float::plan_, Float::tokens_, Float::weights_;
  using Float::chunk_, Float::projects_chunks_, Float::schedule_;
  using Float::Float, Float::W;
  using Float::operand, Float::stage_operand, Float::z_at;

  void prepare_int8() {
    if (!weights_->quantized()) return;
    if (!tokens_) inputs_.resize((chunk_ + 1) * call_.B, call_.I);
    operands_.resize(size_t(schedule_.threads));
    if (weights_->int8_recurrent_kernel())
      for (QuantizedRows<T>& rows : operands_) rows.resize(call_.B, L_.P);
  }
  void quantize_inputs(Index s0, Index s1, Index i) {
    if (!weights_->quantized() || tokens_) return;
    for (Index s = s0; s < std::min(s1, plan_.length(i)); ++s) inputs_.quantize(input_row(s, i), operand(s, i));
  }
  /// What the recurrent kernel multiplies in a stage of step s, rows [i0, i1).
  void quantize_operands(int stage, Index s, Index i0, Index i1, int worker) {
    if (!weights_->quantized() || cell_.operand_columns(stage) == 0) return;
    for (Index i = i0; i < i1; ++i)
      operands_[size_t(worker)].quantize(i, stage == 0 ? operand(s, i) + L_.I + 1 : stage_operand(stage, s, i));
  }

  void project_tokens(const Worker& worker) {
    if (!weights_->quantized()) return Float::project_tokens(worker);
    const auto [u0, u1] = worker.range(tokens_.count());
    QuantizedRows<T> rows;
    rows.resize(u1 - u0, call_.I);
    for (Index u = u0; u < u1; ++u) rows.quantize(u - u0, tokens_.embeddings() + u * call_.I);
    for (Index p = 0; u0 < u1 && p < L_.units.count; ++p)
      each_kernel_column([&](int c, int gate) {
        weights_->int8_kernel().multiply(rows, 0, u1 - u0, p, gate, tokens_.z(p, u0) + c * L_.units.width(p),
                                         L_.z_stride, false);
      });
    worker.barrier();
  }
  void project_chunk(Index s0, Index s1, Index r0, Index r1, Index p) {
    if (!weights_->quantized()) return Float::project_chunk(s0, s1, r0, r1, p);
    each_kernel_column([&](int c, int gate) {
      for (Index s = s0; s < s1; ++s) {
        const Index last = std::min(r1, plan_.live(s));
        if (last <= r0) break;
        weights_->int8_kernel().multiply(inputs_, input_row(s, r0), last - r0, p, gate,
                                         z_at(s, r0, p) + c * L_.units.width(p), L_.z_stride, false);
      }
    });
  }
  void columns(Index s, Index i0, Index i1, Index p, T* z, int worker) {
    if (!weights_->quantized()) return Float::columns(s, i0, i1, p, z);
    if (tokens_)
      for (Index i = i0; i < i1; ++i) this->copy_token(s, i, p, z + (i - i0) * L_.z_stride);
    const Index width = L_.units.width(p), rows = i1 - i0;
    for (int c = 0; c < cell_.columns; ++c, z += width) {
      const Column& column = cell_.column[c];
      const T* const bias = weights_->bias(p, c);
      bool started = column.kernel >= 0 && (tokens_ || projects_chunks_);
      if (column.kernel >= 0 && !started) {
        weights_->int8_kernel().multiply(inputs_, input_row(s, i0), rows, p, column.kernel, z, L_.z_stride, false);
        started = true;
      }
      if (column.takes_operand(0))
        weights_->int8_recurrent_kernel()->multiply(operands_[size_t(worker)], i0, rows, p, column.recurrent, z,
                                                    L_.z_stride, started, bias);
      else add_bias(rows, bias, width, z, started);
    }
  }
  void stage_columns(int stage, Index s, Index i0, Index i1, Index p, T* z, int worker) {
    if (!weights_->quantized()) return Float::stage_columns(stage, s, i0, i1, p, z);
    for (int c = 0; c < cell_.columns; ++c)
      if (cell_.column[c].takes_operand(stage))
        weights_->int8_recurrent_kernel()->multiply(operands_[size_t(worker)], i0, i1 - i0, p,
                                                    cell_.column[c].recurrent, z + c * L_.units.width(p), L_.z_stride,
                                                    true);
  }

 private:
  Index input_row(Index s, Index i) const { return s % (chunk_ + 1) * call_.B + i; }
  template <class Visit>
  void each_kernel_column(Visit&& visit) const {
    for (int c = 0; c < cell_.columns; ++c)
      if (cell_.column[c].kernel >= 0) visit(c, cell_.column[c].kernel);
  }
  void add_bias(Index rows, const T* bias, Index width, T* z, bool started) const {
    for (Index i = 0; i < rows; ++i, z += L_.z_stride)
      for (Index j = 0; j < width; j += W) store(z + j, started ? add(load(z + j), load(bias + j)) : load(bias + j));
  }

  QuantizedRows<T> inputs_;  // of chunk_ + 1 steps, where there is no token table
  std::vector<QuantizedRows<T>> operands_;  // of each worker, by position
};

}  // namespace recurra
