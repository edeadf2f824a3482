// process_wide<X>(): one X for the process, made at first use, never destroyed, thread-safe. A forked child makes a new
// one: in its copy of the parent's a lock may be held, or threads be counted, that the child does not have.
#pragma once
#include <atomic>
#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace recurra {

template <class X>
X& process_wide() {
  static std::atomic<X*> current{nullptr};
#if !defined(_WIN32)
  static const int registered = pthread_atfork(nullptr, nullptr, [] { current.store(nullptr); });
  (void)registered;
#endif
  X* object = current.load(std::memory_order_acquire);
  if (!object) {
    X* fresh = new X;
    if (current.compare_exchange_strong(object, fresh)) return *fresh;
    delete fresh;  // another thread was first
  }
  return *object;
}

}  // namespace recurra
