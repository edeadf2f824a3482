// A cell over a sequence, row by row, step by step and number by number: what the loops of recurra/sequence/ must
// equal. The products, norms, masks, states and gradients are written here again from a cell's declaration; its
// functions are called on one row at a time.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "recurra/linalg/row_moments.hpp"
#include "recurra/sequence/cell_functions.hpp"

namespace recurra_test {

using recurra::Index;

template <class T>
class NaiveSequence {
  using List = std::vector<T>;

 public:
  NaiveSequence(const recurra::CellFunctions<T>& functions, const recurra::SequenceCall<T>& call)
      : functions_(functions),
        cell_(functions.declaration),
        call_(call),
        C(cell_.columns),
        P(cell_.unit_parameters),
        H(call.H),
        R(call.P()),
        I(call.I),
        GH(cell_.gates * call.H) {
    const auto size = [](Index n) { return size_t(n); };
    y.resize(size(call.return_sequences ? call.B * call.steps * R : call.B * R));
    h.resize(size(call.B * R)), c.resize(size(call.B * H));
    dx.resize(size(call.B * call.steps * I)), dh0 = h, dc0 = c;
    dkernel.resize(size(I * GH)), drecurrent_kernel.resize(size(R * GH)), dbias.resize(size(cell_.biases * GH));
    dunit_parameters.resize(size(P * H)), dprojection_kernel.resize(size(cell_.projects ? H * R : 0));
    rows_.resize(size(call.B));
    for (Index b = 0; b < call.B; ++b) forward(b);
  }
  void backward(const List& dy, const List& dh, const List& dc) {
    for (Index b = 0; b < call_.B; ++b) backward(b, dy, dh, dc);
  }

  List y, h, c, dx, dh0, dc0, dkernel, drecurrent_kernel, dbias, dunit_parameters, dprojection_kernel;

 private:
  struct Step {
    Index t;
    List h, before, after, z, scale;  // z: (C, H) as forward left it
    List unprojected;
    std::vector<List> operands;  // of the stages after 0
  };
  struct Row {
    std::vector<Step> steps;
    std::vector<Index> step_of_output;  // for each t: the step whose h is shown, or -1 for zeros
  };

  const T* x(Index b, Index t) const {
    const Index at = b * call_.steps + t;
    return call_.ids ? call_.embeddings + call_.ids[at] * I : call_.x + at * I;
  }
  /// Room for whole vectors behind the end.
  static List zeros(Index n) { return List(static_cast<size_t>(n + 16)); }
  static T masked(const T* mask, Index k) { return mask ? mask[k] : T(1); }
  void forward(Index b) {
    Row& row = rows_[size_t(b)];
    row.step_of_output.assign(size_t(call_.steps), -1);
    List state = zeros(R), carry = zeros(H);
    for (Index j = 0; j < R; ++j) state[size_t(j)] = call_.h0 ? call_.h0[b * R + j] : T(0);
    for (Index j = 0; j < H; ++j) {
      carry[size_t(j)] = cell_.carry != recurra::Carry::c ? state[size_t(j)] : call_.c0 ? call_.c0[b * H + j] : T(0);
    }
    Index previous = -1;
    for (Index n = 0; n < call_.steps; ++n) {
      const Index t = call_.reverse ? call_.steps - 1 - n : n;
      const bool valid = !call_.mask || call_.mask[b * call_.steps + t];
      if (valid) {
        step(b, t, state, carry, row);
        previous = Index(row.steps.size()) - 1;
      }
      row.step_of_output[size_t(t)] = valid || !call_.zero_output_for_mask ? previous : -1;
      T* to = call_.return_sequences ? &y[size_t((b * call_.steps + t) * R)] : &y[size_t(b * R)];
      for (Index j = 0; j < R; ++j) to[j] = row.step_of_output[size_t(t)] < 0 ? T(0) : state[size_t(j)];
    }
    std::copy_n(state.begin(), R, h.begin() + b * R);
    std::copy_n(carry.begin(), H, c.begin() + b * H);
  }

