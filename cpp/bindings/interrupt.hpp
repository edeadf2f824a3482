// Ctrl-C within a kernel: Python's signal handlers run, and what they raise ends the call.
#pragma once
#include "arrays.hpp"

#include "recurra/support/interrupt.hpp"

namespace recurra::bindings {

/// Makes long kernels that the main thread calls ask Python about signals.
void watch_signals();

/// kernel() without the GIL; an interrupted one throws what the signal handler raised.
template <class Kernel>
void without_gil(Kernel&& kernel) {
  try {
    py::gil_scoped_release release;
    kernel();
  } catch (const Interrupted&) {
    throw py::error_already_set();
  }
}

}  // namespace recurra::bindings
