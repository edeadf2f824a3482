// One layer's packed weights, kept between calls. Thread-safe.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <typeinfo>

#include "recurra/sequence/packed_weights.hpp"

namespace recurra {

/// The caller gives the same cache for as long as the weights hold the same numbers, and a new one when they change.
class PackedWeightsCache {
 public:
  /// Whether it was asked for before. The first small call does not pack: the weights may change before the next one.
  bool requested_before() { return requested_.exchange(true); }
  /// The packed weights, packed by the first call; null when the cache holds those of another cell, dtype or size.
  template <class T>
  std::shared_ptr<const PackedWeights<T>> get(const CellDeclaration& cell, const SequenceCall<T>& call) {
    using Packed = PackedWeights<T>;
    std::lock_guard<std::mutex> lock(mutex_);
    if (!weights_) {
      weights_ = std::make_shared<Packed>(cell, call);
      type_ = &typeid(Packed);
    }
    if (*type_ != typeid(Packed)) return nullptr;
    auto found = std::static_pointer_cast<const Packed>(weights_);
    return found->fits(cell, call) ? found : nullptr;
  }

 private:
  std::atomic<bool> requested_{false};
  std::mutex mutex_;
  std::shared_ptr<void> weights_;
  const std::type_info* type_ = nullptr;
};

}  // namespace recurra
