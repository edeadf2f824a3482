// Text from a network: the prompt is read, then each token is chosen from the scores and read in turn. All in one
// parallel region; rows and units are divided among the workers, who meet at a barrier after each layer and each choice.
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

template <class T>
Generated generate(Network<T>& network, GenerateCall<T>& call) {
  const Index B = call.B, N = call.prompt_length, V = network.scores();
  NetworkStep<T> step(network, B, B * (N + call.steps));
  step.each_recurrent(
      [&](Index n, LayerStep<T>& layer) { layer.set_state(0, B, call.states[size_t(n)].h, call.states[size_t(n)].c); });
  Generated result;
  std::atomic<Index> bad{-1};
  Index read = 0;
  const auto see = [&](Index b, std::int32_t id) {
    if (!call.seen.empty()) call.seen[size_t(b * V + id)] = 1;
  };
  const auto next_token = [&](Chooser<T>& chooser, Index b, Index k) {
    if (call.ended[size_t(b)]) return k ? call.tokens[b * call.steps + k - 1] : call.prompt[b * N + N - 1];
    const std::int32_t id =
        chooser.choose(step.scores(b), call.seen.empty() ? nullptr : call.seen.data() + b * V, b, std::uint64_t(k));
    if (id < 0) bad.store(b);
    for (const std::int32_t end : call.end_ids) call.ended[size_t(b)] |= id == end;
    return std::max(id, 0);
  };
  const auto all_ended = [&] {
    return std::all_of(call.ended.begin(), call.ended.end(), [](std::uint8_t flag) { return flag != 0; });
  };
  step.on_workers(B, N + call.steps, [&](const Worker& worker) {
    const Range rows = worker.range(B);
    Chooser<T> chooser(call.rule, call.allowed, V);
    Index s = 0;
    for (; s < N; ++s) {
      for (Index b = rows.first; b < rows.last; ++b) {
        step.feed(s, b, call.prompt[b * N + s]);
        see(b, call.prompt[b * N + s]);
      }
      worker.barrier();
      step.run(worker, s, B, s + 1 == N && call.steps > 0);
    }
    Index made = 0;
    while (made < call.steps) {
      for (Index b = rows.first; b < rows.last; ++b) {
        const std::int32_t id = next_token(chooser, b, made);
        call.tokens[b * call.steps + made] = id;
        see(b, id);
        if (made + 1 < call.steps) step.feed(s, b, id);
      }
      worker.barrier();
      ++made;
      if (made == call.steps || bad.load() >= 0 || all_ended()) break;
      step.run(worker, s++, B, true);
    }
    if (worker.id == 0) read = s, result.steps = made;
  });
  result.bad_row = bad.load();
  step.each_recurrent([&](Index n, LayerStep<T>& layer) {
    layer.get_state(read, B, call.final_states[size_t(n)].h, call.final_states[size_t(n)].c);
  });
  return result;
}

}  // namespace recurra
