#include "interrupt.hpp"

#include <atomic>
#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace recurra::bindings {
namespace {

std::atomic<unsigned long> main_thread{0};

/// Runs the handlers of signals that have come. True when one of them raised an error; it is set then.
/// Elsewhere than in the main thread Python runs no handlers, so that the GIL is not asked for.
bool signal_handler_raised() {
  if (PyThread_get_thread_ident() != main_thread.load()) return false;
  const py::gil_scoped_acquire acquire;
  return PyErr_CheckSignals() != 0;
}

}  // namespace

void watch_signals() {
  main_thread = py::module_::import("threading").attr("main_thread")().attr("ident").cast<unsigned long>();
#if !defined(_WIN32)
  static const int registered =  // in a forked child the thread that forked is the main one
      pthread_atfork(nullptr, nullptr, [] { main_thread.store(PyThread_get_thread_ident()); });
  (void)registered;
#endif
  interrupt_check() = &signal_handler_raised;
}

}  // namespace recurra::bindings
