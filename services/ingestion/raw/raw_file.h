// The files of raw copies: gzip of JSON lines, one hour of arrival and one range of a log each
// (docs/formats/raw.md).
//
// Blocking; one object in one thread at a time. Errors of writing are those of
// common/lake/durable_file.h; of reading DATA_LOSS RAW_COPY_DAMAGED with the file and the line,
// NOT_FOUND FILE_NOT_FOUND for a file that is gone, INTERNAL FILE_IO.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/ingestion/raw/raw_record.h"

namespace tarn::ingestion {

// <stream uid>_<log id>_<from>-<to>.jsonl.gz. The uid tells a stream from one that had its name
// before; the range [from, to) is what the file stands for, so that whoever finds it knows how far
// the copies of the log are.
struct RawFileName {
  std::string stream_uid;
  std::string log_id;
  uint64_t from = 0;
  uint64_t to = 0;

  std::string ToString() const;
  // Nothing for another name.
  static std::optional<RawFileName> Parse(std::string_view name);
};

// A file on its way: it appears whole under its name, or not at all.
class RawFileWriter {
 public:
  // The folder of `path` must exist.
  static absl::StatusOr<RawFileWriter> Create(const std::filesystem::path& path);
  RawFileWriter(RawFileWriter&&) noexcept;
  RawFileWriter& operator=(RawFileWriter&&) noexcept;
  ~RawFileWriter();

  absl::Status Append(const ArrivedLine& record);
  // Flushes file and folder; gives the size. Once.
  absl::StatusOr<int64_t> Commit();

 private:
  struct State;
  explicit RawFileWriter(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

// A file, record by record.
class RawFileReader {
 public:
  static absl::StatusOr<RawFileReader> Open(const std::filesystem::path& path);
  RawFileReader(RawFileReader&&) noexcept;
  RawFileReader& operator=(RawFileReader&&) noexcept;
  ~RawFileReader();

  // Nothing after the last.
  absl::StatusOr<std::optional<RawRecord>> Next();

 private:
  struct State;
  explicit RawFileReader(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace tarn::ingestion
