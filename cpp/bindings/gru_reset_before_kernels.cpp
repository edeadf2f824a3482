#include "recurra/cells/gru.hpp"

#include "cell_kernels_compiled.hpp"

namespace recurra::bindings {
template struct CellKernels<GruResetBefore, float>;
template struct CellKernels<GruResetBefore, double>;
}  // namespace recurra::bindings
