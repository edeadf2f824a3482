// Backward of a small call (small.hpp).
#pragma once
#include <vector>

#include "recurra/linalg/row_moments.hpp"
#include "recurra/linalg/row_stream.hpp"
#include "recurra/sequence/small_state.hpp"
#include "recurra/sequence/upstream_gradients.hpp"

namespace recurra {

template <class T>
class SmallBackward : SmallState<T> {
  using State = SmallState<T>;
  using State::call_, State::functions_, State::cell_, State::C, State::plan_, State::cache_, State::H_, State::P_,
      State::I_, State::GH_, State::Hp_, State::Pp_, State::z_stride_, State::for_x_, State::for_stage_, State::W;
  using State::carry_zoneout, State::keeps_h, State::share_of, State::unprojected;
  using State::operand_size, State::operand_stride, State::operands, State::z, State::share, State::recurrent_mask,
      State::stage_row, State::small_row;
  using typename State::ColumnRun;
  using typename State::ColumnRuns;

 public:
  /// dy, dh, dc and the gradients as in backward.hpp.
  static void run(SmallSequenceCache<T>& cache, StridedRows<T> dy, const T* dh, const T* dc,
                  const SequenceGradients<T>& out) {
    SmallBackward(cache).run_backward(dy, dh, dc, out);
  }

 private:
  explicit SmallBackward(SmallSequenceCache<T>& cache) : State(cache) {
    if (keeps_h()) fill_zero(kept_dh_, call_.B * Pp_);
    if (carry_zoneout()) kept_dcarry_.resize(Hp_);
    if (!cell_.projects) return;
    fill_zero(dunprojected_, Hp_);
    projected_gradients_.resize(plan_.rows() * Pp_);
  }
  static void fill_zero(Buffer<T>& buffer, Index size) {
    buffer.resize(size);
    std::fill_n(buffer.data(), size, T(0));
  }

  void run_backward(StridedRows<T> dy, const T* dh_in, const T* dc_in, const SequenceGradients<T>& out) {
    UpstreamGradients<T> upstream(call_, plan_, Pp_, Hp_, dy, dh_in, dc_in);
    const Index parameters = cell_.unit_parameters;
    Buffer<T> through(Hp_), dunit_parameters, normalized(cell_.row_statistics ? z_stride_ : 0);
    fill_zero(dunit_parameters, call_.B * parameters * Hp_);
    this->on_workers([&](const Worker& worker) {
      const FlushDenormals flush;
      const Range units = share(worker, H_), h_units = share(worker, P_);
      for (Index s = plan_.steps() - 1; s >= 0; --s)
        for (Index i = 0; i < plan_.live(s); ++i) {
          T* to = cell_.row_statistics ? normalized.data() : z(plan_.row(s, i));
          if (cell_.projects) {
            backward_projection(s, i, h_units, upstream);
            worker.barrier();
          }
          backward_pointwise(s, i, units, upstream, to, dunit_parameters.data() + i * parameters * Hp_);
          worker.barrier();
          if (cell_.row_statistics) normalize_backward_row(plan_.row(s, i), to, units, worker);
          const T* dz = z(plan_.row(s, i));
          for (int stage = cell_.stages - 1; stage > 0; --stage) {
            dots(for_stage_[stage], dz, call_.recurrent_kernel, units, through.data());
            backward_stage(stage, s, i, units, through.data(), upstream);
            worker.barrier();
          }
          if (s == 0 && !out.dh0) continue;
          T* dh = upstream.dh.data() + i * Pp_;
          dots(for_stage_[0], dz, call_.recurrent_kernel, h_units, dh);
          if (const T* drop = recurrent_mask(i))
            for (Index j = h_units.first; j < h_units.last; ++j) dh[j] *= drop[j];
        }
      if (out.dh0) initial_states(units, h_units, upstream, out);
      worker.barrier();
      if (out.dkernel)
        for (const ColumnRun& run : for_x_) outer(run, cache_.x.data(), I_, share(worker, I_), out.dkernel);
      for (int stage = 0; out.drecurrent_kernel && stage < cell_.stages; ++stage)
        for (const ColumnRun& run : for_stage_[stage])
          outer(run, operands(stage), operand_stride(stage), share(worker, operand_size(stage)), out.drecurrent_kernel);
      if (out.dprojection_kernel)
        outer_rows(cache_.unprojected.data(), Hp_, projected_gradients_.data(), Pp_, plan_.rows(), units.first,
                   units.last, P_, out.dprojection_kernel, P_);
      if (out.dx) input_gradient(share(worker, I_), out.dx);
    });
    if (out.dbias)
      for (int c = 0; c < C; ++c) {
        const Column& column = cell_.column[c];
        if (cell_.biases == 1) column_sums(c, out.dbias + column.gate() * H_);
        if (cell_.biases == 2 && column.kernel >= 0) column_sums(c, out.dbias + column.kernel * H_);
        if (cell_.biases == 2 && column.recurrent >= 0) column_sums(c, out.dbias + GH_ + column.recurrent * H_);
      }
    for (Index p = 0; out.dunit_parameters && p < parameters; ++p)
      for (Index j = 0; j < H_; ++j) {
        T sum = T(0);
        for (Index i = 0; i < call_.B; ++i) sum += dunit_parameters[(i * parameters + p) * Hp_ + j];
        out.dunit_parameters[p * H_ + j] = sum;
      }
  }

