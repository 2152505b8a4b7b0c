#include "services/ingestion/activity/seen_keys.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <system_error>
#include <unistd.h>
#include <utility>

#include <absl/strings/str_cat.h>

#include "common/failpoint/failpoint.h"
#include "common/lake/durable_file.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "common/wal/crc32c.h"

namespace tarn::ingestion {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "TARNSK1\n";
constexpr uint64_t kFileBytes = 16u << 20;
constexpr size_t kBlockHeader = 24;
constexpr size_t kEntryBytes = 32;
constexpr int64_t kClockSlackMicros = 10LL * 60 * 1'000'000;

// The machines that Tarn runs on are little endian.
template <typename T>
void Put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename T>
T Take(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

std::string FileName(uint64_t from) {
  char name[40];
  std::snprintf(name, sizeof name, "%020llu.keys", static_cast<unsigned long long>(from));
  return name;
}

// The position in a file's name; nothing for another file.
std::optional<uint64_t> PositionOf(const fs::path& path) {
  const std::string name = path.filename().string();
  uint64_t position = 0;
  if (path.extension() != ".keys" || name.size() != 25) return std::nullopt;
  const auto [end, error] = std::from_chars(name.data(), name.data() + 20, position);
  if (error != std::errc() || end != name.data() + 20) return std::nullopt;
  return position;
}

std::string Block(const std::vector<SeenKeys::Row>& rows, uint64_t from, uint64_t to) {
  std::string rest;
  rest.reserve(kBlockHeader + rows.size() * kEntryBytes);
  Put(rest, static_cast<uint32_t>(rows.size()));
  Put(rest, from);
  Put(rest, to);
  for (const SeenKeys::Row& row : rows) {
    Put(rest, row.position);
    Put(rest, row.time_micros);
    Put(rest, absl::Uint128Low64(row.key));
    Put(rest, absl::Uint128High64(row.key));
  }
  std::string block;
  Put(block, wal::Crc32c(rest));
  return block + rest;
}

// Writes at the end of the file and flushes it; makes it, with its header, where it is not there.
absl::Status AppendDurably(const fs::path& path, bool is_new, std::string_view bytes) {
  const int fd =
      ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | (is_new ? O_CREAT : 0), 0600);
  if (fd < 0) return lake::FileError(errno, "open", path);
  struct Closer {
    int fd;
    ~Closer() { ::close(fd); }
  } closer{fd};
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return lake::FileError(errno, "write", path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  if (::fdatasync(fd) != 0) return lake::FileError(errno, "flush", path);
  return is_new ? lake::FsyncFile(path.parent_path()) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<int64_t>> SeenKeys::Filter(const std::vector<Row>& rows, uint64_t from,
                                                      uint64_t to, absl::Duration window) {
  if (next_ != from) TARN_RETURN_IF_ERROR(Reload(from));
  // Until the batch is written, what memory knows is not what the files know.
  next_.reset();
  const int64_t window_micros = absl::ToInt64Microseconds(window);
  std::vector<int64_t> duplicates;
  std::vector<Row> kept;
  int64_t oldest = INT64_MAX;
  for (const Row& row : rows) oldest = std::min(oldest, row.time_micros);
  if (!rows.empty()) Forget(oldest - window_micros - kClockSlackMicros);
  for (const Row& row : rows) {
    const auto [last, is_new] = last_.try_emplace(row.key, row.time_micros);
    if (!is_new) {
      if (std::abs(row.time_micros - last->second) < window_micros) {
        duplicates.push_back(static_cast<int64_t>(row.position));
        continue;
      }
      last->second = row.time_micros;
    }
    kept.push_back(row);
  }
  if (last_.size() > kMaxKeys) {
    return ResourceExhausted("DEDUPLICATE_WINDOW_FULL",
                             absl::StrCat("the deduplicate activity remembers at most ", kMaxKeys,
                                          " keys; choose a shorter window"));
  }
  if (!folder_.empty() && !kept.empty()) TARN_RETURN_IF_ERROR(Append(kept, from, to));
  TARN_FAILPOINT("ingestion.seen_keys.after_flush");
  next_ = to;
  return duplicates;
}

void SeenKeys::Forget(int64_t before_micros) {
  for (auto file = files_.begin(); file != files_.end();) {
    // The newest file goes on being written.
    if (std::next(file) == files_.end() || file->second.newest_micros >= before_micros) {
      ++file;
      continue;
    }
    std::error_code error;
    fs::remove(file->second.path, error);
    file = files_.erase(file);
  }
  if (last_.size() < sweep_size_) return;
  absl::erase_if(last_, [&](const auto& entry) { return entry.second < before_micros; });
  sweep_size_ = last_.size() + last_.size() / 4 + 1000;
}

absl::Status SeenKeys::Append(const std::vector<Row>& kept, uint64_t from, uint64_t to) {
  std::string bytes;
  const bool is_new = files_.empty() || std::prev(files_.end())->second.bytes >= kFileBytes;
  if (is_new) {
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error) return lake::FileError(error.value(), "make", folder_);
    const fs::path path = folder_ / FileName(from);
    // Left by a try that failed before anything was in it.
    fs::remove(path, error);
    files_[from] = {.path = path};
    bytes = kMagic;
  }
  File& file = std::prev(files_.end())->second;
  bytes += Block(kept, from, to);
  if (absl::Status status = AppendDurably(file.path, is_new, bytes); !status.ok()) {
    // Nobody knows how much of it is there; Reload finds out.
    files_.clear();
    return status;
  }
  file.bytes += bytes.size();
  for (const Row& row : kept) file.newest_micros = std::max(file.newest_micros, row.time_micros);
  return absl::OkStatus();
}

absl::Status SeenKeys::Read(const fs::path& path, uint64_t from, std::vector<Row>& kept) const {
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (in.bad()) return lake::FileError(EIO, "read", path);
  if (std::string_view(bytes).substr(0, kMagic.size()) != kMagic) return absl::OkStatus();
  for (size_t at = kMagic.size(); at + kBlockHeader <= bytes.size();) {
    const auto count = Take<uint32_t>(&bytes[at + 4]);
    const size_t length = kBlockHeader + size_t{count} * kEntryBytes;
    if (length > bytes.size() - at) break;
    const std::string_view rest(&bytes[at + 4], length - 4);
    if (wal::Crc32c(rest) != Take<uint32_t>(&bytes[at])) break;
    for (size_t i = 0; i < count; ++i) {
      const char* const entry = &bytes[at + kBlockHeader + i * kEntryBytes];
      Row row{Take<uint64_t>(entry), Take<int64_t>(entry + 8),
              absl::MakeUint128(Take<uint64_t>(entry + 24), Take<uint64_t>(entry + 16))};
      if (row.position < from) kept.push_back(row);
    }
    at += length;
  }
  return absl::OkStatus();
}

absl::Status SeenKeys::Reload(uint64_t from) {
  next_.reset();
  last_.clear();
  files_.clear();
  sweep_size_ = 1000;
  if (folder_.empty()) return absl::OkStatus();
  std::error_code error;
  std::map<uint64_t, fs::path> found;
  for (fs::directory_iterator file(folder_, error), end; !error && file != end;
       file.increment(error)) {
    if (const auto position = PositionOf(file->path())) found[*position] = file->path();
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return lake::FileError(error.value(), "read", folder_);
  }
  if (found.empty()) return absl::OkStatus();
  std::vector<Row> kept;
  for (const auto& [position, path] : found) TARN_RETURN_IF_ERROR(Read(path, from, kept));
  // One file of what still counts takes the place of all: what was let through at or after `from`
  // is gone with the others. Killed in between, the next Reload reads the same from more files.
  std::sort(kept.begin(), kept.end(),
            [](const Row& a, const Row& b) { return a.position < b.position; });
  kept.erase(std::unique(kept.begin(), kept.end(),
                         [](const Row& a, const Row& b) { return a.position == b.position; }),
             kept.end());
  File all{.path = folder_ / FileName(found.begin()->first)};
  const std::string bytes = std::string(kMagic) + Block(kept, 0, from);
  // Removed from the newest on, so that whatever is left at a kill is a beginning.
  for (auto file = found.rbegin(); file != std::prev(found.rend()); ++file) {
    if (file->first >= from) fs::remove(file->second, error);
  }
  TARN_RETURN_IF_ERROR(lake::WriteFileDurably(all.path, bytes, 0600));
  for (const auto& [position, path] : found) {
    if (path != all.path) fs::remove(path, error);
  }
  all.bytes = bytes.size();
  for (const Row& row : kept) {
    all.newest_micros = std::max(all.newest_micros, row.time_micros);
    last_[row.key] = row.time_micros;
  }
  sweep_size_ = last_.size() + 1000;
  files_[found.begin()->first] = std::move(all);
  return absl::OkStatus();
}

}  // namespace tarn::ingestion