  void step(Index b, Index t, List& state, List& carry, Row& row) {
    Step step{t, state, carry, carry, zeros(C * H), zeros(C), zeros(H), {}};
    List& z = step.z;
    for (int k = 0; k < C; ++k) {
      const recurra::Column column = cell_.column[k];
      const T *drop_x = call_.input_mask(column.gate(), b), *drop_h = call_.recurrent_mask(column.gate(), b);
      for (Index j = 0; j < H; ++j) {
        T sum = bias(column, j);
        for (Index i = 0; column.kernel >= 0 && i < I; ++i)
          sum += x(b, t)[i] * masked(drop_x, i) * call_.kernel[i * GH + column.kernel * H + j];
        for (Index i = 0; column.takes_operand(0) && i < R; ++i)
          sum += state[size_t(i)] * masked(drop_h, i) * call_.recurrent_kernel[i * GH + column.recurrent * H + j];
        z[size_t(k * H + j)] = sum;
      }
    }
    for (int stage = 1; stage < cell_.stages; ++stage) {
      const T* drop = call_.recurrent_mask(cell_.stage_gate(stage), b);
      List operand = zeros(H), seen = zeros(H);
      for (Index j = 0; j < H; ++j) seen[size_t(j)] = state[size_t(j)] * masked(drop, j);
      recurra::SmallStageRow<T> own{};
      own.stage = stage, own.H = H, own.units = {0, H}, own.z = &z[0], own.h = &seen[0], own.operand = &operand[0];
      own.activations = call_.activations();
      functions_.small_stage_operand(own);
      for (int k = 0; k < C; ++k)
        for (Index j = 0; cell_.column[k].takes_operand(stage) && j < H; ++j)
          for (Index i = 0; i < H; ++i)
            z[size_t(k * H + j)] +=
                operand[size_t(i)] * call_.recurrent_kernel[i * GH + cell_.column[k].recurrent * H + j];
      step.operands.push_back(operand);
    }
    if (cell_.row_statistics) normalize(step);
    recurra::SmallRow<T> own = small_row(&z[0], step);
    own.h = cell_.projects ? &step.unprojected[0] : &state[0], own.carry_after = &carry[0];
    functions_.small_forward(own);
    if (cell_.projects) project(step.unprojected, state);
    step.after = carry;
    const Index at = b * call_.steps + t;
    if (cell_.carry == recurra::Carry::c) carry = zoned(call_.zoneout_c, at, step.before, carry);
    state = zoned(call_.zoneout_h, at, step.h, state);
    if (cell_.carry == recurra::Carry::h) carry = state;
    row.steps.push_back(step);
  }
  /// Share j of row `at`.
  static T share(const recurra::Zoneout<T>& zoneout, Index at, Index size, Index j) {
    return zoneout.shares ? zoneout.shares[at * size + j] : zoneout.share;
  }
  List zoned(const recurra::Zoneout<T>& zoneout, Index at, const List& before, const List& now) const {
    const Index size = Index(now.size()) - 16;
    List mixed = now;
    for (Index j = 0; zoneout && j < size; ++j) {
      const T kept = share(zoneout, at, size, j);
      mixed[size_t(j)] = kept * before[size_t(j)] + (T(1) - kept) * now[size_t(j)];
    }
    return mixed;
  }
  /// What zoneout keeps of the gradient d, which becomes the rest.
  List keep(const recurra::Zoneout<T>& zoneout, Index at, List& d) const {
    const Index size = Index(d.size()) - 16;
    List kept = zeros(size);
    for (Index j = 0; zoneout && j < size; ++j) {
      kept[size_t(j)] = share(zoneout, at, size, j) * d[size_t(j)];
      d[size_t(j)] -= kept[size_t(j)];
    }
    return kept;
  }
  void project(const List& m, List& state) const {
    for (Index q = 0; q < R; ++q) {
      state[size_t(q)] = T(0);
      for (Index j = 0; j < H; ++j) state[size_t(q)] += m[size_t(j)] * call_.projection_kernel[j * R + q];
    }
  }
  /// Of h before the projection.
  List project_backward(const List& m, const List& d) {
    List dm = zeros(H);
    for (Index j = 0; j < H; ++j)
      for (Index q = 0; q < R; ++q) {
        dm[size_t(j)] += d[size_t(q)] * call_.projection_kernel[j * R + q];
        dprojection_kernel[size_t(j * R + q)] += m[size_t(j)] * d[size_t(q)];
      }
    return dm;
  }
  recurra::SmallRow<T> small_row(T* z, const Step& step) const {
    recurra::SmallRow<T> own{};
    own.H = H, own.padded = H + 16, own.units = {0, H}, own.z = own.dz = z, own.carry_before = &step.before[0];
    own.unit_parameters = call_.unit_parameters, own.activations = call_.activations();
    return own;
  }
  T bias(const recurra::Column& column, Index j) const {
    T sum = T(0);
    if (!call_.bias) return sum;
    if (cell_.biases == 1) return call_.bias[column.gate() * H + j];
    if (column.kernel >= 0) sum += call_.bias[column.kernel * H + j];
    if (column.recurrent >= 0) sum += call_.bias[GH + column.recurrent * H + j];
    return sum;
  }
  void normalize(Step& step) const {
    for (int k = 0; k < C; ++k) {
      T *z = &step.z[size_t(k * H)], mean = T(0), variance = T(0);
      for (Index j = 0; j < H; ++j) mean += z[j] / T(H);
      for (Index j = 0; j < H; ++j) variance += (z[j] - mean) * (z[j] - mean) / T(H);
      step.scale[size_t(k)] = T(1) / std::sqrt(variance + T(recurra::norm_epsilon));
      for (Index j = 0; j < H; ++j) z[j] = (z[j] - mean) * step.scale[size_t(k)];
    }
  }
  void normalize_backward(const Step& step, List& dz) const {
    for (int k = 0; k < C; ++k) {
      const T* n = &step.z[size_t(k * H)];
      T *d = &dz[size_t(k * H)], mean = T(0), product = T(0);
      for (Index j = 0; j < H; ++j) mean += d[j] / T(H), product += d[j] * n[j] / T(H);
      for (Index j = 0; j < H; ++j) d[j] = step.scale[size_t(k)] * (d[j] - mean - n[j] * product);
    }
  }

