// What the program runs, file by file.
#pragma once

namespace bench {

void register_layers();  // layers.cpp
void register_pieces();  // pieces.cpp

}  // namespace bench
