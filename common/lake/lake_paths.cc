#include "common/lake/lake_paths.h"

#include <algorithm>
#include <initializer_list>

#include <absl/strings/str_cat.h>

#include "common/lake/hive_partition.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::lake {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxSegmentBytes = 255;
constexpr size_t kMaxPathBytes = 4000;

// Well-formed UTF-8 without surrogates and overlong forms.
bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const int length = c < 0x80 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    if (c >= 0x80 && (c < 0xC2 || c > 0xF4)) return false;
    if (i + length > text.size()) return false;
    char32_t point = length == 1 ? c : c & (0x7F >> length);
    for (int k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xC0) != 0x80) return false;
      point = point << 6 | (next & 0x3F);
    }
    if (length == 3 && (point < 0x800 || (point >= 0xD800 && point < 0xE000))) return false;
    if (length == 4 && (point < 0x10000 || point > 0x10FFFF)) return false;
    i += length;
  }
  return true;
}

absl::Status BadPath(std::string_view path, std::string_view why) {
  // The path itself may not be fit to print.
  return InvalidArgument("INVALID_PATH", absl::StrCat("the path '", EncodeSegment(path),
                                                      "' (percent-encoded) is not valid: ",
                                                      absl::string_view(why.data(), why.size())));
}

std::string Path(std::initializer_list<std::string_view> segments) {
  std::string out;
  for (std::string_view segment : segments) {
    if (!out.empty()) out += '/';
    out += EncodeSegment(segment);
  }
  return out;
}

bool IsBelow(const fs::path& path, const fs::path& root) {
  auto [in_root, in_path] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  return in_root == root.end();
}

}  // namespace

absl::Status ValidateRelativePath(std::string_view path) {
  if (path.empty()) return BadPath(path, "it is empty");
  if (path.size() > kMaxPathBytes) return BadPath(path.substr(0, 100), "it is too long");
  if (path.front() == '/') return BadPath(path, "it must be relative to the lake's root");
  if (!IsUtf8(path)) return BadPath(path, "it is not UTF-8");
  for (char c : path) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      return BadPath(path, "it holds a control character");
    }
  }
  size_t start = 0;
  while (start <= path.size()) {
    const size_t end = std::min(path.find('/', start), path.size());
    const std::string_view segment = path.substr(start, end - start);
    if (segment.empty()) return BadPath(path, "it has an empty segment");
    if (segment == "." || segment == "..") return BadPath(path, "'.' and '..' are not allowed");
    if (segment.size() > kMaxSegmentBytes) return BadPath(path, "a segment exceeds 255 bytes");
    start = end + 1;
  }
  return absl::OkStatus();
}

absl::StatusOr<LakePaths> LakePaths::Open(const fs::path& root) {
  std::error_code error;
  fs::path canonical = fs::canonical(root, error);
  if (error || !fs::is_directory(canonical, error)) {
    return FailedPrecondition("LAKE_NOT_FOUND", "the lake's root '" + root.string() +
                                                    "' is not a folder; create it or mount it");
  }
  return LakePaths(std::move(canonical));
}

std::string LakePaths::Landing(std::string_view workspace, std::string_view database,
                               std::string_view table) {
  return Path({workspace, "landing", database, table});
}

std::string LakePaths::RawStream(std::string_view workspace, std::string_view stream) {
  return Path({workspace, "raw", stream});
}

std::string LakePaths::Raw(std::string_view workspace, std::string_view stream, absl::Time time) {
  return RawStream(workspace, stream) + "/" +
         absl::FormatTime("%Y/%m/%d/%H", time, absl::UTCTimeZone());
}

std::string LakePaths::Table(std::string_view workspace, std::string_view database,
                             std::string_view table, std::string_view table_uuid) {
  // A UUIDv7 begins with its time and ends with randomness: the last eight are the ones that tell
  // two tables of one name apart, even when made in the same second.
  const std::string_view uuid8 =
      table_uuid.size() > 8 ? table_uuid.substr(table_uuid.size() - 8) : table_uuid;
  return Path({workspace, "warehouse", database}) + "/" + EncodeSegment(table) + "-" +
         EncodeSegment(uuid8);
}

std::string LakePaths::TableData(std::string_view workspace, std::string_view database,
                                 std::string_view table, std::string_view table_uuid) {
  return Table(workspace, database, table, table_uuid) + "/data";
}

std::string LakePaths::TableStaging(std::string_view workspace, std::string_view database,
                                    std::string_view table, std::string_view table_uuid,
                                    std::string_view writer_id) {
  return Table(workspace, database, table, table_uuid) + "/staging/" + EncodeSegment(writer_id);
}

std::string LakePaths::Derived(std::string_view workspace) { return Path({workspace, "derived"}); }

std::string LakePaths::Results(std::string_view workspace, absl::Time day,
                               std::string_view query_id) {
  return Path(
      {workspace, "results", absl::FormatTime("%Y-%m-%d", day, absl::UTCTimeZone()), query_id});
}

std::string LakePaths::Archive(std::string_view workspace) { return Path({workspace, "archive"}); }

absl::StatusOr<fs::path> LakePaths::Join(std::string_view relative) const {
  TARN_RETURN_IF_ERROR(ValidateRelativePath(relative));
  return root_ / relative;
}

absl::StatusOr<fs::path> LakePaths::ToAbsolute(std::string_view relative) const {
  TARN_ASSIGN_OR_RETURN(fs::path joined, Join(relative));
  std::error_code error;
  fs::path resolved = fs::weakly_canonical(joined, error);
  if (error || !IsBelow(resolved, root_)) {
    return PermissionDenied("PATH_OUTSIDE_LAKE",
                            absl::StrCat("'", std::string(relative), "' leads out of the lake"));
  }
  return resolved;
}

absl::StatusOr<std::string> LakePaths::ToRelative(const fs::path& absolute) const {
  std::error_code error;
  const fs::path resolved =
      absolute.is_absolute() ? fs::weakly_canonical(absolute, error) : fs::path();
  if (error || resolved == root_ || !IsBelow(resolved, root_)) {
    return PermissionDenied("PATH_OUTSIDE_LAKE",
                            absl::StrCat("'", absolute.string(), "' is not inside the lake"));
  }
  std::string relative = resolved.lexically_relative(root_).string();
  TARN_RETURN_IF_ERROR(ValidateRelativePath(relative));
  return relative;
}

}  // namespace tarn::lake
