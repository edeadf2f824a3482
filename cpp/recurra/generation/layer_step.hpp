// One step of one layer of a network, for a few rows that the caller feeds, with the state kept from step to step.
//
// Workers divide the layer's panels of units. The chains of sums are those of support/layout.hpp, so the results have
// the bits of the forward loop (sequence/forward.hpp) and of Dense (linalg/gemm.hpp).
//
// Operand rows are [x | 1 | h] for a cell and [1 | x] for a dense layer. There are two sets of them: step s reads set
// s % 2 and writes h to the other one. A cell that projects h meets at one more barrier before the projection. Zoneout
// mixes a state with what it was before the step by fixed shares.
#pragma once
#include "recurra/generation/network.hpp"
#include "recurra/linalg/copy_padded.hpp"
#include "recurra/linalg/row_moments.hpp"
#include "recurra/linalg/tile_small_batch.hpp"
#include "recurra/threads/thread_pool.hpp"

namespace recurra {

template <class T>
class LayerStep {
  static constexpr Index W = lanes<T>;

 public:
  /// B: the most rows; threads: the most workers. The states are zeros.
  LayerStep(const NetworkLayer<T>& layer, Index B, int threads)
      : layer_(layer),
        B_(B),
        I_(layer.I),
        H_(layer.H),
        P_(layer.P),
        units_(layer.H),
        h_units_(layer.P),
        z_stride_(layer.z_stride()) {
    const Index section = I_ + 1 + (layer.is_cell() ? P_ : 0), line = Index(64 / sizeof(T));
    stride_ = ((section + W + line - 1) / line | 1) * line;  // an odd number of lines: rows in different cache sets
    for (Buffer<T>& set : operands_) {
      set.resize(B * stride_);
      std::fill_n(set.data(), set.size(), T(0));
      for (Index b = 0; b < B; ++b) set[b * stride_ + (layer.is_cell() ? I_ : 0)] = T(1);
    }
    z_.resize(B * z_stride_ * units_.count);
    if (layer.quantized()) {
      quantized_.resize(size_t(threads));
      for (WorkerRows& rows : quantized_) {
        rows.x.resize(B, I_);
        if (layer.is_cell()) rows.operand.resize(B, P_);
      }
    }
    if (!layer.is_cell()) return;
    const CellDeclaration& cell = layer.functions->declaration;
    if (cell.has_carry()) {
      carry_.resize(B * units_.padded);
      std::fill_n(carry_.data(), carry_.size(), T(0));
    }
    if (carry_zoneout() != T(0)) carry_before_zoneout_.resize(B * units_.padded);
    if (cell.projects) {
      unprojected_.resize(B * units_.padded);
      h_.resize(B * Panels<T>::full * h_units_.count);
    }
    stage_operands_.resize((cell.stages - 1) * B * units_.padded);
    if (cell.row_statistics) moments_.resize(B * cell.columns);
  }

  /// Where the input of step s and row b goes.
  T* input(Index s, Index b) { return operand(s, b) + (layer_.is_cell() ? 0 : 1); }
  Index stride() const { return stride_; }
  Index units() const { return H_; }
  /// The size of the output, which is that of h.
  Index outputs() const { return P_; }

  /// States before step s: h (B, P) or null for zeros, c (B, H) likewise where the cell has it.
  void set_state(Index s, Index rows, const T* h, const T* c) {
    for (Index b = 0; b < rows; ++b) {
      copy_padded(h ? h + b * P_ : nullptr, P_, P_, h_of(s, b));
      const T* from = layer_.carries_c() ? c : h;
      if (carry_.size()) copy_padded(from ? from + b * H_ : nullptr, H_, H_, carry(b));
    }
  }
  void get_state(Index s, Index rows, T* h, T* c) {
    for (Index b = 0; b < rows; ++b) {
      std::copy_n(h_of(s, b), P_, h + b * P_);
      if (c) std::copy_n(carry(b), H_, c + b * H_);
    }
  }
  /// Row b of the state before step s becomes what row parents[b] was.
  void take_rows(Index s, const std::vector<Index>& parents) {
    if (!layer_.is_cell()) return;
    Buffer<T> old_h(B_ * P_), old_c(carry_.size() ? B_ * H_ : 0);
    get_state(s, B_, old_h.data(), old_c.data());
    for (Index b = 0; b < Index(parents.size()); ++b) {
      std::copy_n(old_h.data() + parents[size_t(b)] * P_, P_, h_of(s, b));
      if (old_c.size()) std::copy_n(old_c.data() + parents[size_t(b)] * H_, H_, carry(b));
    }
  }

