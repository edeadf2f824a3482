// The forward time loop. See sequence.hpp for the layout.
#pragma once
#include <optional>

#include "recurra/sequence/edges.hpp"
#include "recurra/sequence/packed_weights.hpp"
#include "recurra/sequence/schedule.hpp"

namespace recurra {

template <class Cell, class T>
class SequenceForward {
  using Layout = SequenceLayout<Cell, T>;
  static constexpr int C = Layout::C;
  static constexpr Index W = Layout::W;

 public:
  /// y: (B, steps, H), or (B, H) unless return_sequences, its rows y_step() apart; h, c: (B, H) final states (c: LSTM
  /// only, else null). Every element is written. weights: packed before, or null. Returns the cache when call.training,
  /// else null.
  static std::unique_ptr<SequenceCache<Cell, T>> run(const SequenceCall<T>& call, T* y, T* h, T* c,
                                                     std::shared_ptr<const PackedWeights<Cell, T>> weights = nullptr) {
    SequenceForward self(call, y, h, c);
    self.weights_ = weights ? std::move(weights) : std::make_shared<const PackedWeights<Cell, T>>(call);
    self.prepare();
    self.spread_.run([&](const Member& me) { self.loop(me); });
    finish_outputs(call, y, h);
    return call.training ? std::move(self.cache_) : nullptr;
  }

 private:
  SequenceForward(const SequenceCall<T>& call, T* y, T* h, T* c)
      : call_(call),
        cache_(new_cache(call)),
        L_(cache_->layout),
        plan_(cache_->plan),
        tokens_(cache_->tokens),
        y_(y),
        h_(h),
        c_(c) {}

  static std::unique_ptr<SequenceCache<Cell, T>> new_cache(const SequenceCall<T>& call) {
    auto cache = std::make_unique<SequenceCache<Cell, T>>();
    cache->call = call;
    // Rows in groups are for members that run their steps on their own, with weights of their own near.
    const Index weights = (call.I + 1 + call.H) * Cell::gates * call.H * Index(sizeof(T));
    cache->plan = Plan(call.B, call.steps, call.mask, call.reverse, call.training && stays_in_l2(weights));
    const Panels<T> units(call.H);
    cache->tokens = TokenTable<T>(call, cache->plan, Layout::z_row_of(units), units.count);
    const bool per_gate = std::max(call.input_groups, call.recurrent_groups) > 1;
    cache->layout = Layout(cache->tokens ? 0 : call.I, call.H, per_gate);
    return cache;
  }

  // --- set-up -------------------------------------------------------------------------------------------------------
  void prepare() {
    spread_ = spread<Cell, T>(L_, plan_);
    weights_in_l2_ = stays_in_l2(weights_->bytes());
    const Index P = L_.units.count, Hp = L_.units.padded, B = call_.B;
    const Index per_step = std::max<Index>(1, plan_.steps() ? plan_.live(0) : 1);
    const Index least = call_.training ? 2 : 4;  // operands that are kept come from memory: few at once
    chunk_ = std::max<Index>(1, std::min(plan_.steps(), std::max<Index>(least, 192 / per_step)));
    steps_.emplace(spread_, plan_, L_.units.count, chunk_);
    ahead_ = chunk_ > 1 && !tokens_ && (per_step <= 4 || saves_reading(per_step));
    const bool keep = call_.training;
    if (!keep || L_.sections > 1) in_turn_.resize((chunk_ + 1) * B * L_.operand_row);
    if (keep) cache_->operands.resize(plan_.rows() * L_.kept_row);
    const Index z_rows = std::max(block_rows, std::min(few_rows, per_step) * P);  // of one panel, or of all panels
    scratch_z_ = !(keep || ahead_ || Cell::reset_before);  // each member uses one block's pre-activations at once
    z_rows_ = keep ? plan_.rows() : scratch_z_ ? z_rows : chunk_ * B;
    cache_->z.resize((scratch_z_ ? Index(spread_.threads) : P) * z_rows_ * L_.z_row);
    if constexpr (Cell::has_carry) {
      cache_->carry.resize((keep ? plan_.rows() : B) * Hp);
      cache_->carry0.resize(B * Hp);
    }
    if constexpr (Cell::reset_before) cache_->reset.resize((keep ? plan_.rows() : B) * Hp);
    if (in_turn_.size()) {
      step_in_turn_.resize(size_t(plan_.steps()) + 1);
      for (Index s = 0; s <= plan_.steps(); ++s)
        step_in_turn_[size_t(s)] = in_turn_.data() + s % (chunk_ + 1) * B * L_.operand_row;
    }
    for (Index i = 0; i < B; ++i) initial(i);
  }