  const T* dy_of(const UpstreamGradients<T>& upstream, Index s, Index i) const {
    return upstream.dy ? upstream.dy.at(plan_.source(s, i)) : nullptr;
  }
  /// One vector of dL/dh after zoneout: returns dL/dh before it, and keeps the rest for the step before.
  Packet<T> through_zoneout(Index s, Index i, Index first, const Packet<T>& d) {
    T* kept = kept_dh_.data() + i * Pp_ + first;
    const Packet<T> all = add(d, load(kept)), share = share_of(call_.zoneout_h, s, i, P_, first);
    store(kept, mul(share, all));
    return mul(sub(set1<T>(1), share), all);
  }
  /// dL/dh of the projected h of a step, to projected_gradients_. units: of P.
  void backward_projection(Index s, Index i, Range units, const UpstreamGradients<T>& upstream) {
    const T *from = upstream.dh.data() + i * Pp_, *dy = dy_of(upstream, s, i);
    T* to = projected_gradients_.data() + plan_.row(s, i) * Pp_;
    for (Index j = units.first; j < units.last; j += W) {
      Packet<T> d = load(from + j);
      if (dy) d = add(d, load_partial(dy + j, P_ - j));
      store(to + j, keeps_h() ? through_zoneout(s, i, j, d) : d);
    }
  }
  /// dz from dL/dh of the step, which is in upstream.dh, or in projected_gradients_.
  void backward_pointwise(Index s, Index i, Range units, UpstreamGradients<T>& upstream, T* dz, T* dunit_parameters) {
    SmallRow<T> row = small_row(s, i, units);
    T* dh = upstream.dh.data() + i * Pp_;
    row.dh = dh, row.dcarry = upstream.dcarry.data() + i * Hp_;
    row.dz = dz, row.dunit_parameters = dunit_parameters;
    if (cell_.projects) {
      row.dh = dunprojected_.data();
      dot_rows(call_.projection_kernel, P_, units.first, units.last,
               projected_gradients_.data() + plan_.row(s, i) * Pp_, P_, dunprojected_.data());
    } else {
      row.dy = dy_of(upstream, s, i);
    }
    if (call_.has_zoneout()) enter_zoneout(s, i, row, dh);
    functions_.small_backward(row);
    if (!carry_zoneout()) return;
    for (Index j = units.first; j < units.last; j += W)
      store(row.dcarry + j, add(load(row.dcarry + j), load(kept_dcarry_.data() + j)));
  }
  /// The gradients of the new states, dh and row.dcarry, before zoneout; those of the carry before the step to
  /// kept_dcarry_. The projected h's are so already.
  void enter_zoneout(Index s, Index i, SmallRow<T>& row, T* dh) {
    const Zoneout<T>& zoneout = carry_zoneout();
    for (Index j = row.units.first; j < row.units.last; j += W) {
      const Packet<T> share = zoneout ? share_of(zoneout, s, i, H_, j) : set1<T>(0), rest = sub(set1<T>(1), share);
      Packet<T> d = cell_.projects ? set1<T>(0) : load(dh + j);  // the projected dh has P units, not H
      if (row.dy) d = add(d, load_partial(row.dy + j, H_ - j));
      if (zoneout && cell_.carry == Carry::h) {
        const Packet<T> all = add(d, load(row.dcarry + j));
        store(kept_dcarry_.data() + j, mul(share, all));
        store(row.dcarry + j, set1<T>(0));
        store(dh + j, mul(rest, all));
        continue;
      }
      if (zoneout) {
        store(kept_dcarry_.data() + j, mul(share, load(row.dcarry + j)));
        store(row.dcarry + j, mul(rest, load(row.dcarry + j)));
      }
      if (!cell_.projects) store(dh + j, keeps_h() ? through_zoneout(s, i, j, d) : d);
    }
    row.dy = nullptr;
  }
  /// The gradient through the operand of a stage after 0. d: of the operand.
  void backward_stage(int stage, Index s, Index i, Range units, const T* d, UpstreamGradients<T>& upstream) {
    SmallStageRow<T> row = stage_row(stage, plan_.row(s, i), units);
    row.d = d, row.dropout = recurrent_mask(i), row.dcarry = upstream.dcarry.data() + i * Hp_;
    functions_.small_stage_operand_backward(row);
  }
  void initial_states(Range units, Range h_units, const UpstreamGradients<T>& upstream,
                      const SequenceGradients<T>& out) const {
    for (Index i = 0; i < call_.B; ++i) {
      const Index b = plan_.batch_row(i);
      const T *dcarry = upstream.dcarry.data() + i * Hp_, *more = nullptr;  // more: reaches h beside the products
      if (cell_.carry == Carry::h) more = dcarry;
      else if (keeps_h()) more = kept_dh_.data() + i * Pp_;
      for (Index j = h_units.first; j < h_units.last; ++j)
        out.dh0[b * P_ + j] = upstream.dh[i * Pp_ + j] + (more ? more[j] : T(0));
      if (out.dc0) std::copy(dcarry + units.first, dcarry + units.last, out.dc0 + b * H_ + units.first);
    }
  }

  /// out[k] = weights[k, gates of the run] . dz[columns of the run]
  void dots(const ColumnRun& run, const T* dz, const T* weights, Range k, T* out) const {
    dot_rows(weights + run.gate * H_, GH_, k.first, k.last, dz + run.column * H_, run.count * H_, out);
  }
  /// The sum of several runs; zeros without any.
  void dots(const ColumnRuns& runs, const T* dz, const T* weights, Range k, T* out) const {
    if (runs.count == 0) return std::fill(out + k.first, out + k.last, T(0));
    dots(runs.run[0], dz, weights, k, out);
    if (runs.count == 1) return;
    std::vector<T> more(size_t(k.last));
    for (int n = 1; n < runs.count; ++n) {
      dots(runs.run[n], dz, weights, k, more.data());
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

  Buffer<T> kept_dh_;  // [position][P, padded]: of h through its zoneout, where keeps_h()
  Buffer<T> kept_dcarry_;  // of one row, where the carry has zoneout
  Buffer<T> projected_gradients_;  // [packed row][P, padded]: dL/dh after the projection
  Buffer<T> dunprojected_;  // of one row, before the projection
};

}  // namespace recurra
