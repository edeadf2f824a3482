// Forward and backward of a small call: a few rows and steps, for which packing the weights would cost more than it
// saves. The weights are read in place, at the bandwidth of the cache or memory that holds them
// (linalg/row_stream.hpp).
//
// Arguments, results and bits of forward are those of forward.hpp and backward.hpp: the chains of sums are the same.
//
// Pre-activations are one row [column][H] for each packed row. A cell's recurrent columns come first (cells/cell.hpp),
// so a row of the recurrent kernel multiplies them in one run.
#pragma once
#include <memory>
#include <vector>

#include "recurra/linalg/row_stream.hpp"
#include "recurra/sequence/cache.hpp"
#include "recurra/sequence/outputs.hpp"
#include "recurra/sequence/upstream_gradients.hpp"

namespace recurra {

/// Whether a call is small: the weights are read about as often as packing would touch them.
template <class T>
bool is_small(const SequenceCall<T>& call) {
  const bool per_gate = call.input_mask_count > 1 || call.recurrent_mask_count > 1;
  return !per_gate && call.B <= 4 && call.steps * call.B <= 8;
}

/// What forward caches for backward, by packed row.
template <class Cell, class T>
struct SmallSequenceCache {
  SequenceCall<T> call;
  Plan plan;
  Buffer<T> x, h_in, h, z, carry, carry0, reset;  // h_in: h times recurrent dropout
};

template <class Cell, class T>
class SmallSequence {
  static constexpr int C = column_count<Cell>;
  static constexpr Index W = lanes<T>;
  /// Consecutive columns of consecutive gates, which one row of a kernel multiplies in one run.
  struct ColumnRun {
    int gate, column, count;
    bool reset;  // of r h, not h
  };

 public:
  using Cache = SmallSequenceCache<Cell, T>;

  static std::unique_ptr<Cache> forward(const SequenceCall<T>& call, T* y, T* h, T* c) {
    std::unique_ptr<Cache> cache(
        new Cache{call, Plan(call.B, call.steps, call.mask, call.reverse), {}, {}, {}, {}, {}, {}, {}});
    SmallSequence self(*cache);
    self.resize();
    self.run_forward(y, h, c);
    finish_outputs(call, y, h);
    return call.training ? std::move(cache) : nullptr;
  }

  static void backward(Cache& cache, StridedRows<T> dy, const T* dh, const T* dc, const SequenceGradients<T>& out) {
    SmallSequence self(cache);
    self.run_backward(dy, dh, dc, out);
  }

 private:
  explicit SmallSequence(Cache& cache)
      : call_(cache.call),
        plan_(cache.plan),
        cache_(cache),
        H_(call_.H),
        I_(call_.I),
        GH_(Cell::gates * H_),
        Hp_((H_ + W - 1) / W * W),
        z_stride_(C * H_ + W),
        act_{call_.activation, call_.recurrent_activation} {}

  void resize() {
    const Index rows = std::max<Index>(plan_.rows(), 1), B = std::max<Index>(call_.B, 1);
    cache_.x.resize(rows * I_);
    cache_.h_in.resize(rows * Hp_);
    cache_.h.resize(rows * Hp_);
    cache_.z.resize(rows * z_stride_);
    if (Cell::has_carry) cache_.carry.resize(rows * Hp_), cache_.carry0.resize(B * Hp_);
    if (Cell::reset_before) cache_.reset.resize(rows * Hp_);
  }

  static std::vector<ColumnRun> kernel_runs() {
    std::vector<ColumnRun> list;
    for (int c = 0; c < C; ++c) {
      const int gate = Cell::columns[c].kernel;
      if (gate < 0) continue;
      if (!list.empty() && list.back().gate + list.back().count == gate && list.back().column + list.back().count == c)
        ++list.back().count;
      else list.push_back({gate, c, 1, false});
    }
    return list;
  }
  static std::vector<ColumnRun> recurrent_runs() {
    std::vector<ColumnRun> list{{0, 0, SequenceLayout<Cell, T>::recurrent_columns(), false}};
    if (Cell::reset_before) list.push_back({2, 2, 1, true});
    return list;
  }

