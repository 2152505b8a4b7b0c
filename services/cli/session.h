// What a command works with: the terminal, the global options and, once it asks, the connection.
// Lives as long as the program; one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "services/cli/connection.h"
#include "services/cli/terminal.h"

namespace tarn::cli {

// Options that stand before or after any command.
struct GlobalOptions {
  std::string address = "127.0.0.1:7100";
  std::string key_file;
  std::string key;
  bool tls = false;
  std::string ca_file;
  bool verbose = false;
};

class Session {
 public:
  explicit Session(Terminal& terminal) : terminal_(terminal) {}

  Terminal& terminal() { return terminal_; }
  GlobalOptions& options() { return options_; }

  // Opened at first use. FAILED_PRECONDITION: KEY_FILE_UNREADABLE, TLS_FILE_UNREADABLE.
  absl::StatusOr<Connection*> GetConnection();
  // "" before the connection was opened.
  std::string request_id() const { return connection_ ? connection_->request_id() : ""; }

  // What the chosen command does; set while the command line is read.
  std::function<absl::Status()> action;

 private:
  Terminal& terminal_;
  GlobalOptions options_;
  std::unique_ptr<Connection> connection_;
};

// An error whose text the command wrote itself: the program ends with 1 and says no more.
absl::Status AlreadyReported();
bool IsAlreadyReported(const absl::Status& status);

// A fault of the command line that shows only when the command runs: the program ends with 2.
absl::Status UsageError(std::string_view message);
bool IsUsageError(const absl::Status& status);

}  // namespace tarn::cli
