// What forward and backward of a small call share: its arrays, the runs of columns, and the workers.
//
// Pre-activations are one row [column][H] for each packed row. Consecutive columns of consecutive gates are multiplied
// by a row of a kernel in one run.
#pragma once
#include "recurra/sequence/cache.hpp"

namespace recurra {

/// What forward caches for backward, by packed row.
template <class T>
struct SmallSequenceCache {
  const CellFunctions<T>* cell = nullptr;
  SequenceCall<T> call;
  Plan plan;
  Buffer<T> x, h_in, h, z, carry, carry0;  // h_in: h times recurrent dropout
  Buffer<T> h0;  // [position][P, padded]: h before the first step, where zoneout needs it
  Buffer<T> carry_before_zoneout;  // where the carry has zoneout
  Buffer<T> unprojected;  // what the projection kernel multiplies
  Buffer<T> stage_operands;  // [stage - 1][packed row]: of the stages after 0
  Buffer<T> norm_scale;  // [packed row][column], where columns are normalised
};

template <class T>
class SmallState {
 protected:
  static constexpr Index W = lanes<T>;
  /// Consecutive columns of consecutive gates, which one row of a kernel multiplies in one run.
  struct ColumnRun {
    int gate, column, count;
  };
  struct ColumnRuns {
    ColumnRun run[max_columns];
    int count = 0;
    const ColumnRun* begin() const { return run; }
    const ColumnRun* end() const { return run + count; }
  };

  explicit SmallState(SmallSequenceCache<T>& cache)
      : call_(cache.call),
        functions_(*cache.cell),
        cell_(functions_.declaration),
        C(cell_.columns),
        plan_(cache.plan),
        cache_(cache),
        H_(call_.H),
        P_(call_.P()),
        I_(call_.I),
        GH_(cell_.gates * H_),
        Hp_(padded(H_)),
        Pp_(padded(P_)),
        z_stride_(C * H_ + W) {
    for_x_ = runs([this](int c) { return cell_.column[c].kernel; });
    for (int stage = 0; stage < cell_.stages; ++stage)
      for_stage_[stage] =
          runs([this, stage](int c) { return cell_.column[c].takes_operand(stage) ? cell_.column[c].recurrent : -1; });
  }

  /// gate(c): the gate of column c, or -1 where it takes no part.
  template <class Gate>
  ColumnRuns runs(Gate&& gate) const {
    ColumnRuns list;
    for (int c = 0; c < C; ++c) {
      if (gate(c) < 0) continue;
      ColumnRun* last = list.count ? &list.run[list.count - 1] : nullptr;
      if (last && last->gate + last->count == gate(c) && last->column + last->count == c) ++last->count;
      else list.run[list.count++] = {gate(c), c, 1};
    }
    return list;
  }

  static Index padded(Index units) { return (units + W - 1) / W * W; }
  /// The zoneout of the carry.
  const Zoneout<T>& carry_zoneout() const { return cell_.carry == Carry::h ? call_.zoneout_h : call_.zoneout_c; }
  /// Whether h before a step is needed, with no carry that holds it.
  bool keeps_h() const { return call_.zoneout_h && cell_.carry != Carry::h; }
  /// The shares of zoneout of step s and position i: size units, `first` and on.
  Packet<T> share_of(const Zoneout<T>& zoneout, Index s, Index i, Index size, Index first) const {
    return zoneout.load_share(plan_.source(s, i), size, first, size - first);
  }

  /// What a stage's recurrent kernel multiplies, (packed rows, operand_size(stage)), rows operand_stride(stage) apart.
  T* operands(int stage) const {
    return stage == 0 ? cache_.h_in.data() : cache_.stage_operands.data() + (stage - 1) * plan_.rows() * Hp_;
  }
  Index operand_size(int stage) const { return stage == 0 ? P_ : H_; }
  Index operand_stride(int stage) const { return stage == 0 ? Pp_ : Hp_; }
  T* unprojected(Index row) const { return cache_.unprojected.data() + row * Hp_; }
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
    const Index weights = (I_ + P_) * GH_ + (cell_.projects ? H_ * P_ : 0);
    const double bytes = double(weights) * sizeof(T) * double(plan_.rows());
    const int threads = bytes > 2e6 ? max_threads().load() : 1;  // for less, waking a thread costs more
    ThreadPool::shared().run_with_timeout(threads, bytes / 1e6, work);  // timeout: a hundredth of the time at 10 GB/s
  }
  const T* recurrent_mask(Index i) const { return call_.recurrent_mask(0, plan_.batch_row(i)); }
  T* carry_before(Index s, Index i) {
    return s ? cache_.carry.data() + plan_.row(s - 1, i) * Hp_ : cache_.carry0.data() + i * Hp_;
  }

  SmallStageRow<T> stage_row(int stage, Index row, Range units) const {
    return {stage,
            H_,
            units,
            z(row),
            cache_.h_in.data() + row * Pp_,
            operands(stage) + row * operand_stride(stage),
            nullptr,
            nullptr,
            nullptr,
            call_.activations()};
  }
  /// With the carry before its zoneout, and h before its projection.
  SmallRow<T> small_row(Index s, Index i, Range units) {
    const Index row = plan_.row(s, i);
    SmallRow<T> out{};
    out.H = H_, out.padded = Hp_, out.units = units, out.z = out.dz = z(row);
    out.h = cell_.projects ? unprojected(row) : cache_.h.data() + row * Pp_;
    out.unit_parameters = call_.unit_parameters, out.activations = call_.activations();
    if (cell_.has_carry()) {
      out.carry_before = carry_before(s, i);
      out.carry_after = (carry_zoneout() ? cache_.carry_before_zoneout : cache_.carry).data() + row * Hp_;
    }
    return out;
  }
  const SequenceCall<T>& call_;
  const CellFunctions<T>& functions_;
  const CellDeclaration& cell_;
  const int C;
  const Plan& plan_;
  SmallSequenceCache<T>& cache_;
  const Index H_, P_, I_, GH_, Hp_, Pp_, z_stride_;
  ColumnRuns for_x_, for_stage_[max_stages];
};

}  // namespace recurra
