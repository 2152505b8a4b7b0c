// The files of the built page, from one folder. Read when they are asked for and kept in memory
// until they change; text is compressed once.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "common/http/http_exchange.h"

namespace tarn::dashboard {

// Thread safe. Reads files on the calling thread: they are few, small and in the system's cache.
class WebFiles {
 public:
  explicit WebFiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  // For GET and HEAD. A path without a file and without an extension gets index.html (the page
  // reads the address itself); another one 404. 503 when the page has not been built.
  HttpResponse Serve(const HttpRequest& request);

 private:
  struct File {
    std::filesystem::file_time_type changed;
    std::string content;
    // Empty where it is not worth it.
    std::string compressed;
    std::string etag;
  };

  // Null when there is no such file in the folder.
  std::shared_ptr<const File> Load(const std::string& relative);

  const std::filesystem::path folder_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const File>> files_;
};

// Where the page is when the option says nothing: ../share/tarn/web beside the program, or where it
// was built.
std::filesystem::path DefaultWebPath();

}  // namespace tarn::dashboard