  /// Step s of the first `rows` rows. table: the input's products of token ids[b] of row b (Network::token_products),
  /// or null to read the input. out: (rows, P), out_stride apart. A barrier must follow.
  void run(const Worker& worker, Index s, Index rows, const T* table, const std::int32_t* ids, Index V, T* out,
           Index out_stride) {
    const Range panels = worker.range(units_.count);
    if (layer_.quantized() && !table)
      for (Index b = 0; b < rows; ++b) quantized_[size_t(worker.id)].x.quantize(b, input(s, b));
    if (!layer_.is_cell()) return run_dense(worker, panels, s, rows, out, out_stride);
    const CellDeclaration& cell = layer_.functions->declaration;
    if (table)
      for (Index p = panels.first; p < panels.last; ++p)
        for (Index b = 0; b < rows; ++b)
          copy(table + (p * V + ids[b]) * z_stride_, cell.columns * units_.width(p), z(p) + b * z_stride_);
    for (int stage = 0; stage < cell.stages; ++stage) {
      if (stage > 0) {
        for (Index p = panels.first; p < panels.last; ++p) stage_operand(stage, s, rows, p);
        worker.barrier();
      }
      if (layer_.quantized()) {
        int8_products(worker, panels, stage, s, rows, table != nullptr);
        continue;
      }
      for (int n = 0; n < cell.columns; ++n) {
        // Alternately up and down: what a step used last, still in a cache, is the next step's first.
        const int c = s % 2 ? cell.columns - 1 - n : n;
        const Column& column = cell.column[c];
        if (stage > 0 && column.takes_operand(stage)) {
          products(panels, rows, stage_row(stage, 0), units_.padded, {0, H_}, c, true,
                   [&](Index p) { return layer_.weights->later_stage(p, c); });
        } else if (stage == 0) {
          const bool projected = table && column.kernel >= 0;
          const Index begin = column.kernel >= 0 && !table ? 0 : I_;
          const Index end = column.takes_operand(0) ? I_ + 1 + P_ : I_ + 1;
          const Index done = projected ? layer_.weights->kernel_rows(c) : 0;
          products(panels, rows, operand(s, 0), stride_, {begin, end - begin}, c, projected,
                   [&](Index p) { return layer_.weights->column(p, c) + done * units_.width(p); });
        }
      }
    }
    if (cell.row_statistics) normalize(worker, panels, rows);
    for (Index p = panels.first; p < panels.last; ++p) pointwise(s, rows, p, out, out_stride);
    if (!cell.projects) return;
    worker.barrier();
    project(worker.range(h_units_.count), s, rows, out, out_stride);
  }

 private:
  struct WorkerRows {
    QuantizedRows<T> x, operand;
  };
  T* operand(Index s, Index b) { return operands_[s % 2].data() + b * stride_; }
  T* h_of(Index s, Index b) { return operand(s, b) + I_ + 1; }
  T* carry(Index b) { return carry_.data() + b * units_.padded; }
  Carry carry_kind() const { return layer_.functions->declaration.carry; }
  /// The zoneout of the carry.
  T carry_zoneout() const {
    return carry_kind() == Carry::c ? layer_.zoneout_c : carry_kind() == Carry::h ? layer_.zoneout_h : T(0);
  }
  T* z(Index p) { return z_.data() + p * B_ * z_stride_; }
  T* stage_row(int stage, Index b) { return stage_operands_.data() + ((stage - 1) * B_ + b) * units_.padded; }

  /// z of column c (+)= a[segment] weights(p), for the panels.
  template <class Weights>
  void products(Range panels, Index rows, const T* a, Index lda, Segment segment, int c, bool accumulate,
                Weights&& weights) {
    const Index panel_stride = layer_.is_cell() ? layer_.weights->panel_stride() : (1 + I_) * Panels<T>::full;
    products(units_, panels, rows, a, lda, segment, panel_stride, z_stride_, accumulate, weights,
             [&](Index p) { return z(p) + c * units_.width(p); });
  }
  /// sums(p) (+)= a[segment] weights(p), for the panels of some columns. panel_stride: of the packed weights. Rows of the
  /// sums lie `stride` apart, panels B stride.
  template <class Weights, class Sums>
  void products(const Panels<T>& columns, Range panels, Index rows, const T* a, Index lda, Segment segment,
                Index panel_stride, Index stride, bool accumulate, Weights&& weights, Sums&& sums) {
    Index p = panels.first;
    const Index full = std::min(panels.last, columns.full_count()) - p;
    if (rows <= max_small_batch && full > 0) {
      small_batch_product(rows, a, lda, &segment, 1, weights(p), panel_stride, full, sums(p), stride, B_ * stride,
                          accumulate);
      p += full;
    }
    for (; p < panels.last; ++p)
      product<T>(rows, a, lda, &segment, 1, weights(p), columns.vectors(p), sums(p), stride, accumulate);
  }

