// The backward time loop, and the gradient of the input after it. See sequence.hpp for the layout.
//
// In the loop only dL/dh = dz U^T is computed, with the cell's backward on its sums. dz replaces the activated gates in
// the stash. Then, over all rows at once: the weights' gradients (weight_gradients.hpp), and dL/dx = dz W^T; with a token
// table, what belongs to x over tokens instead of rows.
#pragma once
#include "recurra/sequence/schedule.hpp"
#include "recurra/sequence/weight_gradients.hpp"

namespace recurra {

template <class Cell, class T>
class SequenceBackward {
  using Layout = SequenceLayout<Cell, T>;
  static constexpr int C = Layout::C;
  static constexpr Index W = Layout::W;
  static constexpr Index full = Panels<T>::full;

 public:
  /// dy: (B, steps, H), (B, H) unless return_sequences, or null; dh, dc: (B, H), of the final states, or null.
  /// Overwrites the stash: a cache serves once.
  static void run(SequenceCache<Cell, T>& cache, StepRows<T> dy, const T* dh, const T* dc,
                  const SequenceGradients<T>& out) {
    SequenceBackward self(cache, dy, dh, dc, out);
    self.spread_.run([&](const Member& me) { self.work(me); });
  }

 private:
  // dL/dh of one product, or dL/dx: some columns of dz times their weights, transposed, and where to find them.
  struct Group {
    std::vector<int> columns;
    int gate = 0;  // of the first: the one whose masks apply where each gate has its own
    std::vector<Segment> segments;  // into a row of z, panel after panel
    Index depth = 0;  // sum of their lengths
    Index packed = 0;  // offset of the weights: [out panel][depth][out width]
  };
  struct Transposed {
    const T* source = nullptr;  // (out.columns, G*H)
    bool recurrent = false;  // of the recurrent kernel, else of the kernel
    Panels<T> out;
    std::vector<Group> groups;  // one, or one for each gate when gates have masks of their own
    Buffer<T> weights;
  };

  SequenceBackward(SequenceCache<Cell, T>& cache, StepRows<T> dy, const T* dh, const T* dc,
                   const SequenceGradients<T>& out)
      : call_(cache.call),
        cache_(cache),
        L_(cache.layout),
        plan_(cache.plan),
        tokens_(cache.tokens),
        out_(out),
        spread_(spread<Cell, T>(L_, plan_)),
        steps_(spread_, plan_, L_.units.count, 1),
        arriving_(call_, plan_, L_.units.padded, dy, dh, dc),
        weights_(cache, spread_.threads, out.dx && !tokens_ ? Cell::gates * L_.H * L_.I : 0) {
    std::vector<std::vector<int>> loop_groups(1);
    for (int c = 0; c < Layout::recurrent_columns(); ++c) {
      if (call_.recurrent_groups > 1 && c > 0) loop_groups.emplace_back();
      loop_groups.back().push_back(c);
    }
    const Index per_panel = plan_.rows() * L_.z_row;
    plan_transposed(loop_, L_.units, loop_groups, true, per_panel);
    if constexpr (Cell::reset_before) plan_transposed(second_, L_.units, {{2}}, true, per_panel);
    if (out_.dx) {
      std::vector<std::vector<int>> groups(1);
      for (int c = 0; c < C; ++c) {
        if (Cell::columns[c].kernel < 0) continue;
        if (call_.input_groups > 1 && !groups.back().empty()) groups.emplace_back();
        groups.back().push_back(c);
      }
      plan_transposed(input_, Panels<T>(call_.I), groups, false, dx_rows() * L_.z_row);
      if (call_.mask && !tokens_) std::memset(out_.dx, 0, size_t(call_.B * call_.steps * call_.I) * sizeof(T));
    }
    weights_in_l2_ = stays_in_l2(loop_.weights.size() * Index(sizeof(T)));
    const int threads = spread_.threads;
    stretches_ = Sharing(threads, (dx_rows() + stretch() - 1) / stretch());
    scratch_each_ = std::max((1 + Cell::gates) * block_rows * full, weights_.scratch());
    scratch_.resize(threads * scratch_each_);
  }