  /// Whether making the input's products of a chunk of steps at once pays: W is then read once for all of them instead of
  /// at every step, but the pre-activations go to L2 or beyond and come back. With a few rows it always does.
  bool saves_reading(Index rows) const {
    if (weights_in_l2_) return false;
    const Index weights = L_.I * Cell::gates * L_.units.padded * (chunk_ - 1) / chunk_;
    return weights > 5 * 2 * rows * Cell::gates * L_.units.padded;
  }

  /// States of position i before the first step; also the final ones where the row has no step at all.
  void initial(Index i) {
    const Index b = plan_.original(i), H = L_.H, Hp = L_.units.padded;
    const T* from_h = call_.h0 ? call_.h0 + b * H : nullptr;
    if constexpr (Cell::has_carry) {
      const T* from = !Cell::has_memory ? from_h : call_.c0 ? call_.c0 + b * H : nullptr;
      T* to = cache_->carry0.data() + i * Hp;
      for (Index j = 0; j < Hp; ++j) to[j] = from && j < H ? from[j] : T(0);
    }
    if (plan_.length(i) == 0) {
      for (Index j = 0; j < H; ++j) h_[b * H + j] = from_h ? from_h[j] : T(0);
      if (c_)
        for (Index j = 0; j < H; ++j) c_[b * H + j] = call_.c0 ? call_.c0[b * H + j] : T(0);
      return;
    }
    const std::vector<T> zeros(from_h ? 0 : size_t(H));
    write_h(0, i, from_h ? from_h : zeros.data(), 0, H);
  }

  T* operand(Index s, Index i) const {
    if (step_in_turn_.empty()) return kept_operand(s, i);
    return step_in_turn_[size_t(s)] + i * L_.operand_row;
  }
  T* kept_operand(Index s, Index i) const { return cache_->operands.data() + plan_.row(s, i) * L_.kept_row; }
  Index kept_row(Index s, Index i) const { return call_.training ? plan_.row(s, i) : i; }

  // --- the loop -----------------------------------------------------------------------------------------------------
  static constexpr Index block_rows = 48;  // rows whose pre-activations are made and used before the next ones

  void loop(const Member& me) {
    const FlushDenormals flush;
    if (tokens_) project_tokens(me);
    steps_->each(me, [&](StepPart& mine, Range turn) { run_steps(mine, turn, me.id); });
  }
  void run_steps(StepPart& mine, Range turn, int member) {
    const auto [r0, r1] = mine.rows;
    for (Index s0 = turn.first; s0 < turn.last; s0 += chunk_) {
      const Index s1 = std::min(s0 + chunk_, turn.last);
      const Range rows = mine.part(plan_.live(s0));
      for (Index i = std::max(r0, rows.first); i < std::min(r1, rows.last); ++i) gather(s0, s1, i);
      mine.meet();
      if (ahead_) {
        mine.each_panel([&](Index p) { project(s0, s1, r0, r1, p); });
        mine.meet();
      }
      for (Index s = s0; s < s1; ++s) {
        const Index last = std::min(r1, plan_.live(s));
        if (last <= r0) break;  // rows only ever leave
        const auto every_panel = [&](auto reset) {
          constexpr bool first = decltype(reset)::value;
          if (last - r0 <= few_rows) step_of_few<first>(s, r0, last, mine, member);
          else mine.each_panel([&](Index p) { step<first>(s, r0, last, p, member); });
          mine.meet();
        };
        if constexpr (Cell::reset_before) every_panel(std::true_type{});
        every_panel(std::false_type{});
      }
    }
  }

