// A network that reads tokens, its weights packed for steps of few rows: an embedding table, then recurrent and dense
// layers in any order, of which the last gives a score of each token.
//
// The weights are packed when the network is made; the table is read in place and must stay. Both may be 8-bit
// integers.
#pragma once
#include <atomic>
#include <memory>
#include <vector>

#include "recurra/sequence/cell_functions.hpp"
#include "recurra/sequence/packed_weights.hpp"

namespace recurra {

template <class T>
struct NetworkLayer {
  const CellFunctions<T>* functions = nullptr;  // null: a dense layer
  Index I = 0, H = 0, P = 0;  // P: the size of the output, H but of a cell that projects h
  AnyActivations activations{Activation::tanh, Activation::sigmoid};  // of a dense layer: main
  T zoneout_h = T(0), zoneout_c = T(0);  // the share of its value before a step that each unit of the state keeps
  const BlockFunctions<T>* block = nullptr;
  std::unique_ptr<const PackedWeights<T>> weights;
  Buffer<T> unit_parameters;  // (parameters, padded H)
  Buffer<T> dense;  // [panel][1 + I][unit]: the bias, then the kernel
  std::unique_ptr<const Int8Matrix<T>> int8_dense;  // in place of `dense`, which is then the bias, (padded H)

  bool is_cell() const { return functions != nullptr; }
  bool quantized() const { return is_cell() ? weights->quantized() : int8_dense != nullptr; }
  int columns() const { return is_cell() ? functions->declaration.columns : 1; }
  bool carries_c() const { return is_cell() && functions->declaration.states() > 1; }
  bool projects() const { return is_cell() && functions->declaration.projects; }
  Panels<T> units() const { return Panels<T>(H); }
  Index z_stride() const { return columns() * std::min(units().padded, Panels<T>::full); }
  /// Bytes that a step reads.
  double bytes() const {
    if (is_cell()) return double(weights->bytes());
    return double(dense.size()) * sizeof(T) + (int8_dense ? double(int8_dense->bytes()) : 0);
  }

  /// A recurrent layer from a call's sizes, weights, activations and shares of zoneout.
  static NetworkLayer cell(const CellFunctions<T>& functions, const SequenceCall<T>& call) {
    NetworkLayer self;
    self.functions = &functions, self.I = call.I, self.H = call.H, self.P = call.P();
    self.zoneout_h = call.zoneout_h.share, self.zoneout_c = call.zoneout_c.share;
    self.activations = call.activations(), self.block = &functions.block_functions(call);
    self.weights = std::make_unique<const PackedWeights<T>>(functions.declaration, call);
    const Index P = functions.declaration.unit_parameters, Hp = self.units().padded;
    self.unit_parameters.resize(P * Hp);
    for (Index p = 0; p < P; ++p)
      for (Index j = 0; j < Hp; ++j)
        self.unit_parameters[p * Hp + j] = j < call.H ? call.unit_parameters[p * call.H + j] : T(0);
    return self;
  }
  /// act(x kernel + bias): kernel (I, H), bias (H,) or null.
  static NetworkLayer fully_connected(Index I, Index H, const T* kernel, const T* bias, Activation activation) {
    NetworkLayer self;
    self.I = I, self.H = self.P = H, self.activations.main_kind = activation;
    const Panels<T> units(H);
    self.dense.resize((1 + I) * units.padded);
    for (Index p = 0; p < units.count; ++p) {
      const Index first = units.first(p), used = units.used(p), width = units.width(p);
      T* to = self.dense.data() + first * (1 + I);
      for (Index j = 0; j < width; ++j) to[j] = bias && j < used ? bias[first + j] : T(0);
      pack_rows(kernel + first, H, I, used, width, to + width);
    }
    return self;
  }
  static NetworkLayer fully_connected(Index I, Index H, const Int8Weights<T>& kernel, const T* bias,
                                      Activation activation) {
    NetworkLayer self;
    self.I = I, self.H = self.P = H, self.activations.main_kind = activation;
    self.int8_dense = std::make_unique<const Int8Matrix<T>>(kernel.values, kernel.scales, I, 1, H);
    self.dense.resize(self.units().padded);
    for (Index j = 0; j < self.units().padded; ++j) self.dense[j] = bias && j < H ? bias[j] : T(0);
    return self;
  }
};

/// The vectors of the tokens, (V, I), one of the two.
template <class T>
struct EmbeddingTable {
  const T* values = nullptr;
  Int8Weights<T> int8;  // with one scale for each row