  void backward(Index b, const List& dy, const List& dh_final, const List& dc_final) {
    Row& row = rows_[size_t(b)];
    std::vector<List> from_outputs(row.steps.size(), zeros(R));
    for (Index n = 0; n < call_.steps; ++n) {
      const Index t = call_.reverse ? call_.steps - 1 - n : n, shown = row.step_of_output[size_t(t)];
      if (shown < 0 || dy.empty() || (!call_.return_sequences && n + 1 < call_.steps)) continue;
      const T* from = call_.return_sequences ? &dy[size_t((b * call_.steps + t) * R)] : &dy[size_t(b * R)];
      for (Index j = 0; j < R; ++j) from_outputs[size_t(shown)][size_t(j)] += from[j];
    }
    List dh = zeros(R), dcarry = zeros(H);
    for (Index j = 0; j < R; ++j)
      if (!dh_final.empty()) dh[size_t(j)] = dh_final[size_t(b * R + j)];
    for (Index j = 0; j < H; ++j) {
      if (!dc_final.empty() && cell_.carry == recurra::Carry::c) dcarry[size_t(j)] = dc_final[size_t(b * H + j)];
    }
    for (Index s = Index(row.steps.size()) - 1; s >= 0; --s) {
      for (Index j = 0; j < R; ++j) dh[size_t(j)] += from_outputs[size_t(s)][size_t(j)];
      step_backward(b, row.steps[size_t(s)], dh, dcarry);
    }
    for (Index j = 0; j < R; ++j)
      dh0[size_t(b * R + j)] = dh[size_t(j)] + (cell_.carry == recurra::Carry::h ? dcarry[size_t(j)] : T(0));
    for (Index j = 0; j < H; ++j) {
      dc0[size_t(b * H + j)] = dcarry[size_t(j)];
    }
  }

