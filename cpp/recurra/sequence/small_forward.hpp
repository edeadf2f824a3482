// Forward of a small call (small.hpp).
#pragma once
#include <memory>
#include <vector>

#include "recurra/linalg/copy_padded.hpp"
#include "recurra/linalg/row_moments.hpp"
#include "recurra/linalg/row_stream.hpp"
#include "recurra/sequence/outputs.hpp"
#include "recurra/sequence/small_state.hpp"

namespace recurra {

template <class T>
class SmallForward : SmallState<T> {
  using State = SmallState<T>;
  using State::call_, State::functions_, State::cell_, State::C, State::plan_, State::cache_, State::H_, State::P_,
      State::I_, State::GH_, State::Hp_, State::Pp_, State::z_stride_, State::for_x_, State::for_stage_, State::W;
  using State::carry_zoneout, State::keeps_h, State::share_of, State::unprojected;
  using State::operand_size, State::operand_stride, State::operands, State::z, State::share, State::recurrent_mask,
      State::carry_before, State::stage_row, State::small_row;
  using typename State::ColumnRun;

 public:
  using Cache = SmallSequenceCache<T>;

  /// y, h, c as in forward.hpp. Returns the cache when call.training, else null.
  static std::unique_ptr<Cache> run(const CellFunctions<T>& cell, const SequenceCall<T>& call, T* y, T* h, T* c) {
    auto cache = std::make_unique<Cache>();
    cache->cell = &cell, cache->call = call;
    cache->plan = Plan(call.B, call.steps, call.mask, call.reverse, false, call.layout);
    SmallForward self(*cache);
    self.resize();
    self.run_forward(y, h, c);
    finish_outputs(call, y, h);
    return call.training ? std::move(cache) : nullptr;
  }

 private:
  using State::State;

  void resize() {
    const Index rows = std::max<Index>(plan_.rows(), 1), B = std::max<Index>(call_.B, 1);
    cache_.x.resize(rows * I_);
    cache_.h_in.resize(rows * Pp_);
    cache_.h.resize(rows * Pp_);
    cache_.z.resize(rows * z_stride_);
    if (cell_.has_carry()) cache_.carry.resize(rows * Hp_), cache_.carry0.resize(B * Hp_);
    if (carry_zoneout()) cache_.carry_before_zoneout.resize(rows * Hp_);
    if (keeps_h()) cache_.h0.resize(B * Pp_);
    if (cell_.projects) {
      cache_.unprojected.resize(rows * Hp_);
      std::fill_n(cache_.h.data(), rows * Pp_, T(0));
    }
    if (cell_.row_statistics) cache_.norm_scale.resize(rows * C);
    cache_.stage_operands.resize((cell_.stages - 1) * rows * Hp_);
  }

