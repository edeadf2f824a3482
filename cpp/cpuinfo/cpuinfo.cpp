// Which compiled variants may run here: supported() -> ("v2", "v3", "v4") or fewer; empty elsewhere than on x86-64.
//
// Built for the oldest processor, so that importing it can never execute an unknown instruction.
#include <Python.h>

#include "level.hpp"

namespace {

PyObject* supported(PyObject*, PyObject*) {
  switch (recurra::cpuinfo::level()) {
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

PyMODINIT_FUNC PyInit__cpuinfo() {
  PyObject* module = PyModule_Create(&definition);
#if defined(Py_GIL_DISABLED)
  if (module) PyUnstable_Module_SetGIL(module, Py_MOD_GIL_NOT_USED);
#endif
  return module;
}