  // --- set-up -------------------------------------------------------------------------------------------------------
  /// Where the transposed weights go, for columns of z grouped as told; per_panel is the distance between panels of z.
  void plan_transposed(Transposed& t, const Panels<T>& out, const std::vector<std::vector<int>>& groups, bool recurrent,
                       Index per_panel) {
    t.source = recurrent ? call_.recurrent_kernel : call_.kernel;
    t.recurrent = recurrent;
    t.out = out;
    Index size = 0;
    for (const auto& columns : groups) {
      Group group;
      group.columns = columns;
      group.gate = gate_of(t, columns[0]);
      for (Index p = 0; p < L_.units.count; ++p)
        for (int c : columns) {
          const Index used = L_.units.used(p), offset = p * per_panel + c * L_.units.width(p);
          auto& list = group.segments;
          if (!list.empty() && list.back().offset + list.back().length == offset) list.back().length += used;
          else list.push_back({offset, used});
          group.depth += used;
        }
      group.packed = size;
      size += group.depth * out.padded;
      t.groups.push_back(group);
    }
    t.weights.resize(size + W);
  }
  static int gate_of(const Transposed& t, int c) {
    const Column column = Cell::columns[c];
    return t.recurrent && column.recurrent >= 0 ? column.recurrent : column.gate();
  }
  /// This member's panels of the transposed weights.
  void transpose(Transposed& t, const Member& me) {
    const Index GH = Cell::gates * L_.H;
    const auto [q0, q1] = me.part(t.out.count);
    for (size_t g = 0; g < t.groups.size(); ++g)
      for (Index q = q0; q < q1; ++q) {
        T* to = packed(t, g, q);
        const Index first = t.out.first(q), width = t.out.width(q);
        for (Index p = 0; p < L_.units.count; ++p)
          for (int c : t.groups[g].columns) {
            const Index used = L_.units.used(p);
            pack_columns(t.source + first * GH + gate_of(t, c) * L_.H + L_.units.first(p), GH, used, t.out.used(q),
                         width, to);
            to += used * width;
          }
      }
  }
  static T* packed(Transposed& t, size_t g, Index q) {
    return t.weights.data() + t.groups[g].packed + t.groups[g].depth * t.out.first(q);
  }

  // --- the loop -----------------------------------------------------------------------------------------------------
  static constexpr Index block_rows = 48;

  void work(const Member& me) {
    const FlushDenormals flush;
    T* scratch = scratch_.data() + me.id * scratch_each_;
    transpose(loop_, me);
    if constexpr (Cell::reset_before) transpose(second_, me);
    if (out_.dx) transpose(input_, me);
    me.barrier();
    steps_.each(me, [&](StepPart& mine, Range turn) { run_steps(mine, turn, scratch); });
    me.barrier();
    if (tokens_) {
      const Index u0 = tokens_.cut(me.id, me.count), u1 = tokens_.cut(me.id + 1, me.count);
      for (Index p = 0; p < L_.units.count; ++p) tokens_.sum_rows(p, u0, u1, z_at(p, 0), C * L_.units.width(p));
      me.barrier();
    }
    weights_.sum(me, scratch);
    if (out_.dx) inputs(me, scratch);
    me.barrier();
    weights_.write(me, out_);
  }

  void run_steps(StepPart& mine, Range turn, T* scratch) {
    // run(rows, panels) for blocks of the rows before `last` and every panel: one at a time, or some for few rows.
    const auto each_block = [&](Index last, auto&& run) {
      const Index first = mine.rows.first, rows = last - first;
      if (rows > 0 && rows <= few_rows) {
        const auto [q0, q1] = mine.part(L_.units.count);
        const Index at_once = block_rows / rows;
        for (Index q = q0; q < q1; q += at_once) run(Range{first, last}, Range{q, std::min(q1, q + at_once)});
      } else if (rows > 0) {
        mine.each_panel([&](Index q) {
          blocks(first, last, block_rows, [&](Index i0, Index i1) { run(Range{i0, i1}, Range{q, q + 1}); });
        });
      }
    };
    for (Index n = turn.first; n < turn.last; ++n) {
      const Index s = mine.steps - 1 - n, last = std::min(mine.rows.last, plan_.live(s));
      each_block(last, [&](Range rows, Range panels) { step(s, rows, panels, scratch); });
      mine.meet();
      if constexpr (Cell::reset_before) {
        each_block(last, [&](Range rows, Range panels) { reset_step(s, rows, panels, scratch); });
        mine.meet();
      }
    }
    if (turn.last == mine.steps)
      each_block(mine.rows.last, [&](Range rows, Range panels) { initial_states(rows, panels, scratch); });
  }

  template <class Do>
  static void blocks(Index r0, Index r1, Index most, Do&& run) {
    const Index n = (r1 - r0 + most - 1) / most;
    for (Index k = 0; k < n; ++k) run(r0 + (r1 - r0) * k / n, r0 + (r1 - r0) * (k + 1) / n);
  }

  T* z_at(Index p, Index row) { return cache_.z.data() + (p * plan_.rows() + row) * L_.z_row; }