  /// The input parts and the 1s of a row's operands of steps [s0, s1). Its steps lie together in x.
  void gather(Index s0, Index s1, Index i) const {
    const Index I = L_.I, length = plan_.length(i), last = std::min(s1, length);
    const bool plain = L_.sections == 1 && !call_.input_groups && call_.x;
    for (Index s = s0; s < last; ++s) {
      const Index source = plan_.source(s, i);
      // Of many rows in turn, or backwards, the processor fetches little by itself. (Large weights need all of L2.)
      const Index ahead = s + chunk_;
      if (call_.x && ahead < length && (weights_in_l2_ || call_.reverse))
        prefetch_l2(call_.x + plan_.source(ahead, i) * I, I);
      if (plain) {
        copy_input(call_.x + source * I, nullptr, operand(s, i));
        continue;
      }
      const T* from = call_.ids ? call_.embeddings + Index(call_.ids[source]) * I : call_.x + source * I;
      for (Index g = 0; g < L_.sections; ++g)
        copy_input(from, call_.input_mask(g, plan_.original(i)), operand(s, i) + g * L_.section);
      if (kept_apart()) copy_input(from, nullptr, kept_operand(s, i));
    }
  }
  RECURRA_INLINE void copy_input(const T* from, const T* mask, T* to) const {
    copy_masked(from, mask, L_.I, to);
    to[L_.I] = T(1);
  }
  /// Some units of h into the operand row of step s.
  void write_h(Index s, Index i, const T* h, Index first, Index used) const {
    const Index b = plan_.original(i), begin = L_.I + 1 + first;
    T* to = operand(s, i) + begin;
    for (Index g = 0; g < L_.sections; ++g, to += L_.section) {
      const T* drop = call_.recurrent_mask(g, b);
      copy_masked(h, drop ? drop + first : nullptr, used, to);
    }
    if (kept_apart()) copy(h, used, kept_operand(s, i) + begin);
  }
  bool kept_apart() const { return call_.training && L_.sections > 1; }

  /// Where the pre-activations of step s, row i, panel p are.
  T* z_at(Index s, Index i, Index p) const {
    const Index row = call_.training ? plan_.row(s, i) : s % chunk_ * call_.B + i;
    return cache_->z.data() + (p * z_rows_ + row) * L_.z_row;
  }
  /// Column c before the loop over steps ("ahead") and within it.
  Segment input_part(int c) const {
    Segment all = L_.operand(c);
    const Column column = Cell::columns[c];
    if (column.kernel < 0) return {all.offset, 0};
    if (column.recurrent >= 0) all.length = L_.I;
    return all;
  }

  /// The input's products of every token.
  void project_tokens(const Member& me) {
    const auto [u0, u1] = me.part(tokens_.count());
    const Segment all{0, call_.I};
    for (Index p = 0; p < L_.units.count; ++p)
      for (int c = 0; c < C; ++c)
        if (Cell::columns[c].kernel >= 0)
          product<T>(u1 - u0, tokens_.embeddings() + u0 * call_.I, call_.I, &all, 1, weights_->column(p, c),
                     L_.units.vectors(p), tokens_.z(p, u0) + c * L_.units.width(p), L_.z_row, false);
    me.barrier();
  }
  void copy_token(Index s, Index i, Index p, T* z) {
    copy(tokens_.z_of_row(p, plan_.row(s, i)), C * L_.units.width(p), z);
  }

  /// Large weights: the input's products for some steps at once, so that W is read once for all of them.
  void project(Index s0, Index s1, Index r0, Index r1, Index p) {
    for (int c = 0; c < C; ++c) {
      const Segment part = input_part(c);
      if (part.length == 0) continue;
      const T* next = following(p, c, [&](Index q, int d) { return weights_->column(q, d); });
      for (Index s = s0; s < s1;) {
        T *from = operand(s, r0), *to = z_at(s, r0, p);
        Index rows = 0;  // of as many steps as lie one behind the other
        for (; s < s1 && operand(s, r0) == from + rows * L_.operand_row && z_at(s, r0, p) == to + rows * L_.z_row; ++s)
          rows += std::max<Index>(0, std::min(r1, plan_.live(s)) - r0);
        Ahead ahead;
        ahead.first(next, part.length * L_.units.width(p) * Index(sizeof(T)));
        product<T>(rows, from, L_.operand_row, &part, 1, weights_->column(p, c), L_.units.vectors(p),
                   to + c * L_.units.width(p), L_.z_row, false, &ahead);
      }
    }
  }