  T* z(Index row) const { return cache_.z.data() + row * z_stride_; }
  const T* input(Index s, Index i) const {
    const Index source = plan_.source(s, i);
    return call_.ids ? call_.embeddings + Index(call_.ids[source]) * I_ : call_.x + source * I_;
  }
  /// This worker's share of n elements, a multiple of 16: whole vectors and cache lines.
  static Range share(const Worker& worker, Index n) {
    const Range units = worker.range((n + 15) / 16);
    return {std::min(n, units.first * 16), std::min(n, units.last * 16)};
  }
  template <class Work>
  void on_workers(Work&& work) const {
    const double bytes = double(I_ + H_) * double(GH_) * sizeof(T) * double(plan_.rows());
    const int threads = bytes > 2e6 ? max_threads().load() : 1;  // for less, waking a thread costs more
    ThreadPool::shared().run_with_timeout(threads, bytes / 1e6, work);  // timeout: a hundredth of the time at 10 GB/s
  }

  // --- forward
  // --------------------------------------------------------------------------------------------------------
  void run_forward(T* y, T* h_out, T* c_out) {
    plan_.each({0, plan_.rows()}, [&](Index row, Index s, Index i) {
      copy_masked(input(s, i), call_.input_mask(0, plan_.batch_row(i)), I_, cache_.x.data() + row * I_);
      std::fill_n(z(row), z_stride_, T(0));
    });
    for (Index i = 0; i < call_.B; ++i) initial_state(i, h_out, c_out);
    const auto for_x = kernel_runs(), for_h = recurrent_runs();
    on_workers([&](const Worker& worker) {
      const FlushDenormals flush;
      const Range units = share(worker, H_);
      for (const ColumnRun& run : for_x) {
        const auto [first, last] = share(worker, run.count * H_);
        for (Index row = 0; row < plan_.rows(); ++row)
          stream_rows(cache_.x.data() + row * I_, I_, call_.kernel + run.gate * H_ + first, GH_, last - first,
                      z(row) + run.column * H_ + first);
      }
      worker.barrier();
      for (Index s = 0; s < plan_.steps(); ++s) {
        const Index at = plan_.row(s, 0), live = plan_.live(s);
        for (Index i = 0; i < live; ++i) add_bias(z(at + i), units);
        worker.barrier();
        for (const ColumnRun& run : for_h) {
          if (run.reset) {
            for (Index i = 0; i < live; ++i) reset(at + i, units);
            worker.barrier();
          }
          const auto [first, last] = share(worker, run.count * H_);
          const T* operand = run.reset ? cache_.reset.data() : cache_.h_in.data();
          for (Index i = 0; i < live; ++i)
            stream_rows(operand + (at + i) * Hp_, H_, call_.recurrent_kernel + run.gate * H_ + first, GH_, last - first,
                        z(at + i) + run.column * H_ + first);
          worker.barrier();
        }
        for (Index i = 0; i < live; ++i) pointwise(s, i, units, y, h_out, c_out);
        worker.barrier();
      }
    });
  }

  const T* recurrent_mask(Index i) const { return call_.recurrent_mask(0, plan_.batch_row(i)); }
  void initial_state(Index i, T* h_out, T* c_out) {
    const Index b = plan_.batch_row(i);
    const T* h0 = call_.h0 ? call_.h0 + b * H_ : nullptr;
    const T* c0 = call_.c0 ? call_.c0 + b * H_ : nullptr;
    if (Cell::has_carry) {
      const T* from = Cell::has_memory ? c0 : h0;
      for (Index j = 0; j < Hp_; ++j) cache_.carry0[i * Hp_ + j] = from && j < H_ ? from[j] : T(0);
    }
    if (plan_.length(i) > 0) return write_h_in(0, i, {0, H_}, h0);
    for (Index j = 0; j < H_; ++j) {
      h_out[b * H_ + j] = h0 ? h0[j] : T(0);
      if (c_out) c_out[b * H_ + j] = c0 ? c0[j] : T(0);
    }
  }
  void write_h_in(Index s, Index i, Range units, const T* h) {
    const T* drop = recurrent_mask(i);
    T* to = cache_.h_in.data() + plan_.row(s, i) * Hp_ + units.first;
    if (h) copy_masked(h + units.first, drop ? drop + units.first : nullptr, units.count(), to);
    else std::fill_n(to, units.count(), T(0));
  }
  void add_bias(T* row, Range units) const {
    if (!call_.bias) return;
    for (int c = 0; c < C; ++c) {
      const Column column = Cell::columns[c];
      for (Index j = units.first; j < units.last; ++j) {
        T bias = T(0);
        if (!Cell::two_biases) bias = call_.bias[column.gate() * H_ + j];
        if (Cell::two_biases && column.kernel >= 0) bias += call_.bias[column.kernel * H_ + j];
        if (Cell::two_biases && column.recurrent >= 0) bias += call_.bias[(3 + column.recurrent) * H_ + j];
        row[c * H_ + j] += bias;
      }
    }
  }

