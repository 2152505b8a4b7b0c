// Tags in PostgreSQL. Runs SQL in the caller's transaction, as Transaction::Exec does; no state.
// Tags that have ended are as good as gone: they are neither found nor listed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/postgres/transaction.h"
#include "services/catalog/history/tag.h"

namespace tarn::catalog {

// Of a row `g` of catalog.tags: that the tag has not ended.
inline constexpr char kTagIsThere[] = "(g.expire_time IS NULL OR g.expire_time > now())";

class TagStore {
 public:
  explicit TagStore(Transaction& txn) : txn_(txn) {}

  // False when there is a tag of that name. The time of making it is the transaction's.
  bool Insert(const std::string& table_uid, const Tag& tag);
  std::optional<Tag> Find(const std::string& table_uid, const std::string& name);
  // By name, those after `after`.
  std::vector<Tag> List(const std::string& table_uid, const std::string& after, int limit);
  int64_t Count(const std::string& table_uid);
  void Delete(const std::string& table_uid, const std::string& name);
  // The rows of tags that have ended.
  void DeleteEnded(const std::string& table_uid);

 private:
  Transaction& txn_;
};

}  // namespace tarn::catalog