  void step_backward(Index b, Step& step, List& dh, List& dcarry) {
    const Index at = b * call_.steps + step.t;
    const bool carries_h = cell_.carry == recurra::Carry::h;
    if (carries_h && call_.zoneout_h)
      for (Index j = 0; j < H; ++j) dh[size_t(j)] += dcarry[size_t(j)], dcarry[size_t(j)] = T(0);
    const List kept_h = keep(call_.zoneout_h, at, dh);
    const List kept_c = cell_.carry == recurra::Carry::c ? keep(call_.zoneout_c, at, dcarry) : kept_h;
    List dz = step.z;
    List dunits = zeros(P * (H + 16));
    const List dm = cell_.projects ? project_backward(step.unprojected, dh) : dh;
    recurra::SmallRow<T> own = small_row(&dz[0], step);
    own.carry_after = &step.after[0], own.dh = &dm[0], own.dcarry = &dcarry[0], own.dunit_parameters = &dunits[0];
    functions_.small_backward(own);
    for (Index j = 0; j < H && cell_.has_carry(); ++j) dcarry[size_t(j)] += kept_c[size_t(j)];
    for (int p = 0; p < P; ++p)
      for (Index j = 0; j < H; ++j) dunit_parameters[size_t(p * H + j)] += dunits[size_t(p * (H + 16) + j)];
    if (cell_.row_statistics) normalize_backward(step, dz);
    for (int stage = cell_.stages - 1; stage > 0; --stage) {
      const T* drop = call_.recurrent_mask(cell_.stage_gate(stage), b);
      const List& operand = step.operands[size_t(stage) - 1];
      List d = zeros(H), seen = zeros(H), through = zeros(H);
      for (int k = 0; k < C; ++k)
        if (cell_.column[k].takes_operand(stage)) recurrent_backward(k, &operand[0], nullptr, dz, d);
      for (Index j = 0; j < H; ++j) seen[size_t(j)] = step.h[size_t(j)] * masked(drop, j);
      recurra::SmallStageRow<T> stage_row{};
      stage_row.stage = stage, stage_row.H = H, stage_row.units = {0, H}, stage_row.z = &dz[0];
      stage_row.h = &seen[0], stage_row.d = &d[0], stage_row.dcarry = &through[0];
      stage_row.activations = call_.activations();
      functions_.small_stage_operand_backward(stage_row);
      for (Index j = 0; j < H; ++j) dcarry[size_t(j)] += masked(drop, j) * through[size_t(j)];
    }
    std::fill(dh.begin(), dh.end(), T(0));
    for (Index j = 0; j < R && !carries_h; ++j) dh[size_t(j)] += kept_h[size_t(j)];
    for (int k = 0; k < C; ++k) {
      const recurra::Column column = cell_.column[k];
      if (column.takes_operand(0)) recurrent_backward(k, &step.h[0], call_.recurrent_mask(column.gate(), b), dz, dh);
      const T* drop = call_.input_mask(column.gate(), b);
      for (Index j = 0; j < H; ++j) {
        const T d = dz[size_t(k * H + j)];
        for (Index i = 0; column.kernel >= 0 && i < I; ++i) {
          dx[size_t((b * call_.steps + step.t) * I + i)] +=
              masked(drop, i) * d * call_.kernel[i * GH + column.kernel * H + j];
          dkernel[size_t(i * GH + column.kernel * H + j)] += x(b, step.t)[i] * masked(drop, i) * d;
        }
        if (cell_.biases == 1) dbias[size_t(column.gate() * H + j)] += d;
        if (cell_.biases == 2 && column.kernel >= 0) dbias[size_t(column.kernel * H + j)] += d;
        if (cell_.biases == 2 && column.recurrent >= 0) dbias[size_t(GH + column.recurrent * H + j)] += d;
      }
    }
  }
  /// Through the recurrent kernel of column k: adds to d, of the operand, and to drecurrent_kernel.
  void recurrent_backward(int k, const T* operand, const T* drop, const List& dz, List& d) {
    for (Index i = 0; i < R; ++i)
      for (Index j = 0; j < H; ++j) {
        const size_t at = size_t(i * GH + cell_.column[k].recurrent * H + j);
        d[size_t(i)] += masked(drop, i) * dz[size_t(k * H + j)] * call_.recurrent_kernel[at];
        drecurrent_kernel[at] += operand[i] * masked(drop, i) * dz[size_t(k * H + j)];
      }
  }

  const recurra::CellFunctions<T>& functions_;
  const recurra::CellDeclaration& cell_;
  const recurra::SequenceCall<T>& call_;
  const int C, P;
  const Index H, R, I, GH;  // R: of h
  std::vector<Row> rows_;
};

}  // namespace recurra_test
