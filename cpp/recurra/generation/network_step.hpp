// A network taken through tokens one step at a time, the states of its layers kept from step to step.
#pragma once
#include <deque>

#include "recurra/generation/layer_step.hpp"
#include "recurra/nn/softmax.hpp"

namespace recurra {

template <class T>
class NetworkStep {
 public:
  /// B: the most rows. tokens: how many will be read, over all rows.
  NetworkStep(Network<T>& network, Index B, Index tokens)
      : network_(network),
        table_(network.token_products(tokens)),
        threads_(max_threads().load()),
        ids_(size_t(B)),
        scores_(B * network.scores()) {
    Index n = 0;
    for (const NetworkLayer<T>& layer : network.layers()) {
      layers_.emplace_back(layer, B, threads_);
      bytes_ += layer.bytes();
      if (++n; layer.is_cell()) recurrent_ = n;
    }
  }

  /// Call work(worker) on the threads that pay for a number of steps of `rows` rows. Workers meet at barriers, so it
  /// must not throw.
  template <class Work>
  void on_workers(Index rows, Index steps, Work&& work) const {
    // Of one step: 40 GFLOP/s, or 20 GB/s where few rows share a read of the weights.
    const double us = std::max(2 * bytes_ / sizeof(T) * double(rows) / 4e4, bytes_ / 2e4);
    const int threads = us > 8 ? threads_ : 1;  // for less the barriers cost more
    ThreadPool::shared().run_with_timeout(threads, std::max(5.0, us * double(steps) / 100), [&](const Worker& worker) {
      const FlushDenormals flush;
      work(worker);
    });
  }

  /// The token that row b reads in step s. A barrier must follow.
  void feed(Index s, Index b, std::int32_t id) {
    ids_[size_t(b)] = id;
    if (!table_) network_.embed(id, layers_.front().input(s, b));
  }
  /// Step s of the first `rows` rows; ends with a barrier. with_scores: whether scores() are wanted.
  void run(const Worker& worker, Index s, Index rows, bool with_scores) {
    const size_t count = with_scores ? layers_.size() : size_t(recurrent_);
    for (size_t n = 0; n < count; ++n) {
      const bool last = n + 1 == layers_.size();
      T* out = last ? scores_.data() : layers_[n + 1].input(s, 0);
      layers_[n].run(worker, s, rows, n == 0 ? table_ : nullptr, ids_.data(), network_.vocabulary(), out,
                     last ? network_.scores() : layers_[n + 1].stride());
      worker.barrier();
    }
  }
  /// The scores of row b after run(): log probabilities up to a constant. Once after each run.
  T* scores(Index b) {
    const Index V = network_.scores();
    T* row = scores_.data() + b * V;
    if (network_.probabilities()) {
      softmax_forward(row, 1, V, row);
      for (Index v = 0; v < V; ++v) row[v] = std::log(std::max(row[v], std::numeric_limits<T>::min()));
    }
    return row;
  }

  /// The recurrent layers, in order.
  template <class Visit>
  void each_recurrent(Visit&& visit) {
    Index n = 0;
    for (size_t k = 0; k < layers_.size(); ++k)
      if (network_.layers()[k].is_cell()) visit(n++, layers_[k]);
  }
  void take_rows(Index s, const std::vector<Index>& parents) {
    each_recurrent([&](Index, LayerStep<T>& layer) { layer.take_rows(s, parents); });
  }

 private:
  Network<T>& network_;
  const T* table_;
  int threads_;
  std::deque<LayerStep<T>> layers_;
  Index recurrent_ = 0;  // layers up to the last recurrent one
  double bytes_ = 0;
  std::vector<std::int32_t> ids_;
  Buffer<T> scores_;
};

/// States of each recurrent layer, h (B, P) and c (B, H); c null where the cell has none. Inputs: null for zeros.
template <class T>
struct LayerState {
  T *h, *c;
};

}  // namespace recurra