  void run_forward(T* y, T* h_out, T* c_out) {
    plan_.each({0, plan_.rows()}, [&](Index row, Index s, Index i) {
      copy_masked(this->input(s, i), call_.input_mask(0, plan_.batch_row(i)), I_, cache_.x.data() + row * I_);
      std::fill_n(z(row), z_stride_, T(0));
    });
    for (Index i = 0; i < call_.B; ++i) initial_state(i, h_out, c_out);
    this->on_workers([&](const Worker& worker) {
      const FlushDenormals flush;
      const Range units = share(worker, H_), h_units = share(worker, P_);
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
          for (const ColumnRun& run : for_stage_[stage]) {
            const auto [first, last] = share(worker, run.count * H_);
            for (Index i = 0; i < live; ++i)
              stream_rows(operands(stage) + (at + i) * operand_stride(stage), operand_size(stage),
                          call_.recurrent_kernel + run.gate * H_ + first, GH_, last - first,
                          z(at + i) + run.column * H_ + first);
          }
          worker.barrier();
        }
        if (cell_.row_statistics) normalize_rows({at, at + live}, units, worker);
        for (Index i = 0; i < live; ++i) pointwise(s, i, units, c_out);
        if (cell_.projects) worker.barrier();
        for (Index i = 0; i < live; ++i) new_h(s, i, h_units, y, h_out);
        worker.barrier();
      }
    });
  }

  void initial_state(Index i, T* h_out, T* c_out) {
    const Index b = plan_.batch_row(i);
    const T* h0 = call_.h0 ? call_.h0 + b * P_ : nullptr;
    const T* c0 = call_.c0 ? call_.c0 + b * H_ : nullptr;
    if (cell_.has_carry()) {
      const T* from = cell_.carry == Carry::c ? c0 : h0;
      copy_padded(from, H_, Hp_, cache_.carry0.data() + i * Hp_);
    }
    if (keeps_h()) copy_padded(h0, P_, Pp_, cache_.h0.data() + i * Pp_);
    if (plan_.length(i) > 0) return write_h_in(0, i, {0, P_}, h0);
    copy_padded(h0, P_, P_, h_out + b * P_);
    if (c_out) copy_padded(c0, H_, H_, c_out + b * H_);
  }
  void write_h_in(Index s, Index i, Range units, const T* h) {
    const T* drop = recurrent_mask(i);
    T* to = cache_.h_in.data() + plan_.row(s, i) * Pp_ + units.first;
    if (h) copy_masked(h + units.first, drop ? drop + units.first : nullptr, units.count(), to);
    else std::fill_n(to, units.count(), T(0));
  }
  void add_bias(T* row, Range units) const {
    if (!call_.bias) return;
    for (int c = 0; c < C; ++c) {
      const Column& column = cell_.column[c];
      T* to = row + c * H_;
      if (cell_.biases == 1) {
        add_bias(to, call_.bias + column.gate() * H_, nullptr, units);
      } else if (cell_.biases == 2) {
        const T* first = column.kernel >= 0 ? call_.bias + column.kernel * H_ : nullptr;
        const T* second = column.recurrent >= 0 ? call_.bias + (cell_.gates + column.recurrent) * H_ : nullptr;
        add_bias(to, first ? first : second, first ? second : nullptr, units);
      }
    }
  }
  /// to += first + second; second may be null.
  static void add_bias(T* to, const T* first, const T* second, Range units) {
    if (second)
      for (Index j = units.first; j < units.last; ++j) to[j] += first[j] + second[j];
    else
      for (Index j = units.first; j < units.last; ++j) to[j] += first[j];
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

  void stage_operand(int stage, Index row, Range units) {
    functions_.small_stage_operand(stage_row(stage, row, units));
  }

  bool has_next(Index s, Index i) const { return s + 1 < plan_.steps() && i < plan_.live(s + 1); }

  /// The cell, up to the projection of h; the carry to the final states where a row ends.
  void pointwise(Index s, Index i, Range units, T* c_out) {
    const SmallRow<T> row = small_row(s, i, units);
    functions_.small_forward(row);
    T* carry = row.carry_after;
    if (const Zoneout<T>& zoneout = carry_zoneout()) {
      carry = cache_.carry.data() + plan_.row(s, i) * Hp_;
      for (Index j = units.first; j < units.last; j += W) {
        const Packet<T> now =
            mix<T>(share_of(zoneout, s, i, H_, j), load(row.carry_before + j), load(row.carry_after + j));
        store(carry + j, now);
        if (cell_.carry == Carry::h) store(row.h + j, now);
      }
    }
    if (c_out && !has_next(s, i))
      std::copy(carry + units.first, carry + units.last, c_out + plan_.batch_row(i) * H_ + units.first);
  }
  /// h, after projection and zoneout, to y, and to the next step's operand or the final states. units: of P.
  void new_h(Index s, Index i, Range units, T* y, T* h_out) {
    const Index row = plan_.row(s, i);
    T* h = cache_.h.data() + row * Pp_;
    if (cell_.projects)
      stream_rows(unprojected(row), H_, call_.projection_kernel + units.first, P_, units.count(), h + units.first);
    if (keeps_h()) {
      const T* before = s ? cache_.h.data() + plan_.row(s - 1, i) * Pp_ : cache_.h0.data() + i * Pp_;
      for (Index j = units.first; j < units.last; j += W)
        store(h + j, mix<T>(share_of(call_.zoneout_h, s, i, P_, j), load(before + j), load(h + j)));
    }
    const auto copy_to = [&](T* to) { std::copy(h + units.first, h + units.last, to + units.first); };
    if (call_.return_sequences) copy_to(y + plan_.source(s, i) * call_.y_stride());
    if (has_next(s, i)) write_h_in(s + 1, i, units, h);
    else copy_to(h_out + plan_.batch_row(i) * P_);
  }
};

}  // namespace recurra
