// A team of OpenMP threads that another library of the process, PyTorch say, has started already.
//
// OpenMP's threads spin for some 20 ms after a parallel region. Threads of a second pool would share their cores with
// them for as long; a parallel region of the same size has them at once. The runtime is looked up among the loaded
// libraries (libgomp, libiomp5 and libomp all have GOMP_parallel): recurra is not linked with it.
//
// Not used: in a child process of fork(), where libgomp would wait for threads that the child does not have; inside a
// parallel region; where OpenMP's number of threads is not that of the call, since teams of alternating sizes end and
// start threads each time; with RECURRA_OPENMP=0.
#pragma once
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <type_traits>
#if defined(__linux__)
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#endif

namespace recurra {

class OpenMPTeam {
 public:
  /// The runtime to run a call of `threads` threads on; null where there is none, or it should not be used.
  static const OpenMPTeam* find(int threads) {
#if defined(__linux__)
    if (forked_.load()) return nullptr;
    const OpenMPTeam* team = loaded();
    if (!team || team->in_parallel_() || team->max_threads_() != threads) return nullptr;
    return team;
#else
    (void)threads;
    return nullptr;
#endif
  }

  /// Call job(id, size) on each thread of a team of at most `threads` threads, 0 on the calling one; returns when all
  /// are done. job must not throw.
  template <class Job>
  void run(int threads, Job&& job) const {
    struct Region {
      const OpenMPTeam& team;
      Job& job;
    } region{*this, job};
    parallel_(
        [](void* data) {
          const auto& self = *static_cast<Region*>(data);
          self.job(self.team.thread_(), self.team.size_());
        },
        &region, unsigned(threads), 0);
  }

 private:
  void (*parallel_)(void (*)(void*), void*, unsigned, unsigned) = nullptr;
  int (*thread_)() = nullptr;
  int (*size_)() = nullptr;
  int (*max_threads_)() = nullptr;
  int (*in_parallel_)() = nullptr;

#if defined(__linux__)
  static inline std::mutex mutex_;  // of the search, also of dl_iterate_phdr, whose own lock no child finds open
  static inline unsigned long long seen_ = 0;
  static inline OpenMPTeam* found_ = nullptr;  // kept: the libraries are never unloaded once they have threads
  static inline std::atomic<bool> forked_{false};
  // A fork waits for the end of a search, so that its child finds the lock open.
  static inline const int registered_ = pthread_atfork([] { mutex_.lock(); }, [] { mutex_.unlock(); },
                                                       [] {
                                                         if (found_) forked_.store(true);
                                                         mutex_.unlock();
                                                       });

  /// The runtime among the libraries loaded now. Looked for again when a library was loaded since.
  static const OpenMPTeam* loaded() {
    (void)registered_;
    std::lock_guard<std::mutex> lock(mutex_);
    if (found_ || !wanted()) return found_;
    unsigned long long loads = 0;
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* result) {
          *static_cast<unsigned long long*>(result) = info->dlpi_adds;
          return 1;
        },
        &loads);
    if (loads == seen_) return nullptr;
    seen_ = loads;
    dl_iterate_phdr(&look_at, static_cast<void*>(&found_));
    return found_;
  }

  static bool wanted() {
    static const bool value = [] {
      const char* set = std::getenv("RECURRA_OPENMP");  // NOLINT(concurrency-mt-unsafe): read once
      return !set || std::strcmp(set, "0") != 0;
    }();
    return value;
  }

  static int look_at(dl_phdr_info* info, std::size_t, void* result) {
    const char* file = std::strrchr(info->dlpi_name, '/');
    file = file ? file + 1 : info->dlpi_name;
    const auto begins = [&](const char* name) { return std::strncmp(file, name, std::strlen(name)) == 0; };
    if (!begins("libgomp") && !begins("libiomp5") && !begins("libomp")) return 0;
    void* library = dlopen(info->dlpi_name, RTLD_LAZY | RTLD_NOLOAD);
    if (!library) return 0;
    OpenMPTeam team;
    const auto bind = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
      return function != nullptr;
    };
    if (!bind(team.parallel_, "GOMP_parallel") || !bind(team.thread_, "omp_get_thread_num") ||
        !bind(team.size_, "omp_get_num_threads") || !bind(team.max_threads_, "omp_get_max_threads") ||
        !bind(team.in_parallel_, "omp_in_parallel"))
      return 0;
    *static_cast<OpenMPTeam**>(result) = new OpenMPTeam(team);  // the library stays loaded
    return 1;
  }
#endif
};

}  // namespace recurra
