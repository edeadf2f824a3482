# Cross-compile for 64-bit Arm with the packages of Debian and Ubuntu (g++-aarch64-linux-gnu, qemu-user), tests under QEMU:
# cmake --workflow --preset aarch64
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)
set(RECURRA_NATIVE_FLAGS -march=armv8-a CACHE STRING "Flags of the variant `native`")

# Headers and libraries come from the target's folder, programs from this machine. Eigen's wheel is given by its path.
set(CMAKE_FIND_ROOT_PATH /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE BOTH)