  /// The products of a stage with 8-bit weights; the sums are those of sequence/forward_int8.hpp. Each worker quantizes
  /// all rows for itself.
  void int8_products(const Worker& worker, Range panels, int stage, Index s, Index rows, bool projected) {
    const CellDeclaration& cell = layer_.functions->declaration;
    const PackedWeights<T>& weights = *layer_.weights;
    WorkerRows& own = quantized_[size_t(worker.id)];
    for (Index b = 0; cell.operand_columns(stage) > 0 && b < rows; ++b)
      own.operand.quantize(b, stage == 0 ? h_of(s, b) : stage_row(stage, b));
    for (Index p = panels.first; p < panels.last; ++p)
      for (int c = 0; c < cell.columns; ++c) {
        const Column& column = cell.column[c];
        const Index width = units_.width(p);
        T* to = z(p) + c * width;
        if (stage > 0) {
          if (column.takes_operand(stage))
            weights.int8_recurrent_kernel()->multiply(own.operand, 0, rows, p, column.recurrent, to, z_stride_, true);
          continue;
        }
        bool started = column.kernel >= 0 && projected;
        const T* const bias = weights.bias(p, c);
        if (column.kernel >= 0 && !projected) {
          weights.int8_kernel().multiply(own.x, 0, rows, p, column.kernel, to, z_stride_, false);
          started = true;
        }
        if (column.takes_operand(0)) {
          weights.int8_recurrent_kernel()->multiply(own.operand, 0, rows, p, column.recurrent, to, z_stride_, started,
                                                    bias);
          continue;
        }
        for (Index b = 0; b < rows; ++b, to += z_stride_)
          for (Index j = 0; j < width; j += W)
            store(to + j, started ? add(load(to + j), load(bias + j)) : load(bias + j));
      }
  }

  void run_dense(const Worker& worker, Range panels, Index s, Index rows, T* out, Index out_stride) {
    if (layer_.quantized())
      for (Index p = panels.first; p < panels.last; ++p)
        layer_.int8_dense->multiply(quantized_[size_t(worker.id)].x, 0, rows, p, 0, z(p), z_stride_, false, nullptr,
                                    layer_.dense.data() + units_.first(p));
    else
      products(panels, rows, operand(s, 0), stride_, {0, 1 + I_}, 0, false,
               [&](Index p) { return layer_.dense.data() + units_.first(p) * (1 + I_); });
    const AnyActivations act = layer_.activations;
    for (Index p = panels.first; p < panels.last; ++p)
      for (Index b = 0; b < rows; ++b) {
        T *from = z(p) + b * z_stride_, *to = out + b * out_stride + units_.first(p);
        for (Index j = 0; act.main_kind != Activation::linear && j < units_.width(p); j += W)
          store(from + j, act.template main<T>(load(from + j)));
        copy(from, units_.used(p), to);
      }
  }

  void stage_operand(int stage, Index s, Index rows, Index p) {
    const Index first = units_.first(p);
    for (Index b = 0; b < rows; b += block_rows)
      layer_.block->stage_operand[units_.vectors(p) - 1]({stage, std::min(block_rows, rows - b), units_.padded,
                                                          z(p) + b * z_stride_, z_stride_, h_of(s, b) + first, stride_,
                                                          H_ - first, stage_row(stage, b) + first, layer_.activations});
  }

