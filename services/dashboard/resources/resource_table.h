// The rows of one kind of resource in PostgreSQL: dashboard.datasets or dashboard.dashboards, which
// have the same columns. Functions run SQL as Transaction::Exec does; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <absl/time/time.h>

namespace tarn {
class Transaction;
}

namespace tarn::dashboard {

struct ResourceRow {
  std::string id;
  // Serialized proto, without name, owner, times and etag.
  std::string spec;
  std::string owner;
  absl::Time create_time;
  absl::Time update_time;
  std::string etag;
};

class ResourceTable {
 public:
  enum class Lock { kNone, kUpdate };

  // `table` goes into SQL as it is: a constant.
  explicit ResourceTable(std::string table) : table_(std::move(table)) {}

  // False when there is one of that id.
  bool Insert(Transaction& txn, std::string_view workspace, const ResourceRow& row) const;
  std::optional<ResourceRow> Find(Transaction& txn, std::string_view workspace, std::string_view id,
                                  Lock lock = Lock::kNone) const;
  // Sets spec, update_time and etag.
  void Update(Transaction& txn, std::string_view workspace, const ResourceRow& row) const;
  void Delete(Transaction& txn, std::string_view workspace, std::string_view id) const;
  // Those after `after_id`, by id.
  std::vector<ResourceRow> List(Transaction& txn, std::string_view workspace,
                                std::string_view after_id, int limit) const;

 private:
  const std::string table_;
};

// The etag of a version of a resource.
std::string MakeEtag(std::string_view spec, absl::Time update_time);

}  // namespace tarn::dashboard
