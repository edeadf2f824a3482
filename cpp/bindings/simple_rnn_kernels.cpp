#include "recurra/cells/simple_rnn.hpp"

#include "cell_kernels_compiled.hpp"

namespace recurra::bindings {
template struct CellKernels<SimpleRnn, float>;
template struct CellKernels<SimpleRnn, double>;
}  // namespace recurra::bindings
