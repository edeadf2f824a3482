// One layer's packed weights, kept between calls. Thread-safe without a lock: a fork while another thread packs leaves
// nothing locked in the child.
#pragma once
#include <atomic>
#include <memory>
#include <typeinfo>

#include "recurra/sequence/packed_weights.hpp"

namespace recurra {

/// Packed once, by the first call that stores its result: of calls at the same time each packs, and all but one throw
/// theirs away. The caller gives the same cache for as long as the weights hold the same numbers, and a new one when
/// they change.
class PackedWeightsCache {
 public:
  PackedWeightsCache() = default;
  PackedWeightsCache(const PackedWeightsCache&) = delete;
  PackedWeightsCache& operator=(const PackedWeightsCache&) = delete;
  ~PackedWeightsCache() { delete stored_.load(); }

  /// Whether it was asked for before. The first small call does not pack: the weights may change before the next one.
  bool requested_before() { return requested_.exchange(true); }
  /// The packed weights; null when the cache holds those of another cell, dtype or size.
  template <class T>
  std::shared_ptr<const PackedWeights<T>> get(const CellDeclaration& cell, const SequenceCall<T>& call) {
    using Packed = PackedWeights<T>;
    auto found = stored<Packed>([&] { return std::make_shared<const Packed>(cell, call); });
    return found && found->fits(cell, call) ? found : nullptr;
  }
  /// The same for the 8-bit weights of a dense layer, (K, N).
  template <class T>
  std::shared_ptr<const Int8Matrix<T>> get_int8(const Int8Weights<T>& weights, Index K, Index N) {
    using Packed = Int8Matrix<T>;
    auto found =
        stored<Packed>([&] { return std::make_shared<const Packed>(weights.values, weights.scales, K, Index{1}, N); });
    return found && found->fits(K, 1, N) ? found : nullptr;
  }

 private:
  /// What is stored, made first where nothing is; null where it is of another type.
  template <class Packed, class Make>
  std::shared_ptr<const Packed> stored(Make&& make) {
    const Stored* stored = stored_.load(std::memory_order_acquire);
    if (!stored) {
      auto own = std::make_unique<const Stored>(Stored{make(), &typeid(Packed)});
      if (stored_.compare_exchange_strong(stored, own.get(), std::memory_order_acq_rel)) stored = own.release();
    }
    if (*stored->type != typeid(Packed)) return nullptr;
    return std::static_pointer_cast<const Packed>(stored->weights);
  }

  struct Stored {
    std::shared_ptr<const void> weights;
    const std::type_info* type;
  };
  std::atomic<bool> requested_{false};
  std::atomic<const Stored*> stored_{nullptr};  // set once
};

}  // namespace recurra
