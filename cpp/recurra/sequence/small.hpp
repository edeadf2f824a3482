// Forward and backward of a small call: a few rows and steps, for which packing the weights would cost more than it
// saves. The weights are read in place, at the bandwidth of the cache or memory that holds them
// (linalg/row_stream.hpp).
//
// Arguments, results and bits of forward are those of forward.hpp and backward.hpp: the chains of sums are the same.
//
// Pre-activations are one row [column][H] for each packed row. Consecutive columns of consecutive gates are multiplied
// by a row of a kernel in one run.
#pragma once
#include <memory>
#include <vector>

#include "recurra/linalg/row_moments.hpp"
#include "recurra/linalg/row_stream.hpp"
#include "recurra/sequence/cache.hpp"
#include "recurra/sequence/outputs.hpp"
#include "recurra/sequence/upstream_gradients.hpp"

namespace recurra {

/// Whether a call is small: the weights are read about as often as packing would touch them.
template <class T>
bool is_small(const SequenceCall<T>& call) {
  const bool per_gate = call.input_mask_count > 1 || call.recurrent_mask_count > 1;
  return !per_gate && !call.projected && call.B <= 4 && call.steps * call.B <= 8;
}

/// What forward caches for backward, by packed row.
template <class T>
struct SmallSequenceCache {
  const CellFunctions<T>* cell = nullptr;
  SequenceCall<T> call;
  Plan plan;
  Buffer<T> x, h_in, h, z, carry, carry0;  // h_in: h times recurrent dropout
  Buffer<T> stage_operands;  // [stage - 1][packed row]: of the stages after 0
  Buffer<T> norm_scale;  // [packed row][column], where columns are normalised
};

template <class T>
class SmallSequence {
  static constexpr Index W = lanes<T>;
  /// Consecutive columns of consecutive gates, which one row of a kernel multiplies in one run.
  struct ColumnRun {
    int gate, column, count;
  };

 public:
  using Cache = SmallSequenceCache<T>;

