/// Which x86-64 levels this processor and operating system may run: supported() -> ("v2", "v3", "v4") or fewer.
///
/// Built for the oldest processor and free of templates, so that importing it can never execute an unknown instruction.
/// A level counts when the processor has every feature of it (x86-64 psABI, section 3.1.1) and the operating system
/// saves the registers it uses. Elsewhere than on x86-64 the result is empty.
#include <Python.h>

#include <cstdint>

#if defined(__x86_64__) || defined(_M_X64)
#define RECURRA_X86_64 1
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

namespace {

int level() {
#ifdef RECURRA_X86_64
  struct Registers {
    std::uint32_t a, b, c, d;
  };
  const auto cpuid = [](std::uint32_t leaf) {
    Registers r{0, 0, 0, 0};
#if defined(_MSC_VER)
    int highest[4], out[4];
    __cpuid(highest, static_cast<int>(leaf & 0x80000000u));
    if (static_cast<std::uint32_t>(highest[0]) >= leaf) {
      __cpuidex(out, static_cast<int>(leaf), 0);
      r = {std::uint32_t(out[0]), std::uint32_t(out[1]), std::uint32_t(out[2]), std::uint32_t(out[3])};
    }
#else
    __get_cpuid_count(leaf, 0, &r.a, &r.b, &r.c, &r.d);
#endif
    return r;
  };
  const auto all = [](std::uint32_t word, std::uint32_t bits) { return (word & bits) == bits; };
  constexpr auto bit = [](int n) { return std::uint32_t{1} << n; };

  const Registers basic = cpuid(1), structured = cpuid(7), extended = cpuid(0x80000001u);

  // SSE3, SSSE3, CMPXCHG16B, SSE4.1, SSE4.2, POPCNT; LAHF
  if (!all(basic.c, bit(0) | bit(9) | bit(13) | bit(19) | bit(20) | bit(23)) || !all(extended.c, bit(0))) return 1;

  // FMA, MOVBE, OSXSAVE, AVX, F16C; BMI1, AVX2, BMI2; LZCNT
  if (!all(basic.c, bit(12) | bit(22) | bit(27) | bit(28) | bit(29))) return 2;
  if (!all(structured.b, bit(3) | bit(5) | bit(8)) || !all(extended.c, bit(5))) return 2;
#if defined(_MSC_VER)
  const auto saved = static_cast<std::uint32_t>(_xgetbv(0));
#else
  std::uint32_t saved, high;  // written as an instruction: the intrinsic would need -mxsave for the whole file
  __asm__ volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
#endif
  if (!all(saved, bit(1) | bit(2))) return 2;  // xmm, ymm

  // AVX512 F, DQ, CD, BW, VL; opmask, upper halves of zmm0-15, zmm16-31
  if (!all(structured.b, bit(16) | bit(17) | bit(28) | bit(30) | bit(31))) return 3;
#if !defined(__APPLE__)  // macOS enables the AVX-512 state of a thread at its first use, so the bits may be clear there
  if (!all(saved, bit(5) | bit(6) | bit(7))) return 3;
#endif
  return 4;
#else
  return 0;
#endif
}

PyObject* supported(PyObject*, PyObject*) {
  switch (level()) {
    case 2: return Py_BuildValue("(s)", "v2");
    case 3: return Py_BuildValue("(ss)", "v2", "v3");
    case 4: return Py_BuildValue("(sss)", "v2", "v3", "v4");
    default: return PyTuple_New(0);
  }
}

PyMethodDef methods[] = {
    {"supported", supported, METH_NOARGS,
     "supported()\n--\n\nThe x86-64 levels that may run here, a tuple of 'v2', 'v3', 'v4' in this order."},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_cpuinfo", "What the processor may run.", 0, methods, nullptr, nullptr, nullptr, nullptr};

}  // namespace

PyMODINIT_FUNC PyInit__cpuinfo() { return PyModule_Create(&definition); }