  // Of a block, d is [panel][row][unit], with few rows and some panels, or many rows and one panel.

  /// A group's columns of dz at step s times its weights, for the first rows of a block of `block` rows.
  void product_of(Transposed& t, size_t g, Index s, Range rows, Range panels, Index block, T* to, Ahead& ahead) {
    const Group& group = t.groups[g];
    const T* dz = cache_.z.data() + plan_.row(s, rows.first) * L_.z_row;
    const Segment* segments = group.segments.data();
    const Index n_segments = Index(group.segments.size());
    const Index side_by_side = rows.count() <= few_rows ? std::min(panels.last, t.out.full_count()) - panels.first : 0;
    if (side_by_side > 0) {
      product_few_rows(rows.count(), dz, L_.z_row, segments, n_segments, packed(t, g, panels.first), group.depth * full,
                       side_by_side, to, full, block * full, false);
      panels.first += side_by_side;
      to += side_by_side * block * full;
    }
    for (; panels.first < panels.last; ++panels.first) {
      const T* weights = packed(t, g, panels.first);
      const Index size = group.depth * t.out.width(panels.first);
      if (!weights_in_l2_) ahead.first(weights + size, size * Index(sizeof(T)));
      product<T>(rows.count(), dz, L_.z_row, segments, n_segments, weights, t.out.vectors(panels.first), to,
                 t.out.width(panels.first), false, &ahead);
    }
  }

  /// d = the groups' products, each times its masks: run(g, rows, to) makes one, each_row(rows, f) calls f(i, b) for each
  /// row i and what row of the batch it belongs to. With several groups a few rows at once, since each group reads other
  /// parts of the same lines.
  template <class Run, class EachRow>
  void sum_groups(const Transposed& t, Range rows, Range panels, Index block, Run&& run, EachRow&& each_row,
                  T* d) const {
    const bool masked = t.recurrent ? call_.recurrent_groups : call_.input_groups;
    const Index groups = Index(t.groups.size());
    const Index at_once = groups > 1 ? max_rows(int(t.out.vectors(panels.first))) : block_rows;
    blocks(rows.first, rows.last, at_once, [&](Index i0, Index i1) {
      const Index begin = (i0 - rows.first) * t.out.width(panels.first);
      T* parts = groups > 1 ? d + block_rows * full : d + begin;
      for (Index g = 0; g < groups; ++g) run(size_t(g), Range{i0, i1}, parts + g * block_rows * full);
      if (!masked) return;
      each_row(Range{i0, i1}, [&](Index i, Index b) {
        const T* masks[Cell::gates];
        for (Index g = 0; g < groups; ++g) {
          const int gate = t.groups[size_t(g)].gate;
          masks[g] = t.recurrent ? call_.recurrent_mask(gate, b) : call_.input_mask(gate, b);
        }
        for (Index q = panels.first; q < panels.last; ++q) {
          const Index first = t.out.first(q), width = t.out.width(q), used = t.out.used(q);
          const Index at = (q - panels.first) * block * full + (i - i0) * width;
          const auto add_up = [&](Index j, auto&& load_mask) {
            Packet<T> value = mul(load(parts + at + j), load_mask(masks[0] + first + j));
            for (Index g = 1; g < groups; ++g)
              value = fma(load(parts + g * block_rows * full + at + j), load_mask(masks[g] + first + j), value);
            store(d + begin + at + j, value);
          };
          Index j = 0;
          for (; j + W <= used; j += W) add_up(j, [](const T* from) { return load(from); });
          if (j < used) add_up(j, [&](const T* from) { return load_part(from, used - j); });
        }
      });
    });
  }

  /// d = dL/dh before step s: through the product where step s ran, else what arrived.
  void through_product(Index s, Range rows, Range panels, T* d) {
    const Index live = s < plan_.steps() ? plan_.live(s) : 0, block = rows.count();
    Ahead ahead;
    const Range ran{rows.first, std::clamp(live, rows.first, rows.last)};
    sum_groups(
        loop_, ran, panels, block,
        [&](size_t g, Range some, T* to) {
          if (g == 0) ahead = kept(s - 1, some, panels.first);  // each group's product is too short to bring it all
          product_of(loop_, g, s, some, panels, block, to, ahead);
        },
        [&](Range some, auto&& f) {
          for (Index i = some.first; i < some.last; ++i) f(i, plan_.original(i));
        },
        d);
    for (Index q = panels.first; q < panels.last; ++q, d += block * full)
      for (Index i = ran.last; i < rows.last; ++i)
        copy(arriving_.start.data() + i * L_.units.padded + L_.units.first(q), L_.units.width(q),
             d + (i - rows.first) * L_.units.width(q));
  }