  /// One step of rows [r0, r1) and panel p. `reset`: the first of GruResetBefore's two products.
  template <bool reset>
  void step(Index s, Index r0, Index r1, Index p, int member) {
    const Index blocks = (r1 - r0 + block_rows - 1) / block_rows;
    const Index width = L_.units.width(p), vectors = L_.units.vectors(p);
    for (Index n = 0; n < blocks; ++n) {
      const Index i0 = r0 + (r1 - r0) * n / blocks, i1 = r0 + (r1 - r0) * (n + 1) / blocks;
      T* z = scratch_z_ ? cache_->z.data() + member * z_rows_ * L_.z_row : z_at(s, i0, p);
      if (!reset && y_ && call_.return_sequences) prefetch_y(s, i0, i1, p);
      if constexpr (!Cell::reset_before || reset) {
        columns(s, i0, i1, p, z);
        if constexpr (reset)
          with_activations(call_, true, [&](const auto& act) { reset_pointwise(s, i0, i1, p, z, act); });
      }
      if constexpr (Cell::reset_before && !reset) {
        const Segment all{0, L_.H};
        Ahead ahead;
        ahead.first(weights_->second(panel_after(p)), L_.H * width * Index(sizeof(T)));
        product<T>(i1 - i0, cache_->reset.data() + kept_row(s, i0) * L_.units.padded, L_.units.padded, &all, 1,
                   weights_->second(p), vectors, z + 2 * width, L_.z_row, true, &ahead);
      }
      if constexpr (!reset) pointwise(s, i0, i1, p, z);
    }
  }

  /// Rows of y are far apart, and too many to come while one product runs.
  void prefetch_y(Index s, Index i0, Index i1, Index p) const {
    const Index next = s + 1 < plan_.steps() ? plan_.live(s + 1) : 0, first = L_.units.first(p),
                used = L_.units.used(p);
    for (Index i = i0; i < i1; ++i) {
      prefetch(y_ + plan_.source(s, i) * call_.y_step() + first, used);
      if (i < next && weights_in_l2_) prefetch_l2(y_ + plan_.source(s + 1, i) * call_.y_step() + first, used);
    }
  }

  /// What is left of column c for the step, after project().
  Segment step_part(int c) const {
    Segment part = L_.operand(c);
    const Index done = ahead_ ? input_part(c).length : 0;
    return {part.offset + done, part.length - done};
  }
  /// folds: without the vector that is folded.
  const T* step_weights(Index p, int c, bool folds = false) const {
    const Index done = tokens_ ? weights_->kernel_rows(c) : ahead_ ? input_part(c).length : 0;
    if (folds) return weights_->beside_folded(c) + done * (L_.units.width(p) - W);
    return weights_->column(p, c) + done * L_.units.width(p);
  }
  bool step_goes_on(int c) const { return (ahead_ || tokens_) && Cell::columns[c].kernel >= 0; }

