# A source file for each cell of cpp/recurra/cells/list.hpp, which compiles its functions (cpp/cmake/cell_functions.cpp.in).
set(recurra_cell_list ${PROJECT_SOURCE_DIR}/cpp/recurra/cells/list.hpp)
set(recurra_cell_template ${PROJECT_SOURCE_DIR}/cpp/cmake/cell_functions.cpp.in)

# Put the files into the variable `sources`.
function(recurra_cell_sources sources)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${recurra_cell_list})
  file(READ ${recurra_cell_list} text)
  string(REGEX MATCHALL "  X\\([A-Za-z]+" lines "${text}")
  foreach(line IN LISTS lines)
    string(REPLACE "  X(" "" cell "${line}")
    configure_file(${recurra_cell_template} ${CMAKE_CURRENT_BINARY_DIR}/${cell}_functions.cpp @ONLY)
    list(APPEND found ${CMAKE_CURRENT_BINARY_DIR}/${cell}_functions.cpp)
  endforeach()
  set(${sources} ${found} PARENT_SCOPE)
endfunction()
