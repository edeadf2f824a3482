// Beam search: the most probable continuations of a prompt, some at a time. Each step extends every open continuation
// by every token and keeps the most probable of all of them.
#pragma once
#include <functional>

#include "recurra/generation/network_step.hpp"

namespace recurra {

struct BeamRule {
  Index length = 1, width = 1;  // the most tokens; how many continuations are kept
  double length_penalty = 0;  // a: ranked by log p / n**a for n tokens
  std::vector<std::int32_t> end_ids;  // a continuation is complete with one of them, its last token
  std::vector<std::uint8_t> banned;  // (V,): tokens that none may hold
};

struct BeamResult {
  std::vector<std::int32_t> tokens;
  double log_probability, score;
};

template <class T>
class BeamSearch {
 public:
  /// prompt (N,); states of each recurrent layer before it, one row. poll(): called now and then on this thread; may
  /// throw to end the search. Returns the best first; empty where scores are not finite.
  static std::vector<BeamResult> run(Network<T>& network, const std::int32_t* prompt, Index N,
                                     const std::vector<LayerState<const T>>& states, const BeamRule& rule,
                                     const std::function<void()>& poll) {
    BeamSearch self(network, rule, N);
    self.step_.each_recurrent(
        [&](Index n, LayerStep<T>& layer) { layer.set_state(0, 1, states[size_t(n)].h, states[size_t(n)].c); });
    for (Index n = 0; n < N; ++n) {
      if (n % 64 == 63) poll();
      self.read({prompt[n]}, n + 1 == N);
    }
    return self.search(poll);
  }

 private:
  struct Candidate {
    double log_probability;
    Index row;
    std::int32_t id;
  };

  BeamSearch(Network<T>& network, const BeamRule& rule, Index N)
      : rule_(rule), V_(network.scores()), step_(network, rule.width, N + rule.width * rule.length) {}

  void read(const std::vector<std::int32_t>& ids, bool with_scores) {
    const Index rows = Index(ids.size());
    step_.on_workers(rows, 1, [&](const Worker& worker) {
      if (worker.id == 0)
        for (Index b = 0; b < rows; ++b) step_.feed(s_, b, ids[size_t(b)]);
      worker.barrier();
      step_.run(worker, s_, rows, with_scores);
    });
    ++s_;
  }

  std::vector<BeamResult> search(const std::function<void()>& poll) {
    std::vector<BeamResult> open{{{}, 0.0, 0.0}}, done;
    for (Index made = 1; made <= rule_.length && !open.empty(); ++made) {
      if (made % 16 == 0) poll();
      std::vector<BeamResult> next;
      std::vector<Index> parents;
      Index complete = 0;
      for (const Candidate& best : candidates(open)) {
        const bool ends = std::find(rule_.end_ids.begin(), rule_.end_ids.end(), best.id) != rule_.end_ids.end();
        if (ends ? complete == rule_.width : Index(next.size()) == rule_.width) continue;
        BeamResult grown{open[size_t(best.row)].tokens, best.log_probability, 0.0};
        grown.tokens.push_back(best.id);
        grown.score = grown.log_probability / std::pow(double(grown.tokens.size()), rule_.length_penalty);
        if (ends) {
          ++complete;
          done.push_back(std::move(grown));
        } else {
          next.push_back(std::move(grown));
          parents.push_back(best.row);
        }
      }
      keep_best(done);
      open = std::move(next);
      if (made == rule_.length || open.empty() || settled(done, open)) break;
      step_.take_rows(s_, parents);
      std::vector<std::int32_t> last;
      for (const BeamResult& row : open) last.push_back(row.tokens.back());
      read(last, true);
    }
    // Continuations that are open only because a complete one cannot be beaten are not among the best.
    if (!open.empty() && Index(open.front().tokens.size()) == rule_.length)
      done.insert(done.end(), std::make_move_iterator(open.begin()), std::make_move_iterator(open.end()));
    keep_best(done);
    return done;
  }

  /// The most probable extensions, best first; of equals the one of the lower row, then id.
  std::vector<Candidate> candidates(const std::vector<BeamResult>& open) {
    const Index most = rule_.width + Index(open.size() * rule_.end_ids.size());
    const auto better = [](const Candidate& a, const Candidate& b) {
      if (a.log_probability != b.log_probability) return a.log_probability > b.log_probability;
      return a.row != b.row ? a.row < b.row : a.id < b.id;
    };
    std::vector<Candidate> best;  // a heap whose front is the worst
    for (Index b = 0; b < Index(open.size()); ++b) {
      const T* x = step_.scores(b);
      const T top = *std::max_element(x, x + V_);
      double total = 0;
      for (Index v = 0; v < V_; ++v) total += std::exp(double(x[v]) - double(top));
      const double offset = open[size_t(b)].log_probability - double(top) - std::log(total);
      for (Index v = 0; v < V_; ++v) {
        const Candidate here{double(x[v]) + offset, b, std::int32_t(v)};
        if ((!rule_.banned.empty() && rule_.banned[size_t(v)]) || !std::isfinite(here.log_probability)) continue;
        if (Index(best.size()) == most) {
          if (!better(here, best.front())) continue;
          std::pop_heap(best.begin(), best.end(), better);
          best.pop_back();
        }
        best.push_back(here);
        std::push_heap(best.begin(), best.end(), better);
      }
    }
    std::sort_heap(best.begin(), best.end(), better);
    return best;
  }

  void keep_best(std::vector<BeamResult>& beams) const {
    std::stable_sort(beams.begin(), beams.end(),
                     [](const BeamResult& a, const BeamResult& b) { return a.score > b.score; });
    if (Index(beams.size()) > rule_.width) beams.resize(size_t(rule_.width));
  }

  /// No open continuation can still beat a complete one: log p only falls, and is divided by at most length**a.
  bool settled(const std::vector<BeamResult>& done, const std::vector<BeamResult>& open) const {
    return Index(done.size()) == rule_.width &&
           open.front().log_probability / std::pow(double(rule_.length), rule_.length_penalty) <= done.back().score;
  }

  const BeamRule& rule_;
  const Index V_;
  NetworkStep<T> step_;
  Index s_ = 0;
};

}  // namespace recurra
