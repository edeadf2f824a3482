// The families of kernels; each has its own source file here, which binds them.
#pragma once

#include <pybind11/pybind11.h>

namespace recurra::bindings {

void register_recurrent(pybind11::module_& m);    // recurrent.cpp: every cell over sequences
void register_gate_rows(pybind11::module_& m);  // gate_rows.cpp: weights stored gate by gate in rows, as PyTorch does
void register_matmul(pybind11::module_& m);  // matmul.cpp: matmul, activations, the number of threads
void register_elementwise(pybind11::module_& m);  // elementwise.cpp: softmax, softmax with cross-entropy
void register_embedding(pybind11::module_& m);  // embedding.cpp
void register_random(pybind11::module_& m);  // random.cpp: numbers, dropout masks, sampling
void register_generation(pybind11::module_& m);  // generation.cpp: tokens from a network, beam search
void register_optimizers(pybind11::module_& m);  // optimizers.cpp: updates, gradient norm
void register_tokenize(pybind11::module_& m);  // tokenize.cpp: words of texts, counted and numbered

}  // namespace recurra::bindings
