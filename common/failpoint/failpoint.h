// Named places at which a test makes the program die, fail or wait.
//
//   TARN_FAILPOINT("catalog.commit.before_insert");                      // may kill or sleep
//   TARN_RETURN_IF_FAILPOINT("ingestion.deliver.after_rename");          // may also return an
//   error
//
// Armed in a test by failpoint::Arm or ScopedFailpoint, in another process by the environment,
// which is read at the first hit:
//
//   TARN_FAILPOINTS="catalog.commit.before_insert=abort+2;query.start=error(UNAVAILABLE)*1"
//
//   abort        the process dies at once, as by kill -9: nothing is flushed, no destructor runs
//   error(CODE)  a Status of that canonical code with reason FAILPOINT; does nothing at a
//                TARN_FAILPOINT, which has no way to return it
//   sleep(MS)    the thread waits so many milliseconds
//   off          nothing, but hits are counted
//   …+K          passes the first K hits
//   …*N          acts N times and then no more
//
// Compiled out, names and all, unless TARN_FAILPOINTS is defined; an unarmed point costs one
// relaxed load. Any thread.
#pragma once

#include <atomic>
#include <string>
#include <string_view>

#include <absl/status/status.h>

namespace tarn::failpoint {

// Arms `name`, in place of what it was armed with, and counts its hits from 0. INVALID_ARGUMENT,
// INVALID_FAILPOINT when the action cannot be read.
absl::Status Arm(std::string_view name, std::string_view action);

// Arms every "name=action" of a list with ';' between.
absl::Status ArmAll(std::string_view list);

void Disarm(std::string_view name);
void DisarmAll();

// How often `name` was reached since it was armed, passed and exhausted hits included; 0 when it is
// not armed.
int HitCount(std::string_view name);

// Armed while it lives. An action that cannot be read ends the program.
class ScopedFailpoint {
 public:
  ScopedFailpoint(std::string_view name, std::string_view action);
  ~ScopedFailpoint();
  ScopedFailpoint(const ScopedFailpoint&) = delete;
  ScopedFailpoint& operator=(const ScopedFailpoint&) = delete;

  int hit_count() const { return HitCount(name_); }

 private:
  std::string name_;
};

namespace internal {

// False only when it is known that no point is armed. True before the environment was read.
extern std::atomic<bool> g_may_be_armed;
absl::Status Reached(std::string_view name);

inline absl::Status Hit(std::string_view name) {
  if (!g_may_be_armed.load(std::memory_order_relaxed)) return absl::OkStatus();
  return Reached(name);
}

}  // namespace internal
}  // namespace tarn::failpoint

#ifdef TARN_FAILPOINTS
#define TARN_FAILPOINT(name)                              \
  do {                                                    \
    ::tarn::failpoint::internal::Hit(name).IgnoreError(); \
  } while (false)
#define TARN_RETURN_IF_FAILPOINT(name)                                                      \
  do {                                                                                      \
    if (absl::Status tarn_hit_ = ::tarn::failpoint::internal::Hit(name); !tarn_hit_.ok()) { \
      return tarn_hit_;                                                                     \
    }                                                                                       \
  } while (false)
#else
#define TARN_FAILPOINT(name) \
  do {                       \
  } while (false)
#define TARN_RETURN_IF_FAILPOINT(name) \
  do {                                 \
  } while (false)
#endif