  /// What forward kept of a step, for the rows of a block and a panel.
  Ahead kept(Index s, Range rows, Index q) {
    Ahead ahead;
    if (s < 0) return ahead;
    const Index Hp = L_.units.padded;
    ahead.add(z_at(q, plan_.row(s, rows.first)), rows.count() * L_.z_row * Index(sizeof(T)));
    if (Cell::has_carry && L_.units.count == 1 && s > 0)
      ahead.add(cache_.carry.data() + plan_.row(s - 1, rows.first) * Hp, rows.count() * Hp * Index(sizeof(T)));
    return ahead;
  }

  void step(Index s, Range rows, Range panels, T* d) {
    if (arriving_.dy) {  // rows of dy are far apart, and too many to come while one product runs
      const Index first = L_.units.first(panels.first), used = L_.units.used(panels.first);
      for (Index i = rows.first; i < rows.last; ++i) {
        prefetch(arriving_.dy.at(plan_.source(s, i)) + first, used);
        if (s > 0) prefetch_l2(arriving_.dy.at(plan_.source(s - 1, i)) + first, used);
      }
    }
    through_product(s + 1, rows, panels, d);
    with_activations(call_, Cell::gates > 1, [&](const auto& act) {
      for (Index q = panels.first; q < panels.last; ++q, d += rows.count() * full)
        with_vectors(L_.units.vectors(q),
                     [&](auto vectors) { pointwise<decltype(vectors)::value>(s, rows.first, rows.last, q, d, act); });
    });
  }

  template <int V, class A>
  RECURRA_NOINLINE void pointwise(Index s, Index i0, Index i1, Index q, const T* d, const A& act) {
    constexpr Index width = V * W;
    const Index first = L_.units.first(q), Hp = L_.units.padded, H = L_.H;
    const Index row0 = plan_.row(s, i0), before0 = s ? plan_.row(s - 1, i0) : i0;
    for (Index i = i0; i < i1; ++i, d += width) {
      const Index row = row0 + i - i0;
      T* z = z_at(q, row);
      const T* dy = arriving_.dy ? arriving_.dy.at(plan_.source(s, i)) + first : nullptr;
      T* dcarry = arriving_.carry.data() + i * Hp + first;
      const T *before = nullptr, *after = nullptr;
      if constexpr (Cell::has_carry) {
        before = (s ? cache_.carry : cache_.carry0).data() + (before0 + i - i0) * Hp + first;
        after = cache_.carry.data() + row * Hp + first;
      }
      RECURRA_UNROLL for (int n = 0; n < V; ++n) {
        const Index j = n * W;
        Packet<T> v[C], c_before = set1<T>(0), c_after = set1<T>(0), carried = set1<T>(0), dh = load(d + j);
        RECURRA_UNROLL for (int c = 0; c < C; ++c) v[c] = load(z + c * width + j);
        if (dy) dh = add(dh, load_part(dy + j, H - first - j));
        if constexpr (Cell::has_carry) {
          c_before = load(before + j);
          c_after = load(after + j);
          carried = load(dcarry + j);
        }
        Cell::template backward<T>(v, c_before, c_after, dh, carried, act);
        RECURRA_UNROLL for (int c = 0; c < C; ++c) store(z + c * width + j, v[c]);
        if constexpr (Cell::has_carry) store(dcarry + j, carried);
      }
    }
  }

  /// GruResetBefore: the gradient through (r h) Un.
  void reset_step(Index s, Range rows, Range panels, T* d) {
    Ahead ahead;
    product_of(second_, 0, s, rows, panels, rows.count(), d, ahead);
    with_activations(call_, true, [&](const auto& act) {
      for (Index q = panels.first; q < panels.last; ++q, d += rows.count() * full)
        reset_pointwise(s, rows.first, rows.last, q, d, act);
    });
  }

  template <class A>
  RECURRA_NOINLINE void reset_pointwise(Index s, Index i0, Index i1, Index q, const T* d, const A& act) {
    const Index first = L_.units.first(q), width = L_.units.width(q);
    for (Index i = i0; i < i1; ++i, d += width) {
      const Index row = plan_.row(s, i);
      T* z = z_at(q, row);
      const T* h = cache_.operands.data() + row * L_.kept_row + L_.I + 1 + first;
      T* dcarry = arriving_.carry.data() + i * L_.units.padded + first;
      const T* drop = call_.recurrent_mask(2, plan_.original(i));
      for (Index j = 0; j < width; j += W) {
        const Index left = L_.H - first - j;
        Packet<T> v[2] = {load(z + j), load(z + width + j)}, h_in = load_part(h + j, left), mask = set1<T>(1);
        if (drop) mask = load_part(drop + first + j, left);
        if (L_.sections > 1) h_in = mul(h_in, mask);
        Packet<T> dh = Cell::template reset_backward<T>(v, h_in, load(d + j), act);
        store(z + width + j, v[1]);
        if (drop) dh = mul(dh, mask);
        store(dcarry + j, add(load(dcarry + j), dh));
      }
    }
  }