  /// f(v, j, n) for each vector of units: v holds one vector of every column, and v[0:n] is stored back.
  template <class F>
  void for_columns(T* row, Range units, F&& f) {
    for (Index j = units.first; j < units.last; j += W) {
      Packet<T> v[C];
      for (int c = 0; c < C; ++c) v[c] = load_partial(row + c * H_ + j, H_ - j);
      f(v, j, H_ - j);
      for (int c = 0; c < C; ++c) store_partial(row + c * H_ + j, v[c], H_ - j);
    }
  }
  T* carry_before(Index s, Index i) {
    return s ? cache_.carry.data() + plan_.row(s - 1, i) * Hp_ : cache_.carry0.data() + i * Hp_;
  }

  void reset(Index row, Range units) {
    if constexpr (Cell::reset_before)
      for_columns(z(row), units, [&](Packet<T>* v, Index j, Index) {
        store(cache_.reset.data() + row * Hp_ + j,
              Cell::template reset<T>(v, load(cache_.h_in.data() + row * Hp_ + j), act_));
      });
  }
  void pointwise(Index s, Index i, Range units, T* y, T* h_out, T* c_out) {
    const Index row = plan_.row(s, i), b = plan_.batch_row(i);
    T* h = cache_.h.data() + row * Hp_;
    const bool has_next = s + 1 < plan_.steps() && i < plan_.live(s + 1);
    for_columns(z(row), units, [&](Packet<T>* v, Index j, Index n) {
      Packet<T> carry = set1<T>(0);
      if constexpr (Cell::has_carry) carry = load(carry_before(s, i) + j);
      RECURRA_UNROLL for (int c = 0; c < C; ++c) v[c] = apply_column_activation<Cell, T>(c, v[c], act_);
      store(h + j, Cell::template forward<T>(v, carry, act_));
      if constexpr (Cell::has_carry) store(cache_.carry.data() + row * Hp_ + j, carry);
      if (!has_next && c_out) store_partial(c_out + b * H_ + j, carry, n);
    });
    const auto copy_to = [&](T* to) { std::copy(h + units.first, h + units.last, to + units.first); };
    if (call_.return_sequences) copy_to(y + plan_.source(s, i) * call_.y_stride());
    if (has_next) write_h_in(s + 1, i, units, h);
    else copy_to(h_out + b * H_);
  }

  // --- backward
  // -------------------------------------------------------------------------------------------------------
  void run_backward(StridedRows<T> dy, const T* dh_in, const T* dc_in, const SequenceGradients<T>& out) {
    UpstreamGradients<T> upstream(call_, plan_, Hp_, dy, dh_in, dc_in);
    const auto for_x = kernel_runs(), for_h = recurrent_runs();
    Buffer<T> through(Hp_);
    on_workers([&](const Worker& worker) {
      const FlushDenormals flush;
      const Range units = share(worker, H_);
      for (Index s = plan_.steps() - 1; s >= 0; --s)
        for (Index i = 0; i < plan_.live(s); ++i) {
          backward_pointwise(s, i, units, upstream);
          worker.barrier();
          if constexpr (Cell::reset_before) {
            dots(for_h[1], z(plan_.row(s, i)), call_.recurrent_kernel, units, through.data());
            backward_reset(s, i, units, through.data(), upstream);
            worker.barrier();
          }
          T* dh = upstream.dh.data() + i * Hp_;
          dots(for_h[0], z(plan_.row(s, i)), call_.recurrent_kernel, units, dh);
          if (const T* drop = recurrent_mask(i))
            for (Index j = units.first; j < units.last; ++j) dh[j] *= drop[j];
        }
      initial_states(units, upstream, out);
      worker.barrier();
      for (const ColumnRun& run : for_x) outer(run, cache_.x.data(), I_, share(worker, I_), out.dkernel);
      for (const ColumnRun& run : for_h)
        outer(run, run.reset ? cache_.reset.data() : cache_.h_in.data(), Hp_, units, out.drecurrent_kernel);
      if (out.dx) input_gradient(for_x, share(worker, I_), out.dx);
    });
    if (!out.dbias) return;
    for (const ColumnRun& run : for_x) column_sums(run, out.dbias);
    if (Cell::two_biases)
      for (const ColumnRun& run : for_h) column_sums(run, out.dbias + GH_);
  }