  void columns(Index s, Index i0, Index i1, Index p, T* z) {
    if (tokens_) {
      const Index next = s + 1 < plan_.steps() ? std::min(i1, plan_.live(s + 1)) : 0;
      for (Index i = i0; i < i1; ++i) {
        copy_token(s, i, p, z + (i - i0) * L_.z_row);
        if (i < next) prefetch(tokens_.z_of_row(p, plan_.row(s + 1, i)), C * L_.units.width(p));
      }
    }
    const auto folds = [&](Index q) {
      return weights_->folded() && q == L_.units.count - 1 && L_.sections == 1 && !ahead_;
    };
    if (folds(p)) folded(s, i0, i1, z);
    const Index vectors = L_.units.vectors(p) - folds(p);
    if (vectors == 0) return;
    Ahead ahead = fresh(s, i0, i1, p, z);
    for (int c = 0; c < C; ++c) {
      const Segment part = step_part(c);
      if (part.length == 0) continue;
      if (!weights_in_l2_)
        ahead.first(following(p, c, [&](Index q, int d) { return step_weights(q, d, folds(q)); }),
                    part.length * L_.units.width(p) * Index(sizeof(T)));
      product<T>(i1 - i0, operand(s, i0), L_.operand_row, &part, 1, step_weights(p, c, folds(p)), vectors,
                 z + c * L_.units.width(p), L_.z_row, step_goes_on(c), &ahead);
    }
  }
  /// The last vector of all columns at once; their sums go to the vectors that the columns have in z.
  void folded(Index s, Index i0, Index i1, T* z) {
    const Index used = L_.units.in_last_vector(), vectors = folded_vectors<Cell>(L_.units), width = vectors * W;
    const Index rows = i1 - i0, panel_width = L_.units.width(L_.units.count - 1);
    z += panel_width - W;
    alignas(64) T sums[block_rows * panel_vectors * W] = {};
    const auto add = [&](Segment part, Index weights_row, bool goes_on) {
      product<T>(rows, operand(s, i0), L_.operand_row, &part, 1, weights_->folded() + weights_row * width, vectors,
                 sums, width, goes_on);
    };
    // A column that does not take x begins behind it, as it does elsewhere: zero times infinity is no zero.
    constexpr bool all_take_x = Layout::kernel_columns() == C;
    if (!tokens_ && all_take_x) {
      add({0, L_.section}, 0, false);
    } else {
      if (!tokens_) add({0, L_.I}, 0, false);
      for (int c = 0; c < C; ++c)
        for (Index i = 0; i < rows; ++i) {
          T* to = sums + i * width + c * used;
          if (Cell::columns[c].kernel < 0) std::fill_n(to, used, T(0));
          else if (tokens_) std::copy_n(z + i * L_.z_row + c * panel_width, used, to);
        }
      add({L_.I, L_.section - L_.I}, call_.I, true);
    }
    for (Index i = 0; i < rows; ++i)
      RECURRA_UNROLL for (int c = 0; c < C; ++c)
          store(z + i * L_.z_row + c * panel_width, load_part(sums + i * width + c * used, used));
  }

  /// What a step of a block writes for the first time: kept for backward, and in no cache yet.
  Ahead fresh(Index s, Index i0, Index i1, Index p, const T* z) const {
    Ahead ahead;
    if (!call_.training) return ahead;
    const Index rows = i1 - i0, Hp = L_.units.padded;
    ahead.add(z, rows * L_.z_row * Index(sizeof(T)));
    if (Cell::has_carry && L_.units.count == 1)
      ahead.add(cache_->carry.data() + kept_row(s, i0) * Hp, rows * Hp * Index(sizeof(T)));
    // gather() writes some steps at once.
    if (p == 0 && spread_.by_rows && s + chunk_ < plan_.steps())
      ahead.add(operand(s + chunk_, i0), rows * L_.operand_row * Index(sizeof(T)));
    return ahead;
  }
  /// weights(q, d) of what follows column c of panel p.
  template <class Weights>
  const T* following(Index p, int c, Weights&& weights) const {
    if (c + 1 < C) return weights(p, c + 1);
    return weights(panel_after(p), 0);
  }
  Index panel_after(Index p) const { return p + 1 < L_.units.count ? p + 1 : 0; }