  static std::unique_ptr<Cache> forward(const CellFunctions<T>& cell, const SequenceCall<T>& call, T* y, T* h, T* c) {
    auto cache = std::make_unique<Cache>();
    cache->cell = &cell, cache->call = call;
    cache->plan = Plan(call.B, call.steps, call.mask, call.reverse, false, call.layout);
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
        functions_(*cache.cell),
        cell_(functions_.declaration),
        C(cell_.columns),
        plan_(cache.plan),
        cache_(cache),
        H_(call_.H),
        I_(call_.I),
        GH_(cell_.gates * H_),
        Hp_((H_ + W - 1) / W * W),
        z_stride_(C * H_ + W) {
    const auto recurrent = [this](int stage) {
      return runs(
          [this, stage](int c) { return cell_.column[c].takes_operand(stage) ? cell_.column[c].recurrent : -1; });
    };
    for_x_ = runs([this](int c) { return cell_.column[c].kernel; });
    for (int stage = 0; stage < cell_.stages; ++stage) for_stage_.push_back(recurrent(stage));
  }

  void resize() {
    const Index rows = std::max<Index>(plan_.rows(), 1), B = std::max<Index>(call_.B, 1);
    cache_.x.resize(rows * I_);
    cache_.h_in.resize(rows * Hp_);
    cache_.h.resize(rows * Hp_);
    cache_.z.resize(rows * z_stride_);
    if (cell_.has_carry()) cache_.carry.resize(rows * Hp_), cache_.carry0.resize(B * Hp_);
    if (cell_.row_statistics) cache_.norm_scale.resize(rows * C);
    cache_.stage_operands.resize((cell_.stages - 1) * rows * Hp_);
  }

  /// gate(c): the gate of column c, or -1 where it takes no part.
  template <class Gate>
  std::vector<ColumnRun> runs(Gate&& gate) const {
    std::vector<ColumnRun> list;
    for (int c = 0; c < C; ++c) {
      if (gate(c) < 0) continue;
      if (!list.empty() && list.back().gate + list.back().count == gate(c) &&
          list.back().column + list.back().count == c)
        ++list.back().count;
      else list.push_back({gate(c), c, 1});
    }
    return list;
  }

  /// What a stage's recurrent kernel multiplies, (packed rows, Hp_).
  T* operands(int stage) const {
    return stage == 0 ? cache_.h_in.data() : cache_.stage_operands.data() + (stage - 1) * plan_.rows() * Hp_;
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
    on_workers([&](const Worker& worker) {
      const FlushDenormals flush;
      const Range units = share(worker, H_);
      for (const ColumnRun& run : for_x_) {
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
        for (int stage = 0; stage < cell_.stages; ++stage) {
          if (stage > 0) {
            for (Index i = 0; i < live; ++i) stage_operand(stage, at + i, units);
            worker.barrier();
          }
          for (const ColumnRun& run : for_stage_[size_t(stage)]) {
            const auto [first, last] = share(worker, run.count * H_);
            for (Index i = 0; i < live; ++i)
              stream_rows(operands(stage) + (at + i) * Hp_, H_, call_.recurrent_kernel + run.gate * H_ + first, GH_,
                          last - first, z(at + i) + run.column * H_ + first);
          }
          worker.barrier();
        }
        if (cell_.row_statistics) normalize_rows({at, at + live}, units, worker);
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
    if (cell_.has_carry()) {
      const T* from = cell_.carry == Carry::c ? c0 : h0;
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
      const Column& column = cell_.column[c];
      for (Index j = units.first; j < units.last; ++j) {
        T bias = T(0);
        if (cell_.biases == 1) bias = call_.bias[column.gate() * H_ + j];
        if (cell_.biases == 2 && column.kernel >= 0) bias += call_.bias[column.kernel * H_ + j];
        if (cell_.biases == 2 && column.recurrent >= 0) bias += call_.bias[(cell_.gates + column.recurrent) * H_ + j];
        row[c * H_ + j] += bias;
      }
    }
  }

  T* carry_before(Index s, Index i) {
    return s ? cache_.carry.data() + plan_.row(s - 1, i) * Hp_ : cache_.carry0.data() + i * Hp_;
  }

  /// Normalise the columns of some packed rows, this worker's units.
  void normalize_rows(Range rows, Range units, const Worker& worker) {
    std::vector<Moments<T>> moments;  // each worker computes all of them
    for (Index row = rows.first; row < rows.last; ++row)
      for (int c = 0; c < C; ++c) {
        moments.push_back(row_moments<T>(H_, [&](Index j) { return z(row) + c * H_ + j; }));
        if (worker.id == 0) cache_.norm_scale[row * C + c] = moments.back().scale;
      }
    worker.barrier();
    for (Index row = rows.first; row < rows.last; ++row)
      for (int c = 0; c < C; ++c)
        for (Index j = units.first; j < units.last; j += W) {
          T* at = z(row) + c * H_ + j;
          const Moments<T>& own = moments[size_t((row - rows.first) * C + c)];
          store_partial(at, normalize<T>(load_partial(at, H_ - j), own), H_ - j);
        }
  }
  /// dz of a packed row from d, the gradients of its normalised columns, this worker's units.
  void normalize_backward_row(Index row, const T* d, Range units, const Worker& worker) {
    std::vector<GradientMeans<T>> means;
    for (int c = 0; c < C; ++c)
      means.push_back(
          gradient_means<T>(H_, [&](Index j) { return z(row) + c * H_ + j; }, [&](Index j) { return d + c * H_ + j; }));
    worker.barrier();
    for (int c = 0; c < C; ++c)
      for (Index j = units.first; j < units.last; j += W) {
        T* at = z(row) + c * H_ + j;
        const Packet<T> own = load_partial(d + c * H_ + j, H_ - j);
        store_partial(
            at, normalize_backward<T>(load_partial(at, H_ - j), own, cache_.norm_scale[row * C + c], means[size_t(c)]),
            H_ - j);
      }
    worker.barrier();
  }

  SmallStageRow<T> stage_row(int stage, Index row, Range units) const {
    return {stage,
            H_,
            units,
            z(row),
            cache_.h_in.data() + row * Hp_,
            operands(stage) + row * Hp_,
            nullptr,
            nullptr,
            nullptr,
            call_.activations()};
  }
  void stage_operand(int stage, Index row, Range units) {
    functions_.small_stage_operand(stage_row(stage, row, units));
  }

  SmallRow<T> small_row(Index s, Index i, Range units) {
    const Index row = plan_.row(s, i);
    SmallRow<T> out{};
    out.H = H_, out.padded = Hp_, out.units = units, out.z = out.dz = z(row), out.h = cache_.h.data() + row * Hp_;
    out.unit_parameters = call_.unit_parameters, out.activations = call_.activations();
    if (cell_.has_carry()) out.carry_before = carry_before(s, i), out.carry_after = cache_.carry.data() + row * Hp_;
    return out;
  }
  void pointwise(Index s, Index i, Range units, T* y, T* h_out, T* c_out) {
    const Index b = plan_.batch_row(i);
    const bool has_next = s + 1 < plan_.steps() && i < plan_.live(s + 1);
    const SmallRow<T> row = small_row(s, i, units);
    functions_.small_forward(row);
    const auto copy_to = [&](const T* from, T* to) {
      std::copy(from + units.first, from + units.last, to + units.first);
    };
    if (call_.return_sequences) copy_to(row.h, y + plan_.source(s, i) * call_.y_stride());
    if (has_next) return write_h_in(s + 1, i, units, row.h);
    copy_to(row.h, h_out + b * H_);
    if (c_out) copy_to(row.carry_after, c_out + b * H_);
  }

  // --- backward
  // -------------------------------------------------------------------------------------------------------
  void run_backward(StridedRows<T> dy, const T* dh_in, const T* dc_in, const SequenceGradients<T>& out) {
    UpstreamGradients<T> upstream(call_, plan_, Hp_, Hp_, dy, dh_in, dc_in);
    const Index P = cell_.unit_parameters;
    Buffer<T> through(Hp_), dunit_parameters(call_.B * P * Hp_), normalized(cell_.row_statistics ? z_stride_ : 0);
    std::fill_n(dunit_parameters.data(), dunit_parameters.size(), T(0));
    on_workers([&](const Worker& worker) {
      const FlushDenormals flush;
      const Range units = share(worker, H_);
      for (Index s = plan_.steps() - 1; s >= 0; --s)
        for (Index i = 0; i < plan_.live(s); ++i) {
          T* to = cell_.row_statistics ? normalized.data() : z(plan_.row(s, i));
          backward_pointwise(s, i, units, upstream, to, dunit_parameters.data() + i * P * Hp_);
          worker.barrier();
          if (cell_.row_statistics) normalize_backward_row(plan_.row(s, i), to, units, worker);
          const T* dz = z(plan_.row(s, i));
          for (int stage = cell_.stages - 1; stage > 0; --stage) {
            dots(for_stage_[size_t(stage)], dz, call_.recurrent_kernel, units, through.data());
            backward_stage(stage, s, i, units, through.data(), upstream);
            worker.barrier();
          }
          T* dh = upstream.dh.data() + i * Hp_;
          dots(for_stage_[0], dz, call_.recurrent_kernel, units, dh);
          if (const T* drop = recurrent_mask(i))
            for (Index j = units.first; j < units.last; ++j) dh[j] *= drop[j];
        }
      initial_states(units, upstream, out);
      worker.barrier();
      for (const ColumnRun& run : for_x_) outer(run, cache_.x.data(), I_, share(worker, I_), out.dkernel);
      for (int stage = 0; stage < cell_.stages; ++stage)
        for (const ColumnRun& run : for_stage_[size_t(stage)])
          outer(run, operands(stage), Hp_, units, out.drecurrent_kernel);
      if (out.dx) input_gradient(share(worker, I_), out.dx);
    });
    if (out.dbias)
      for (int c = 0; c < C; ++c) {
        const Column& column = cell_.column[c];
        if (cell_.biases == 1) column_sums(c, out.dbias + column.gate() * H_);
        if (cell_.biases == 2 && column.kernel >= 0) column_sums(c, out.dbias + column.kernel * H_);
        if (cell_.biases == 2 && column.recurrent >= 0) column_sums(c, out.dbias + GH_ + column.recurrent * H_);
      }
    for (Index p = 0; p < P; ++p)
      for (Index j = 0; j < H_; ++j) {
        T sum = T(0);
        for (Index i = 0; i < call_.B; ++i) sum += dunit_parameters[(i * P + p) * Hp_ + j];
        out.dunit_parameters[p * H_ + j] = sum;
      }
  }

  /// dz from dL/dh of the step, which is in upstream.dh.
  void backward_pointwise(Index s, Index i, Range units, UpstreamGradients<T>& upstream, T* dz, T* dunit_parameters) {
    SmallRow<T> row = small_row(s, i, units);
    row.dh = upstream.dh.data() + i * Hp_;
    row.dy = upstream.dy ? upstream.dy.at(plan_.source(s, i)) : nullptr;
    row.dcarry = upstream.dcarry.data() + i * Hp_;
    row.dz = dz, row.dunit_parameters = dunit_parameters;
    functions_.small_backward(row);
  }
  /// The gradient through the operand of a stage after 0. d: of the operand.
  void backward_stage(int stage, Index s, Index i, Range units, const T* d, UpstreamGradients<T>& upstream) {
    SmallStageRow<T> row = stage_row(stage, plan_.row(s, i), units);
    row.d = d, row.dropout = recurrent_mask(i), row.dcarry = upstream.dcarry.data() + i * Hp_;
    functions_.small_stage_operand_backward(row);
  }
  void initial_states(Range units, const UpstreamGradients<T>& upstream, const SequenceGradients<T>& out) const {
    for (Index i = 0; i < call_.B; ++i) {
      const Index b = plan_.batch_row(i);
      for (Index j = units.first; j < units.last; ++j) {
        const T carried = upstream.dcarry[i * Hp_ + j];
        out.dh0[b * H_ + j] = upstream.dh[i * Hp_ + j] + (cell_.carry == Carry::h ? carried : T(0));
        if (out.dc0) out.dc0[b * H_ + j] = carried;
      }
    }
  }

  /// out[k] = weights[k, gates of the run] . dz[columns of the run]
  void dots(const ColumnRun& run, const T* dz, const T* weights, Range k, T* out) const {
    dot_rows(weights + run.gate * H_, GH_, k.first, k.last, dz + run.column * H_, run.count * H_, out);
  }
  /// The sum of several runs; zeros without any.
  void dots(const std::vector<ColumnRun>& runs, const T* dz, const T* weights, Range k, T* out) const {
    if (runs.empty()) return std::fill(out + k.first, out + k.last, T(0));
    dots(runs[0], dz, weights, k, out);
    if (runs.size() == 1) return;
    std::vector<T> more(size_t(k.last));
    for (size_t n = 1; n < runs.size(); ++n) {
      dots(runs[n], dz, weights, k, more.data());
      for (Index j = k.first; j < k.last; ++j) out[j] += more[size_t(j)];
    }
  }
  /// out[k, gates of the run] = sum over rows of operand[row, k] * dz[row, columns of the run]
  void outer(const ColumnRun& run, const T* operand, Index operand_stride, Range k, T* out) const {
    outer_rows(operand, operand_stride, z(0) + run.column * H_, z_stride_, plan_.rows(), k.first, k.last,
               run.count * H_, out + run.gate * H_, GH_);
  }
  void column_sums(int c, T* out) const {
    for (Index j = 0; j < H_; ++j) {
      T sum = T(0);
      for (Index row = 0; row < plan_.rows(); ++row) sum += z(row)[c * H_ + j];
      out[j] = sum;
    }
  }
  /// Columns k of dx, 16 at a time, so that their rows of the kernel stay in cache for all rows of dz.
  void input_gradient(Range k, T* dx) const {
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
        for (const ColumnRun& run : for_x_) {
          dots(run, z(row), call_.kernel + k0 * GH_, {0, n}, sum);
          for (Index m = 0; m < n; ++m) to[m] += sum[m];
        }
        for (Index m = 0; drop && m < n; ++m) to[m] *= drop[k0 + m];
      });
    }
  }

  const SequenceCall<T>& call_;
  const CellFunctions<T>& functions_;
  const CellDeclaration& cell_;
  const int C;
  const Plan& plan_;
  Cache& cache_;
  const Index H_, I_, GH_, Hp_, z_stride_;
  std::vector<ColumnRun> for_x_;
  std::vector<std::vector<ColumnRun>> for_stage_;
};

}  // namespace recurra
