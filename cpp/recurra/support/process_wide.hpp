// process_wide<X>(): one X for the process, made at first use, never destroyed, thread-safe. A forked child makes a new
// one: in its copy of the parent's a lock may be held, or threads be counted, that the child does not have.
#pragma once
#include <atomic>
#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace recurra {

template <class X>
struct ProcessWide {
  static inline std::atomic<X*> current{nullptr};
#if !defined(_WIN32)
  // Registered when the program or module is loaded: a fork during a registration at first use would find it begun, and
  // its child would wait for the end for ever.
  static inline const int registered = pthread_atfork(nullptr, nullptr, [] { current.store(nullptr); });
#endif
};

template <class X>
X& process_wide() {
  std::atomic<X*>& current = ProcessWide<X>::current;
#if !defined(_WIN32)
  (void)ProcessWide<X>::registered;
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