  /// dz from dL/dh of the step, which is in upstream.dh.
  void backward_pointwise(Index s, Index i, Range units, UpstreamGradients<T>& upstream) {
    const Index row = plan_.row(s, i);
    const T* dh = upstream.dh.data() + i * Hp_;
    const T* dy = upstream.dy ? upstream.dy.at(plan_.source(s, i)) : nullptr;
    T* dcarry = upstream.dcarry.data() + i * Hp_;
    for_columns(z(row), units, [&](Packet<T>* v, Index j, Index n) {
      Packet<T> d = load(dh + j), before = set1<T>(0), after = before, carried = before;
      if (dy) d = add(d, load_partial(dy + j, n));
      if constexpr (Cell::has_carry) {
        before = load(carry_before(s, i) + j);
        after = load(cache_.carry.data() + row * Hp_ + j);
        carried = load(dcarry + j);
      }
      Cell::template backward<T>(v, before, after, d, carried, act_);
      if constexpr (Cell::has_carry) store(dcarry + j, carried);
    });
  }
  /// GruResetBefore: the gradient through (r h) Un.
  void backward_reset(Index s, Index i, Range units, const T* through, UpstreamGradients<T>& upstream) {
    const Index row = plan_.row(s, i);
    const T* drop = recurrent_mask(i);
    T* dcarry = upstream.dcarry.data() + i * Hp_;
    for_columns(z(row), units, [&](Packet<T>* v, Index j, Index n) {
      Packet<T> d = Cell::template reset_backward<T>(v, load(cache_.h_in.data() + row * Hp_ + j),
                                                     load_partial(through + j, n), act_);
      if (drop) d = mul(d, load_partial(drop + j, n));
      store(dcarry + j, add(load(dcarry + j), d));
    });
  }
  void initial_states(Range units, const UpstreamGradients<T>& upstream, const SequenceGradients<T>& out) const {
    for (Index i = 0; i < call_.B; ++i) {
      const Index b = plan_.batch_row(i);
      for (Index j = units.first; j < units.last; ++j) {
        const T carried = Cell::has_carry ? upstream.dcarry[i * Hp_ + j] : T(0);
        out.dh0[b * H_ + j] = upstream.dh[i * Hp_ + j] + (Cell::has_memory ? T(0) : carried);
        if (out.dc0) out.dc0[b * H_ + j] = carried;
      }
    }
  }

  /// out[k] = weights[k, gates of the run] . dz[columns of the run]
  void dots(const ColumnRun& run, const T* dz, const T* weights, Range k, T* out) const {
    dot_rows(weights + run.gate * H_, GH_, k.first, k.last, dz + run.column * H_, run.count * H_, out);
  }
  /// out[k, gates of the run] = sum over rows of operand[row, k] * dz[row, columns of the run]
  void outer(const ColumnRun& run, const T* operand, Index operand_stride, Range k, T* out) const {
    outer_rows(operand, operand_stride, z(0) + run.column * H_, z_stride_, plan_.rows(), k.first, k.last,
               run.count * H_, out + run.gate * H_, GH_);
  }
  void column_sums(const ColumnRun& run, T* out) const {
    for (Index j = 0; j < run.count * H_; ++j) {
      T sum = T(0);
      for (Index row = 0; row < plan_.rows(); ++row) sum += z(row)[run.column * H_ + j];
      out[run.gate * H_ + j] = sum;
    }
  }
  /// Columns k of dx, 16 at a time, so that their rows of the kernel stay in cache for all rows of dz.
  void input_gradient(const std::vector<ColumnRun>& runs, Range k, T* dx) const {
    if (call_.mask)
      for (Index source = 0; source < call_.B * call_.steps; ++source)
        std::fill(dx + source * I_ + k.first, dx + source * I_ + k.last, T(0));
    constexpr Index block = 16;
    T sum[block];
    for (Index k0 = k.first; k0 < k.last; k0 += block) {
      const Index n = std::min(block, k.last - k0);
      plan_.each({0, plan_.rows()}, [&](Index row, Index s, Index i) {
        const T* drop = call_.input_mask(0, plan_.batch_row(i));
        T* to = dx + plan_.source(s, i) * I_ + k0;
        std::fill_n(to, n, T(0));
        for (const ColumnRun& run : runs) {
          dots(run, z(row), call_.kernel + k0 * GH_, {0, n}, sum);
          for (Index m = 0; m < n; ++m) to[m] += sum[m];
        }
        for (Index m = 0; drop && m < n; ++m) to[m] *= drop[k0 + m];
      });
    }
  }

  const SequenceCall<T>& call_;
  const Plan& plan_;
  Cache& cache_;
  const Index H_, I_, GH_, Hp_, z_stride_;
  const AnyActivations act_;
};

}  // namespace recurra
