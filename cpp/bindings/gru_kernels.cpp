#include "recurra/cells/gru.hpp"

#include "cell_kernels_compiled.hpp"

namespace recurra::bindings {
template struct CellKernels<Gru, float>;
template struct CellKernels<Gru, double>;
}  // namespace recurra::bindings
