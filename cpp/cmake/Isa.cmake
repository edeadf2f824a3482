# The instruction sets: which are built (RECURRA_ISA_LIST) and with which flags (recurra_isa_flags). Modules and tests
# for different sets come from the same sources and differ in these flags and in the macro RECURRA_ISA, nothing else.
#
# Why separate modules and not separate objects in one: Eigen's templates keep their symbol names under all flags, the
# linker keeps one copy of each, and code for the oldest processor would run instructions of the newest.

if(RECURRA_ISAS)
  set(RECURRA_ISA_LIST ${RECURRA_ISAS})
else()
  set(recurra_processor ${CMAKE_SYSTEM_PROCESSOR})
  if(CMAKE_OSX_ARCHITECTURES)
    set(recurra_processor ${CMAKE_OSX_ARCHITECTURES})
  endif()
  if(recurra_processor MATCHES "^(x86_64|amd64|AMD64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
    set(RECURRA_ISA_LIST v2 v3 v4)
  else()
    set(RECURRA_ISA_LIST native)
  endif()
endif()
message(STATUS "Instruction sets: ${RECURRA_ISA_LIST}")

set(RECURRA_NATIVE_FLAGS "" CACHE STRING
    "Flags of the variant `native`, e.g. -march=armv8-a for a package that other machines run; empty: this machine's own")

# x86-64's levels: v2 is SSE4.2 (2009 on), v3 is AVX2 with FMA (2013 on), v4 is AVX-512 F/BW/CD/DQ/VL.
if(MSVC)
  set(recurra_flags_v2 "")
  set(recurra_flags_v3 /arch:AVX2)
  set(recurra_flags_v4 /arch:AVX512)
  set(recurra_flags_native "")
else()
  set(recurra_flags_v2 -O2 -march=x86-64-v2 -mtune=generic)  # -O2: quicker to build, and hardly ever run
  set(recurra_flags_v3 -march=x86-64-v3 -mtune=haswell)
  set(recurra_flags_v4 -march=x86-64-v4 -mtune=skylake-avx512 -mprefer-vector-width=512)
  set(recurra_flags_native -mcpu=native)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64|i.86)$")
    set(recurra_flags_native -march=native)
  endif()
endif()
if(RECURRA_NATIVE_FLAGS)
  separate_arguments(recurra_flags_native UNIX_COMMAND "${RECURRA_NATIVE_FLAGS}")
endif()

# The mathematics of floating point is fixed by name, so that it means the same on every compiler and at every place in
# the code: no contraction by the compiler's own choice (kernels call a fused multiply-add where they mean one), no
# errno, no traps. Never -ffast-math, which would also let sums be reordered and NaN be ignored.
if(MSVC)
  set(recurra_common_flags /fp:precise /bigobj /utf-8)
  set(recurra_warning_flags /W3 $<$<BOOL:${RECURRA_WERROR}>:/WX>)
else()
  set(recurra_common_flags -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND recurra_common_flags -fno-gnu-unique)
  endif()
  set(recurra_warning_flags -Wall -Wextra -Wno-ignored-attributes $<$<BOOL:${RECURRA_WERROR}>:-Werror>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    list(APPEND recurra_warning_flags -Wno-uninitialized -Wno-maybe-uninitialized)  # false in its own AVX-512 headers
  endif()
endif()

# Compile and link `target` for `isa`.
function(recurra_isa_flags target isa)
  set(flags ${recurra_common_flags} ${recurra_flags_${isa}})
  target_compile_options(${target} PRIVATE ${flags} ${recurra_warning_flags})
  target_compile_definitions(${target} PRIVATE RECURRA_ISA="${isa}")
  if(RECURRA_POISON OR RECURRA_SANITIZE)
    target_compile_definitions(${target} PRIVATE RECURRA_POISON)
  endif()
  if(RECURRA_SANITIZE)
    # -O1: with all inlining a sanitized module takes an hour to compile
    target_compile_options(${target} PRIVATE -fsanitize=${RECURRA_SANITIZE} -fno-omit-frame-pointer -g -O1)
    target_link_options(${target} PRIVATE -fsanitize=${RECURRA_SANITIZE})
  endif()
  string(JOIN " " flags ${flags})
  target_compile_definitions(${target} PRIVATE RECURRA_FLAGS="${flags}")
endfunction()
