// Text from a network: the prompt is read, then each token is chosen from the scores and read in turn, all in one
// parallel region. With many rows each worker has some of them; with few the workers divide units and choices, and meet
// at a barrier after each layer and each choice.
#pragma once
#include "recurra/generation/choose.hpp"
#include "recurra/generation/network_step.hpp"

namespace recurra {

template <class T>
struct GenerateCall {
  Index B = 0, prompt_length = 0, steps = 0;
  const std::int32_t* prompt = nullptr;  // (B, prompt_length)
  std::vector<LayerState<const T>> states;  // of each recurrent layer before the prompt
  std::vector<LayerState<T>> final_states;  // out: after the prompt and all tokens but the last
  ChoiceRule rule;
  std::vector<std::int32_t> allowed;  // ids that may be chosen, ascending; empty: all
  std::vector<std::int32_t> end_ids;  // a row that chose one of them has ended and repeats it
  std::vector<std::uint8_t> ended;  // (B,): rows that ended before; they repeat the prompt's last token
  std::vector<std::uint8_t> seen;  // (B, V): tokens seen before the prompt; empty where there is no penalty
  std::int32_t* tokens = nullptr;  // (B, steps), out
};

struct Generated {
  Index steps = 0;  // columns of tokens that are written: fewer than asked for once all rows have ended
  Index bad_row = -1;  // a row whose scores could not be drawn from, or -1
};

/// Some rows of a call, with their own states.
template <class T>
class GeneratedRows {
 public:
  GeneratedRows(Network<T>& network, GenerateCall<T>& call, Range rows)
      : call_(call),
        rows_(rows),
        V_(network.scores()),
        step_(network, rows.count(), rows.count() * (call.prompt_length + call.steps)) {
    step_.each_recurrent([&](Index n, LayerStep<T>& layer) {
      const LayerState<const T>& from = call.states[size_t(n)];
      layer.set_state(0, rows.count(), from.h ? from.h + rows.first * layer.outputs() : nullptr,
                      from.c ? from.c + rows.first * layer.units() : nullptr);
    });
  }

  /// All steps, on threads that divide units and rows.
  void run() {
    step_.on_workers(rows_.count(), call_.prompt_length + call_.steps, [&](const Worker& worker) { run(worker); });
  }
  void run(const Worker& worker) {
    const Index N = call_.prompt_length, B = rows_.count();
    const Range own = worker.range(B);
    Chooser<T> chooser(call_.rule, call_.allowed, V_);
    Index s = 0, made = 0;
    for (; s < N; ++s) {
      for (Index i = own.first; i < own.last; ++i) {
        const std::int32_t id = call_.prompt[(rows_.first + i) * N + s];
        step_.feed(s, i, id);
        see(i, id);
      }
      worker.barrier();
      step_.run(worker, s, B, s + 1 == N && call_.steps > 0);
    }
    while (made < call_.steps) {
      for (Index i = own.first; i < own.last; ++i) {
        const std::int32_t id = next_token(chooser, i, made);
        call_.tokens[(rows_.first + i) * call_.steps + made] = id;
        see(i, id);
        if (made + 1 < call_.steps) step_.feed(s, i, id);
      }
      worker.barrier();
      ++made;
      if (made == call_.steps || bad_row_.load() >= 0 || all_ended()) break;
      step_.run(worker, s++, B, true);
    }
    if (worker.id == 0) read_ = s, made_ = made;
  }

  /// After run().
  Generated finish() {
    step_.each_recurrent([&](Index n, LayerStep<T>& layer) {
      const LayerState<T>& to = call_.final_states[size_t(n)];
      layer.get_state(read_, rows_.count(), to.h + rows_.first * layer.outputs(),
                      to.c ? to.c + rows_.first * layer.units() : nullptr);
    });
    return {made_, bad_row_.load()};
  }

 private:
  void see(Index i, std::int32_t id) {
    if (!call_.seen.empty()) call_.seen[size_t((rows_.first + i) * V_ + id)] = 1;
  }
  std::int32_t next_token(Chooser<T>& chooser, Index i, Index n) {
    const Index b = rows_.first + i, N = call_.prompt_length;
    if (call_.ended[size_t(b)]) return n ? call_.tokens[b * call_.steps + n - 1] : call_.prompt[b * N + N - 1];
    const std::uint8_t* seen = call_.seen.empty() ? nullptr : call_.seen.data() + b * V_;
    const std::int32_t id = chooser.choose(step_.scores(i), seen, b, std::uint64_t(n));
    if (id < 0) bad_row_.store(b);
    for (const std::int32_t end : call_.end_ids) call_.ended[size_t(b)] |= id == end;
    return std::max(id, 0);
  }
  bool all_ended() const {
    const auto first = call_.ended.begin() + rows_.first;
    return std::all_of(first, first + rows_.count(), [](std::uint8_t flag) { return flag != 0; });
  }

  GenerateCall<T>& call_;
  const Range rows_;
  const Index V_;
  NetworkStep<T> step_;
  Index read_ = 0, made_ = 0;
  std::atomic<Index> bad_row_{-1};
};

/// Rows that share a read of the weights; with so many for each thread, threads need not meet at barriers.
inline constexpr Index generation_group = 12;

template <class T>
Generated generate(Network<T>& network, GenerateCall<T>& call) {
  const int threads = max_threads().load();
  // Rows that may end go together: they stop when all of them have.
  const bool may_end = !call.end_ids.empty() || std::count(call.ended.begin(), call.ended.end(), 0) < call.B;
  const Index groups = may_end || threads == 1 || call.B < threads * generation_group ? 1 : threads;
  std::deque<GeneratedRows<T>> parts;
  for (Index g = 0; g < groups; ++g)
    parts.emplace_back(network, call, Range{call.B * g / groups, call.B * (g + 1) / groups});
  if (groups == 1) parts[0].run();
  else
    ThreadPool::shared().run(threads, [&](const Worker& worker) {
      const Range own = worker.range(groups);
      for (Index g = own.first; g < own.last; ++g) {
        const FlushDenormals flush;
        Barrier alone;
        parts[size_t(g)].run(Worker{0, 1, &alone});
      }
    });
  Generated result;
  for (GeneratedRows<T>& part : parts) {
    const Generated made = part.finish();
    result.steps = std::max(result.steps, made.steps);
    result.bad_row = std::max(result.bad_row, made.bad_row);
  }
  return result;
}

}  // namespace recurra
