#include "recurra/cells/lstm.hpp"

#include "cell_kernels_compiled.hpp"

namespace recurra::bindings {
template struct CellKernels<Lstm, float>;
template struct CellKernels<Lstm, double>;
}  // namespace recurra::bindings
