# Sets RECURRA_EIGEN_INCLUDE_DIR: Eigen's headers from the cmeel-eigen wheel (a build requirement in pyproject.toml), or
# with -DRECURRA_SYSTEM_EIGEN=ON the system's. A path given with -DRECURRA_EIGEN_INCLUDE_DIR=... is used as it is.

if(RECURRA_EIGEN_INCLUDE_DIR)
  # given by the user, or found by an earlier run
elseif(RECURRA_SYSTEM_EIGEN)
  find_package(Eigen3 QUIET NO_MODULE)
  if(TARGET Eigen3::Eigen)
    get_target_property(recurra_eigen_dirs Eigen3::Eigen INTERFACE_INCLUDE_DIRECTORIES)
    list(GET recurra_eigen_dirs 0 recurra_eigen_dir)
    set(RECURRA_EIGEN_INCLUDE_DIR ${recurra_eigen_dir} CACHE PATH "Where Eigen/Core is")
  else()
    find_path(RECURRA_EIGEN_INCLUDE_DIR Eigen/Core PATH_SUFFIXES eigen3 DOC "Where Eigen/Core is")
  endif()
  if(NOT RECURRA_EIGEN_INCLUDE_DIR)
    message(FATAL_ERROR "RECURRA_SYSTEM_EIGEN is ON but no Eigen was found: install libeigen3-dev (or the like), "
                        "or give its path with -DRECURRA_EIGEN_INCLUDE_DIR=...")
  endif()
else()
  if(NOT Python_EXECUTABLE)
    find_package(Python 3.10 REQUIRED COMPONENTS Interpreter)
  endif()
  # In an isolated build the wheel is not in the interpreter's own site-packages, so every path it imports from counts.
  execute_process(
    COMMAND ${Python_EXECUTABLE} -c "import sys; print(';'.join(p.replace('\\\\', '/') for p in sys.path if p))"
    OUTPUT_VARIABLE recurra_sys_path OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  find_path(RECURRA_EIGEN_INCLUDE_DIR Eigen/Core
            PATHS ${recurra_sys_path} ${CMAKE_PREFIX_PATH}
            PATH_SUFFIXES cmeel.prefix/include/eigen3
            NO_DEFAULT_PATH DOC "Where Eigen/Core is")
  if(NOT RECURRA_EIGEN_INCLUDE_DIR)
    message(FATAL_ERROR "Eigen's headers were not found: `pip install cmeel-eigen` into the Python that builds "
                        "(${Python_EXECUTABLE}), or use the system's with -DRECURRA_SYSTEM_EIGEN=ON")
  endif()
endif()

set(recurra_eigen_macros ${RECURRA_EIGEN_INCLUDE_DIR}/Eigen/src/Core/util/Macros.h)  # Eigen 3
if(EXISTS ${RECURRA_EIGEN_INCLUDE_DIR}/Eigen/Version)  # Eigen 5
  set(recurra_eigen_macros ${RECURRA_EIGEN_INCLUDE_DIR}/Eigen/Version)
endif()
if(NOT EXISTS ${recurra_eigen_macros})
  message(FATAL_ERROR "${RECURRA_EIGEN_INCLUDE_DIR} does not hold Eigen's headers (no Eigen/Core with its sources)")
endif()
file(STRINGS ${recurra_eigen_macros} recurra_eigen_lines REGEX "#define EIGEN_(WORLD|MAJOR|MINOR)_VERSION +[0-9]+")
foreach(part WORLD MAJOR MINOR)
  string(REGEX MATCH "EIGEN_${part}_VERSION +([0-9]+)" unused "${recurra_eigen_lines}")
  set(recurra_eigen_${part} ${CMAKE_MATCH_1})
endforeach()
set(recurra_eigen_version ${recurra_eigen_WORLD}.${recurra_eigen_MAJOR}.${recurra_eigen_MINOR})
if(recurra_eigen_version VERSION_LESS 3.4.0)
  message(FATAL_ERROR "Eigen ${recurra_eigen_version} in ${RECURRA_EIGEN_INCLUDE_DIR} is too old: 3.4 or newer needed")
endif()
message(STATUS "Eigen ${recurra_eigen_version}: ${RECURRA_EIGEN_INCLUDE_DIR}")