  /// out[0:I] = the vector of a token.
  RECURRA_INLINE void copy_row(Index id, Index I, T* out) const {
    if (values) return copy(values + id * I, I, out);
    const std::int8_t* row = int8.values + id * I;
    const T scale = int8.scales[id];
    for (Index j = 0; j < I; ++j) out[j] = T(row[j]) / scale;
  }
};

template <class T>
class Network {
 public:
  /// table: (V, width of the first layer's input). probabilities: the last layer's outputs become softmax of them, and
  /// scores their logarithms.
  Network(EmbeddingTable<T> table, Index V, std::vector<NetworkLayer<T>> layers, bool probabilities)
      : table_(table), V_(V), layers_(std::move(layers)), probabilities_(probabilities) {}

  const std::vector<NetworkLayer<T>>& layers() const { return layers_; }
  void embed(Index id, T* out) const { table_.copy_row(id, layers_.front().I, out); }
  Index vocabulary() const { return V_; }
  /// How many scores there are.
  Index scores() const { return layers_.back().P; }
  bool probabilities() const { return probabilities_; }

  /// The products of the first layer's kernel with each token's vector, [panel][token][z_stride], or null where there is
  /// no such table. It is made when about as many tokens were read as it holds; meanwhile other threads do without it.
  /// tokens: read by the call that asks.
  const T* token_products(Index tokens) {
    const NetworkLayer<T>& first = layers_.front();
    const Index size = V_ * first.units().count * first.z_stride();
    const double products = double(V_) * double(first.I) * double(first.z_stride()) * double(first.units().count);
    if (!first.is_cell() || size * Index(sizeof(T)) > largest_table || products > most_products) return nullptr;
    const Index read = tokens_read_.fetch_add(tokens) + tokens;
    if (2 * read < V_) return nullptr;
    if (const T* ready = ready_.load(std::memory_order_acquire)) return ready;
    if (making_.exchange(true)) return nullptr;  // no lock: a child forked now would wait for a thread it does not have
    try {
      make_token_products(first, size);
    } catch (...) {
      making_.store(false);
      throw;
    }
    ready_.store(products_.data(), std::memory_order_release);
    return products_.data();
  }

 private:
  static constexpr Index largest_table = Index{16} << 20;  // bytes
  static constexpr double most_products = 1.5e8;  // some 10 ms

  void make_token_products(const NetworkLayer<T>& first, Index size) {
    const CellDeclaration& cell = first.functions->declaration;
    const Panels<T> units = first.units();
    Buffer<T> table(size), copied(table_.values ? 0 : V_ * first.I);
    for (Index v = 0; copied.size() && v < V_; ++v) embed(v, copied.data() + v * first.I);
    const T* const rows = table_.values ? table_.values : copied.data();
    QuantizedRows<T> quantized;
    if (first.quantized()) {
      quantized.resize(V_, first.I);
      for (Index v = 0; v < V_; ++v) quantized.quantize(v, rows + v * first.I);
    }
    const Segment all{0, first.I};
    parallel_for(units.count, 1, [&](Index p0, Index p1) {
      for (Index p = p0; p < p1; ++p)
        for (int c = 0; c < cell.columns; ++c) {
          if (cell.column[c].kernel < 0) continue;
          T* out = table.data() + p * V_ * first.z_stride() + c * units.width(p);
          if (first.quantized())
            first.weights->int8_kernel().multiply(quantized, 0, V_, p, cell.column[c].kernel, out, first.z_stride(),
                                                  false);
          else
            product<T>(V_, rows, first.I, &all, 1, first.weights->column(p, c), units.vectors(p), out, first.z_stride(),
                       false);
        }
    });
    products_ = std::move(table);
  }

  EmbeddingTable<T> table_;
  Index V_;
  std::vector<NetworkLayer<T>> layers_;
  bool probabilities_;
  std::atomic<Index> tokens_read_{0};
  std::atomic<bool> making_{false};
  std::atomic<const T*> ready_{nullptr};
  Buffer<T> products_;
};

}  // namespace recurra