  /// step() of few rows and this member's panels: those of a column side by side, the columns in turn there and back, so
  /// that the weights which a step used last are the next one's first, in a near cache still.
  template <bool reset>
  void step_of_few(Index s, Index i0, Index i1, const StepPart& mine, int member) {
    const Index p0 = mine.part(L_.units.count).first, p1 = mine.part(L_.units.count).last, rows = i1 - i0;
    const Index side_by_side = std::min(p1, L_.units.full_count()) - p0;
    const Index z_step = (scratch_z_ ? rows : z_rows_) * L_.z_row;
    T* z = scratch_z_ ? cache_->z.data() + member * z_rows_ * L_.z_row : z_at(s, i0, p0);
    const auto column = [&](int c, const T* a, Index lda, Segment part, auto&& weights, bool goes_on) {
      if (part.length == 0) return;
      if (side_by_side > 0)
        product_few_rows(rows, a, lda, &part, 1, weights(p0), weights_->panel_step(), side_by_side,
                         z + c * Panels<T>::full, L_.z_row, z_step, goes_on);
      for (Index p = p0 + std::max<Index>(0, side_by_side); p < p1; ++p)
        product<T>(rows, a, lda, &part, 1, weights(p), L_.units.vectors(p),
                   z + (p - p0) * z_step + c * L_.units.width(p), L_.z_row, goes_on);
    };
    if constexpr (Cell::reset_before && !reset) {
      column(
          2, cache_->reset.data() + kept_row(s, i0) * L_.units.padded, L_.units.padded, {0, L_.H},
          [&](Index p) { return weights_->second(p); }, true);
    } else {
      if (tokens_)
        for (Index p = p0; p < p1; ++p)
          for (Index i = i0; i < i1; ++i) copy_token(s, i, p, z + (p - p0) * z_step + (i - i0) * L_.z_row);
      for (int n = 0; n < C; ++n) {
        const int c = s % 2 ? C - 1 - n : n;
        column(
            c, operand(s, i0), L_.operand_row, step_part(c), [&](Index p) { return step_weights(p, c); },
            step_goes_on(c));
      }
    }
    for (Index p = p0; p < p1; ++p, z += z_step) {
      if constexpr (reset)
        with_activations(call_, true, [&](const auto& act) { reset_pointwise(s, i0, i1, p, z, act); });
      else pointwise(s, i0, i1, p, z);
    }
  }

  void pointwise(Index s, Index i0, Index i1, Index p, T* z) {
    with_activations(call_, Cell::gates > 1, [&](const auto& act) {
      with_vectors(L_.units.vectors(p),
                   [&](auto vectors) { pointwise<decltype(vectors)::value>(s, i0, i1, p, z, act); });
    });
  }
  // In three passes over the rows of a block. A unit's chain from its gates to h is long, and all the rows are
  // independent: short loops keep many rows' chains in flight, and what has to go to far memory comes after them.
  template <int V, class A>
  RECURRA_NOINLINE void pointwise(Index s, Index i0, Index i1, Index p, T* z, const A& act) {
    constexpr Index width = V * W;
    const Index first = L_.units.first(p), Hp = L_.units.padded;
    alignas(64) T h[block_rows * width];
    const T* carry_in = nullptr;
    T* carry_out = nullptr;
    if constexpr (Cell::has_carry) {
      carry_in = (s == 0 ? cache_->carry0.data() + i0 * Hp : cache_->carry.data() + kept_row(s - 1, i0) * Hp) + first;
      carry_out = cache_->carry.data() + kept_row(s, i0) * Hp + first;
    }
    activate_alone<V>(z, i1 - i0, act);
    new_states<V>(z, i1 - i0, carry_in, carry_out, h, act);
    deliver<V>(s, i0, i1, p, h, carry_out);
  }

  template <int V, class A>
  void activate_alone(T* z, Index rows, const A& act) const {
    RECURRA_UNROLL for (int c = 0; c < C; ++c) {
      if (Cell::alone[c] == Alone::nothing) continue;
      T* at = z + c * V * W;
      for (Index i = 0; i < rows; ++i, at += L_.z_row)
        RECURRA_UNROLL for (int n = 0; n < V; ++n)
            store(at + n * W, activated_alone<Cell, T>(c, load(at + n * W), act));
    }
  }

