// The keys that a deduplicate activity has let through, for as long as its window: in memory, and
// in files, so that the same range of the log gives the same rows after a restart, also in batches
// of other sizes.
//
// A row is a duplicate when one with its key was let through less than a window before it. What a
// batch lets through is written and flushed before Filter returns, with the batch's range of the
// log. A batch that begins elsewhere than where the one before it ended means that ranges are run
// again: what was let through at or after its beginning is forgotten first.
//
// Files: <folder>/<position>.keys, a header of 8 bytes ("TARNSK1\n"), then one block a batch, all
// numbers little endian:
//   crc32c u32 (of the rest of the block), count u32, from u64, to u64,
//   count times: position u64, time i64 (microseconds since 1970), key 16 bytes.
// What follows a torn or damaged block of a file is not used. A file goes when all in it is older
// than the window and 10 minutes (by which clocks may step back).
//
// One thread at a time. Errors: those of common/lake/durable_file.h; RESOURCE_EXHAUSTED
// DEDUPLICATE_WINDOW_FULL beyond kMaxKeys.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/container/flat_hash_map.h>
#include <absl/numeric/int128.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

namespace tarn::ingestion {

class SeenKeys {
 public:
  static constexpr size_t kMaxKeys = 4'000'000;

  struct Row {
    uint64_t position = 0;
    int64_t time_micros = 0;
    absl::uint128 key = 0;
  };

  // In memory only.
  SeenKeys() = default;
  // In `folder`, which is made at the first batch.
  explicit SeenKeys(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // The positions of the duplicates among `rows`, which are in the order of their positions and all
  // that range [from, to) of the log has.
  absl::StatusOr<std::vector<int64_t>> Filter(const std::vector<Row>& rows, uint64_t from,
                                              uint64_t to, absl::Duration window);

  size_t size() const { return last_.size(); }

 private:
  struct File {
    std::filesystem::path path;
    int64_t newest_micros = 0;
    uint64_t bytes = 0;
  };

  absl::Status Reload(uint64_t from);
  absl::Status Read(const std::filesystem::path& path, uint64_t from, std::vector<Row>& kept) const;
  absl::Status Append(const std::vector<Row>& kept, uint64_t from, uint64_t to);
  void Forget(int64_t before_micros);

  const std::filesystem::path folder_;
  // Where the next batch begins; nothing before the first.
  std::optional<uint64_t> next_;
  absl::flat_hash_map<absl::uint128, int64_t> last_;
  // Sweep when there are more.
  size_t sweep_size_ = 1000;
  std::map<uint64_t, File> files_;
};

}  // namespace tarn::ingestion
