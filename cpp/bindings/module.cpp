// The compiled module: one line for each family of kernels, and what this build is.
//
// Built once for each instruction set; python/recurra/_core/select.py picks one. Only functions and module-local
// handles are bound, so that all variants can be loaded side by side.
#include "arrays.hpp"
#include "interrupt.hpp"
#include "register.hpp"
#include "tiles.hpp"

#include "recurra/linalg/simd.hpp"

#define RECURRA_TEXT_(x) #x
#define RECURRA_TEXT(x) RECURRA_TEXT_(x)

namespace recurra::bindings {
namespace {

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "gcc " __VERSION__;
#elif defined(_MSC_VER)
  return "msvc " RECURRA_TEXT(_MSC_FULL_VER);
#else
  return "unknown";
#endif
}

py::dict build_config() {
  py::dict config;
  config["isa"] = RECURRA_ISA;
  config["version"] = RECURRA_VERSION;
  config["compiler"] = compiler();
  config["flags"] = RECURRA_FLAGS;
  config["eigen"] =
      RECURRA_TEXT(EIGEN_WORLD_VERSION) "." RECURRA_TEXT(EIGEN_MAJOR_VERSION) "." RECURRA_TEXT(EIGEN_MINOR_VERSION);
  config["lanes"] = lanes<float>;
  config["int8"] = Int8Kernels<>::best().name;
  return config;
}

}  // namespace
}  // namespace recurra::bindings

// Kernels share the thread pool, the workspace and caches of packed weights; each guards itself. Arguments are read
// while the caller holds them.
PYBIND11_MODULE(RECURRA_MODULE, m, pybind11::mod_gil_not_used()) {
  using namespace recurra::bindings;
  m.doc() = "recurra's kernels, compiled for " RECURRA_ISA "; see kernels.pyi for what each function takes.";
  watch_signals();
  recurra::Int8Kernels<>::best();  // chosen here, so that no fork falls into its choosing
  pybind11::dtype::of<float>();  // loads numpy's functions, so that no fork falls into their loading
  register_recurrent(m);
  register_gate_rows(m);
  register_matmul(m);
  register_elementwise(m);
  register_embedding(m);
  register_random(m);
  register_generation(m);
  register_optimizers(m);
  register_tokenize(m);
  m.def("build_config", &build_config, "What this module was built for and with.");
}