  /// h: (rows, V * W)
  template <int V, class A>
  void new_states(T* z, Index rows, const T* carry_in, T* carry_out, T* h, const A& act) const {
    constexpr Index width = V * W;
    const Index Hp = L_.units.padded;
    for (Index i = 0; i < rows; ++i) RECURRA_UNROLL for (int n = 0; n < V; ++n) {
        T* at = z + i * L_.z_row + n * W;
        Packet<T> v[C], carry = set1<T>(0);
        RECURRA_UNROLL for (int c = 0; c < C; ++c) v[c] = load(at + c * width);
        if constexpr (Cell::has_carry) carry = load(carry_in + i * Hp + n * W);
        store(h + i * width + n * W, Cell::template forward<T>(v, carry, act));
        RECURRA_UNROLL for (int c = 0; c < C; ++c) if (Cell::alone[c] == Alone::nothing) store(at + c * width, v[c]);
        if constexpr (Cell::has_carry) store(carry_out + i * Hp + n * W, carry);
      }
  }

  /// h to y, and to the next step's operand or, where a row ends, to the final states.
  template <int V>
  void deliver(Index s, Index i0, Index i1, Index p, const T* h, const T* carry) const {
    const Index first = L_.units.first(p), used = L_.units.used(p), H = L_.H;
    const Index next = s + 1 < plan_.steps() ? plan_.live(s + 1) : 0;  // rows before it go on
    if (y_ && call_.return_sequences) {
      for (Index i = i0; i < i1; ++i)
        store_row<V>(y_ + plan_.source(s, i) * call_.y_step() + first, h + (i - i0) * V * W, used);
    }
    const bool plain = L_.sections == 1 && !call_.recurrent_groups;
    T* to = operand(s + 1, i0) + L_.I + 1 + first;
    for (Index i = i0; i < std::min(i1, next); ++i, to += L_.operand_row) {
      const T* from = h + (i - i0) * V * W;
      if (plain) store_row<V>(to, from, V * W);  // the row's slack takes the rest
      else write_h(s + 1, i, from, first, used);
    }
    for (Index i = std::max(i0, next); i < i1; ++i) {
      const Index at = plan_.original(i) * H + first;
      store_row<V>(h_ + at, h + (i - i0) * V * W, used);
      if (c_) store_row<V>(c_ + at, carry + (i - i0) * L_.units.padded, used);
    }
  }
  template <int V>
  static RECURRA_INLINE void store_row(T* to, const T* from, Index used) {
    if (used < V * W) return copy(from, used, to);
    RECURRA_UNROLL for (int n = 0; n < V; ++n) store(to + n * W, load(from + n * W));
  }

  // --- GruResetBefore's first product --------------------------------------------------------------------------------
  template <class A>
  void reset_pointwise(Index s, Index i0, Index i1, Index p, T* z, const A& act) {
    const Index first = L_.units.first(p), width = L_.units.width(p);
    const Index h_section = (L_.sections > 1 ? 2 : 0) * L_.section + L_.I + 1;
    for (Index i = i0; i < i1; ++i, z += L_.z_row) {
      const T* h = operand(s, i) + h_section;
      T* out = cache_->reset.data() + kept_row(s, i) * L_.units.padded;
      for (Index j = 0; j < width; j += W) {
        Packet<T> v[2] = {load(z + j), load(z + width + j)};
        const Packet<T> rh = Cell::template reset<T>(v, load_part(h + first + j, L_.H - first - j), act);
        store(z + j, v[0]);
        store(z + width + j, v[1]);
        store(out + first + j, rh);
      }
    }
  }
  const SequenceCall<T> call_;
  std::unique_ptr<SequenceCache<Cell, T>> cache_;
  const Layout& L_;
  const Plan& plan_;
  TokenTable<T>& tokens_;
  T *y_, *h_, *c_;
  Spread spread_;
  std::optional<Steps> steps_;
  std::shared_ptr<const PackedWeights<Cell, T>> weights_;
  Index chunk_ = 1, z_rows_ = 0;
  bool ahead_ = false, scratch_z_ = true, weights_in_l2_ = false;
  Buffer<T> in_turn_;  // operand rows of a few steps, in turn; empty where they are all in the cache
  std::vector<T*> step_in_turn_;  // the first row of each step there
};

}  // namespace recurra