  void initial_states(Range rows, Range panels, T* d) {
    through_product(0, rows, panels, d);
    const Index H = L_.H;
    for (Index q = panels.first; q < panels.last; ++q)
      for (Index i = rows.first; i < rows.last; ++i, d += L_.units.width(q)) {
        const Index at = plan_.original(i) * H + L_.units.first(q);
        const T* carried = arriving_.carry.data() + i * L_.units.padded + L_.units.first(q);
        for (Index j = 0; j < L_.units.used(q); ++j) {
          const bool h_is_carried = Cell::has_carry && !Cell::has_memory;
          out_.dh0[at + j] = d[j] + (h_is_carried ? carried[j] : T(0));
          if (out_.dc0) out_.dc0[at + j] = carried[j];
        }
      }
  }

  // --- after the loop -----------------------------------------------------------------------------------------------
  void inputs(const Member& me, T* d) {
    const Index I = call_.I;
    T* dz = tokens_ ? tokens_.z(0, 0) : cache_.z.data();
    const auto block = [&](Index r0, Index r1, Index q) {
      const Index first = input_.out.first(q), width = input_.out.width(q), used = input_.out.used(q);
      const auto run = [&](size_t g, Range rows, T* to) {
        const Group& group = input_.groups[g];
        const T* weights = packed(input_, g, q);
        Ahead ahead;
        if (input_.out.count > 1) ahead.first(weights + group.depth * width, group.depth * width * Index(sizeof(T)));
        if (q == 0 && L_.units.count == 1)  // the next rows; several panels of one are fetched as a row's segments
          ahead.add(dz + r1 * L_.z_row, (r1 - r0) * L_.z_row * Index(sizeof(T)));
        product<T>(rows.count(), dz + rows.first * L_.z_row, L_.z_row, group.segments.data(),
                   Index(group.segments.size()), weights, input_.out.vectors(q), to, width, false, &ahead);
      };
      // f(r, to) for rows of dx, which are far apart: their lines come while the product runs
      const auto each_row = [&](auto&& f) {
        if (tokens_)
          for (Index r = r0; r < r1; ++r) f(r, out_.dx + r * I + first);
        else plan_.each({r0, r1}, [&](Index r, Index s, Index i) { f(r, out_.dx + plan_.source(s, i) * I + first); });
      };
      each_row([&](Index, const T* to) { prefetch(to, used); });
      sum_groups(
          input_, {r0, r1}, {q, q + 1}, r1 - r0, run,
          [&](Range rows, auto&& f) { plan_.each(rows, [&](Index r, Index, Index i) { f(r, plan_.original(i)); }); },
          d);
      each_row([&](Index r, T* to) { copy(d + (r - r0) * width, used, to); });
    };
    stretches_.each(me, 0, [&](Index n) {
      const Index first = n * stretch(), last = std::min(dx_rows(), first + stretch());
      for (Index q = 0; q < input_.out.count; ++q)
        blocks(first, last, block_rows, [&](Index r0, Index r1) { block(r0, r1, q); });
    });
  }
  Index dx_rows() const { return tokens_ ? tokens_.count() : plan_.rows(); }
  /// As many rows of dz as half of L2 holds meet all panels before the next rows do; some such stretches for each member.
  Index stretch() const {
    const Index row_bytes = L_.units.count * L_.z_row * Index(sizeof(T));
    const Index most = spread_.threads > 1 ? dx_rows() / (8 * spread_.threads) : dx_rows();
    return std::max(block_rows, std::min(most, l2_bytes() / 2 / row_bytes));
  }

  const SequenceCall<T> call_;
  SequenceCache<Cell, T>& cache_;
  const Layout& L_;
  const Plan& plan_;
  TokenTable<T>& tokens_;
  const SequenceGradients<T> out_;
  const Spread spread_;
  Steps steps_;
  ArrivingGradients<T> arriving_;
  WeightGradients<Cell, T> weights_;
  Buffer<T> scratch_;
  Transposed loop_, second_, input_;
  Sharing stretches_;
  Index scratch_each_ = 0;
  bool weights_in_l2_ = false;
};

}  // namespace recurra
