#include "services/cli/file_uploader.h"

#include <algorithm>
#include <fstream>
#include <thread>

#include "common/digest/sha256.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"

namespace tarn::cli {
namespace {

namespace ingestion = ::tarn::ingestion::v1;

constexpr int kParallelFiles = 4;
constexpr size_t kChunkBytes = 1 << 20;
// Files of this size on go on where they were when the connection breaks, or the command.
constexpr int64_t kResumableBytes = 4 << 20;

absl::Status Unreadable(const std::string& path) {
  return FailedPrecondition("FILE_UNREADABLE", path + " cannot be read", {{"path", path}});
}

// Calls `each` with the file's bytes from `offset` on, piece by piece, until it says no.
absl::Status ReadPieces(const std::string& path, int64_t offset,
                        const std::function<bool(std::string&)>& each) {
  std::ifstream file(path, std::ios::binary);
  if (!file.is_open()) return Unreadable(path);
  file.seekg(offset);
  std::string piece;
  for (;;) {
    piece.resize(kChunkBytes);
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    piece.resize(static_cast<size_t>(file.gcount()));
    if (file.bad()) return Unreadable(path);
    if (piece.empty() || !each(piece)) return absl::OkStatus();
  }
}

absl::StatusOr<std::string> HashFile(const std::string& path) {
  Sha256 hash;
  TARN_RETURN_IF_ERROR(ReadPieces(path, 0, [&hash](std::string& piece) {
    hash.Update(piece);
    return true;
  }));
  return hash.Hex();
}

}  // namespace

FileUploader::FileUploader(Connection& connection, std::string table,
                           std::function<void(int64_t)> on_bytes)
    : connection_(connection),
      table_(std::move(table)),
      on_bytes_(std::move(on_bytes)),
      stub_(ingestion::IngestionService::NewStub(connection.channel())) {}

UploadReport FileUploader::Upload(const std::vector<UploadItem>& items) {
  std::vector<std::thread> threads;
  const size_t count = std::min<size_t>(kParallelFiles, items.size());
  for (size_t i = 0; i < count; ++i) threads.emplace_back([this, &items] { Work(items); });
  for (std::thread& thread : threads) thread.join();
  return std::move(report_);
}

void FileUploader::Work(const std::vector<UploadItem>& items) {
  while (!stopped_) {
    const size_t index = next_++;
    if (index >= items.size()) return;
    Record(items[index], UploadOne(items[index]));
  }
}

// The same bytes under the same name are the same file, so that sending again does no harm.
absl::StatusOr<std::string> FileUploader::UploadOne(const UploadItem& item) {
  TARN_ASSIGN_OR_RETURN(const std::string sha256, HashFile(item.path));
  const std::string upload_id = item.byte_count >= kResumableBytes ? UploadId(item, sha256) : "";
  int64_t shown = 0;  // bytes that on_bytes_ has heard of
  const auto send = [&](int64_t offset) { return Send(item, sha256, upload_id, offset, shown); };
  return rpc::RetryUnavailable(connection_.options().retry, [&]() -> absl::StatusOr<std::string> {
    TARN_ASSIGN_OR_RETURN(const int64_t kept, KeptBytes(upload_id));
    absl::StatusOr<std::string> outcome = send(kept);
    // What was kept is not what was sent (a server that lost its power): all of it again, once.
    if (kept > 0 && ErrorReason(outcome.status()) == "CHECKSUM_MISMATCH") return send(0);
    return outcome;
  });
}

// Equal for every try to send this file to its place.
std::string FileUploader::UploadId(const UploadItem& item, const std::string& sha256) const {
  Sha256 hash;
  std::vector<std::string> parts = item.partitions;
  parts.insert(parts.end(), {table_, item.file_name, sha256});
  for (const std::string& part : parts) hash.Update(std::to_string(part.size()) + ":" + part);
  return hash.Hex();
}

absl::StatusOr<int64_t> FileUploader::KeptBytes(const std::string& upload_id) {
  if (upload_id.empty()) return 0;
  ingestion::GetUploadRequest request;
  request.set_upload_id(upload_id);
  // Tried once: the whole upload is tried again.
  TARN_ASSIGN_OR_RETURN(const rpc::Credentials credentials, connection_.GetCredentials());
  const absl::StatusOr<ingestion::Upload> upload =
      rpc::Call(*stub_, &ingestion::IngestionService::Stub::GetUpload, request, credentials);
  if (absl::IsNotFound(upload.status())) return 0;
  TARN_RETURN_IF_ERROR(upload.status());
  return upload->committed_bytes();
}

absl::StatusOr<std::string> FileUploader::Send(const UploadItem& item, const std::string& sha256,
                                               const std::string& upload_id, int64_t offset,
                                               int64_t& shown) {
  TARN_ASSIGN_OR_RETURN(const rpc::Credentials credentials, connection_.GetCredentials());
  grpc::ClientContext context;
  rpc::PrepareContext(context, credentials, absl::InfiniteDuration());
  ingestion::UploadFileResponse response;
  auto writer = stub_->UploadFile(&context, &response);
  ingestion::UploadFileRequest request;
  auto* header = request.mutable_header();
  header->set_table(table_);
  header->set_file_name(item.file_name);
  for (const std::string& partition : item.partitions) header->add_partitions(partition);
  header->set_byte_count(item.byte_count);
  header->set_sha256(sha256);
  header->set_upload_id(upload_id);
  header->set_offset(offset);
  bool writing = writer->Write(request);
  int64_t sent = offset;
  const auto show = [&] {
    if (sent > shown) on_bytes_(sent - shown);
    shown = std::max(shown, sent);
  };
  show();
  const absl::Status read = ReadPieces(item.path, offset, [&](std::string& piece) {
    const auto size = static_cast<int64_t>(piece.size());
    request.mutable_chunk()->swap(piece);
    writing = writing && writer->Write(request);
    if (writing) sent += size;
    show();
    return writing;  // a server that has refused the file tells why by Finish
  });
  if (!read.ok()) context.TryCancel();
  if (writing) writer->WritesDone();
  const grpc::Status status = writer->Finish();
  TARN_RETURN_IF_ERROR(read);
  if (!status.ok()) return rpc::FromGrpcStatus(status);
  return response.outcome();
}

void FileUploader::Record(const UploadItem& item, const absl::StatusOr<std::string>& outcome) {
  std::lock_guard lock(mutex_);
  if (!outcome.ok()) {
    const absl::StatusCode code = outcome.status().code();
    if (code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kUnauthenticated) {
      stopped_ = true;
    }
    report_.failures.push_back({item.path, outcome.status()});
  } else if (*outcome == "UNCHANGED") {
    ++report_.unchanged;
  } else if (*outcome == "REPLACED") {
    ++report_.replaced;
  } else {
    ++report_.created;
  }
}

}  // namespace tarn::cli