  void normalize(const Worker& worker, Range panels, Index rows) {
    const int C = layer_.columns();
    worker.barrier();
    const Range own = worker.range(rows * C);
    for (Index n = own.first; n < own.last; ++n)
      moments_[n] = row_moments<T>(H_, [&](Index j) {
        const Index p = j / Panels<T>::full;
        return z(p) + n / C * z_stride_ + n % C * units_.width(p) + j - units_.first(p);
      });
    worker.barrier();
    for (Index p = panels.first; p < panels.last; ++p)
      for (Index n = 0; n < rows * C; ++n) {
        T* at = z(p) + n / C * z_stride_ + n % C * units_.width(p);
        for (Index j = 0; j < units_.width(p); j += W) store(at + j, recurra::normalize<T>(load(at + j), moments_[n]));
      }
  }

  /// The new states of a panel's units, and the output; of a cell that projects h, what is projected in place of h.
  void pointwise(Index s, Index rows, Index p, T* out, Index out_stride) {
    const Index first = units_.first(p), width = units_.width(p), Hp = units_.padded;
    alignas(64) T h[block_rows * Panels<T>::full];
    for (Index b0 = 0; b0 < rows; b0 += block_rows) {
      const Index count = std::min(block_rows, rows - b0);
      ForwardBlock<T> block{count,   Hp, z(p) + b0 * z_stride_, z_stride_, nullptr, nullptr,
                            nullptr, h,  layer_.activations};
      if (carry_.size()) block.carry_before = block.carry_after = carry(b0) + first;
      if (carry_before_zoneout_.size()) block.carry_after = carry_before_zoneout_.data() + b0 * Hp + first;
      if (layer_.unit_parameters.size()) block.unit_parameters = layer_.unit_parameters.data() + first;
      layer_.block->forward[units_.vectors(p) - 1](block);
      if (carry_before_zoneout_.size()) zoneout_carry(block, carry(b0) + first, width);
      for (Index b = 0; b < count; ++b)
        if (layer_.projects()) copy(h + b * width, width, unprojected_.data() + (b0 + b) * Hp + first);
        else store_h(units_, p, s, b0 + b, h + b * width, out + (b0 + b) * out_stride);
    }
  }

  /// h of some panels of its units, from all that is projected.
  void project(Range panels, Index s, Index rows, T* out, Index out_stride) {
    constexpr Index full = Panels<T>::full;
    const auto sums = [&](Index q) { return h_.data() + q * B_ * full; };
    products(
        h_units_, panels, rows, unprojected_.data(), units_.padded, {0, H_}, H_ * full, full, false,
        [&](Index q) { return layer_.weights->projection(q); }, sums);
    for (Index q = panels.first; q < panels.last; ++q)
      for (Index b = 0; b < rows; ++b) store_h(h_units_, q, s, b, sums(q) + b * full, out + b * out_stride);
  }

  /// The carry of a block after zoneout, and h where it is the carry.
  void zoneout_carry(const ForwardBlock<T>& block, T* carry, Index width) {
    const Packet<T> share = set1<T>(carry_zoneout());
    for (Index b = 0; b < block.rows; ++b)
      for (Index j = 0; j < width; j += W) {
        const Index at = b * block.padded + j;
        const Packet<T> now = mix<T>(share, load(block.carry_before + at), load(block.carry_after + at));
        store(carry + at, now);
        if (carry_kind() == Carry::h) store(block.h + b * width + j, now);
      }
  }
  /// A panel of one row's h to the next step's operand and the output, after zoneout where h is not the carry.
  void store_h(const Panels<T>& units, Index p, Index s, Index b, T* h, T* out) {
    const Index first = units.first(p), used = units.used(p);
    if (layer_.zoneout_h != T(0) && carry_kind() != Carry::h) {
      const T* before = h_of(s, b) + first;
      for (Index j = 0; j < used; j += W)
        store(h + j, mix<T>(set1<T>(layer_.zoneout_h), load_partial(before + j, used - j), load(h + j)));
    }
    copy(h, used, h_of(s + 1, b) + first);
    copy(h, used, out + first);
  }

  const NetworkLayer<T>& layer_;
  const Index B_, I_, H_, P_;
  const Panels<T> units_, h_units_;
  const Index z_stride_;
  Index stride_ = 0;
  Buffer<T> operands_[2];
  std::vector<WorkerRows> quantized_;  // of each worker, where the weights are 8-bit
  Buffer<T> z_;  // [panel][row][column][unit]
  Buffer<T> carry_, stage_operands_;
  Buffer<T> carry_before_zoneout_;  // like carry_, where it has zoneout
  Buffer<T> unprojected_, h_;  // what is projected, like carry_, and the products, [panel][row][unit]
  Buffer<Moments<T>> moments_;  // [row][column]
};

}  // namespace recurra
