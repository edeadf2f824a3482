// Memory for scratch and caches, reused from call to call: freed blocks stay in a bounded pool, and the next request of
// like size takes them. Why: returning a training step's cache to the system and faulting it in again costs up to 1.8
// times the step.
//
// Blocks are aligned to 64 bytes, with 64 bytes of slack behind the end, so that a vector may be read or written across
// the end. Their content is undefined. Blocks over 2 MB ask for huge pages. Thread-safe.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>
#include <vector>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "recurra/support/layout.hpp"
#include "recurra/support/process_wide.hpp"

namespace recurra {

/// Fill new memory with NaN (all bits set) where the build says so (RECURRA_POISON, on in sanitizer builds): a kernel
/// that reads what it has not written then gives NaN every time, not only on an unlucky day.
inline void poison([[maybe_unused]] void* pointer, [[maybe_unused]] size_t bytes) {
#if defined(RECURRA_POISON)
  std::memset(pointer, 0xFF, bytes);
#endif
}

/// The system gives no memory of this size.
class OutOfMemory : public std::bad_alloc {
 public:
  explicit OutOfMemory(size_t bytes) noexcept {
    std::snprintf(text_, sizeof(text_),
                  "a kernel's results or scratch take %zu bytes, which the system does not give: make the batch, the "
                  "sequences or the units smaller",
                  bytes);
  }
  const char* what() const noexcept override { return text_; }

 private:
  char text_[160];
};

class Workspace {
 public:
  static Workspace& shared() { return process_wide<Workspace>(); }

  void* take(size_t bytes, size_t& capacity) {
    void* pointer = take_block(round_up(bytes + slack), capacity);
    poison(pointer, capacity);
    return pointer;
  }

  void give_back(void* pointer, size_t capacity) {
    std::vector<std::pair<void*, size_t>> dropped;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      free_.emplace_back(pointer, capacity);
      pooled_ += capacity;
      while (pooled_ > limit_ || free_.size() > max_blocks) {  // the oldest goes first
        dropped.push_back(free_.front());
        pooled_ -= free_.front().second;
        free_.erase(free_.begin());
      }
    }
    for (auto& block : dropped) release(block.first);
  }

  /// Set the pool's bound in bytes; blocks beyond it return to the system.
  void set_limit(size_t bytes) {
    std::vector<std::pair<void*, size_t>> dropped;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      limit_ = bytes;
      while (pooled_ > limit_) {
        dropped.push_back(free_.front());
        pooled_ -= free_.front().second;
        free_.erase(free_.begin());
      }
    }
    for (auto& block : dropped) release(block.first);
  }

  /// Bytes in the pool.
  size_t pooled() {
    std::lock_guard<std::mutex> lock(mutex_);
    return pooled_;
  }

 private:
  static constexpr size_t alignment = 64, slack = 64, huge = size_t{2} << 20, small = 4096, max_blocks = 64;

  void* take_block(size_t bytes, size_t& capacity) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      size_t best = free_.size();
      for (size_t i = 0; i < free_.size(); ++i)  // the smallest that fits and is not more than twice too large
        if (free_[i].second >= bytes && free_[i].second <= 2 * bytes + small &&
            (best == free_.size() || free_[i].second < free_[best].second))
          best = i;
      if (best != free_.size()) {
        const auto block = free_[best];
        free_[best] = free_.back();
        free_.pop_back();
        pooled_ -= block.second;
        capacity = block.second;
        return block.first;
      }
    }
    capacity = bytes;
    return allocate(bytes);
  }
  static size_t round_up(size_t bytes) {
    const size_t unit = bytes >= huge ? huge : alignment;
    return (bytes + unit - 1) / unit * unit;
  }
  static void* allocate(size_t bytes) {
#if defined(_MSC_VER)
    void* pointer = _aligned_malloc(bytes, alignment);
#else
    void* pointer = std::aligned_alloc(bytes >= huge ? huge : alignment, bytes);
#endif
    if (!pointer) throw OutOfMemory(bytes);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (bytes >= huge) madvise(pointer, bytes, MADV_HUGEPAGE);  // advice only: a refusal changes nothing
#endif
    return pointer;
  }
  static void release(void* pointer) {
#if defined(_MSC_VER)
    _aligned_free(pointer);
#else
    std::free(pointer);
#endif
  }

  std::mutex mutex_;
  std::vector<std::pair<void*, size_t>> free_;
  size_t pooled_ = 0;
  size_t limit_ = size_t{1} << 30;
};

/// `size` elements of T from the workspace, returned to it by the destructor.
template <class T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(Index size) { resize(size); }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { clear(); }

  void resize(Index size) {  // the content is lost
    clear();
    if (size > 0) data_ = static_cast<T*>(Workspace::shared().take(static_cast<size_t>(size) * sizeof(T), capacity_));
    size_ = size;
  }
  void clear() {
    if (data_) Workspace::shared().give_back(data_, capacity_);
    data_ = nullptr;
    size_ = 0;
  }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](Index i) { return data_[i]; }
  const T& operator[](Index i) const { return data_[i]; }
  Index size() const { return size_; }

 private:
  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }
  T* data_ = nullptr;
  Index size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace recurra
