#include "services/catalog/history/tag_manager.h"

#include <nlohmann/json.hpp>

#include "common/events/event.h"
#include "common/names/names.h"
#include "common/names/nearest_name.h"
#include "common/status/error.h"
#include "common/status/status_macros.h"
#include "services/catalog/history/tag_store.h"
#include "services/catalog/table_manager.h"

namespace tarn::catalog {
namespace {

absl::Status AppendEvent(Transaction& txn, const Actor& actor, const std::string& what,
                         const TableKey& table, const Tag& tag) {
  return events::Append(
      txn, {.workspace = actor.workspace,
            .type = "tarn.catalog.table." + what,
            .source = "catalog",
            .subject = names::Table(table.database, table.table),
            .data = nlohmann::json{{"tag", tag.name}, {"snapshot_id", tag.snapshot_id}}.dump(),
            .request_id = actor.request_id});
}

}  // namespace

absl::StatusOr<Tag> TagManager::Create(const Actor& actor, const TableKey& key, Tag tag,
                                       const SnapshotReference& at) {
  TARN_RETURN_IF_ERROR(names::ValidateId("tag.name", tag.name));
  if (tag.comment.size() > kMaxTagComment) {
    return InvalidFields({{"tag.comment", "has at most 1000 bytes"}});
  }
  TARN_ASSIGN_OR_RETURN(const Table table, TableManager(txn_).Lock(key));
  if (table.type == TableType::kView) {
    return InvalidArgument("WRONG_OPERATION",
                           key.SqlName() + " is a view: it has no snapshots, tag its tables",
                           {{"table", key.SqlName()}});
  }
  TARN_ASSIGN_OR_RETURN(const Snapshot snapshot, FindSnapshot(txn_, table, at));
  TagStore store(txn_);
  if (store.Count(table.uid) >= kMaxTags) {
    return ResourceExhausted("TOO_MANY_TAGS",
                             "table " + key.SqlName() + " has " + std::to_string(kMaxTags) +
                                 " tags, the most that a table may have; remove one that is not "
                                 "needed any more",
                             {{"table", key.SqlName()}});
  }
  tag.snapshot_id = snapshot.id;
  tag.sequence_number = snapshot.sequence_number;
  tag.created_by = actor.user;
  if (!store.Insert(table.uid, tag)) {
    return AlreadyExists("TAG_EXISTS",
                         "table " + key.SqlName() + " has a tag " + tag.name +
                             " already; remove it first, or take another name",
                         {{"table", key.SqlName()}, {"tag", tag.name}});
  }
  const std::optional<Tag> made = store.Find(table.uid, tag.name);
  if (!made) return InvalidFields({{"tag.expire_time", "is over already; take a later time"}});
  TARN_RETURN_IF_ERROR(AppendEvent(txn_, actor, "tag_created", key, *made));
  return *made;
}

absl::StatusOr<Tag> TagManager::Get(const Table& table, const std::string& name) {
  TagStore store(txn_);
  std::optional<Tag> tag = store.Find(table.uid, name);
  if (tag) return *std::move(tag);
  std::vector<std::string> names;
  for (const Tag& other : store.List(table.uid, "", kMaxTags)) names.push_back(other.name);
  return NotFound(
      "TAG_NOT_FOUND",
      "table " + table.key.SqlName() + " has no tag " + name + names::DidYouMean(name, names),
      {{"table", table.key.SqlName()}, {"tag", name}});
}

std::vector<Tag> TagManager::List(const Table& table, const std::string& after, int limit) {
  return TagStore(txn_).List(table.uid, after, limit);
}

absl::Status TagManager::Delete(const Actor& actor, const TableKey& key, const std::string& name) {
  TARN_ASSIGN_OR_RETURN(const Table table, TableManager(txn_).Lock(key));
  TARN_ASSIGN_OR_RETURN(const Tag tag, Get(table, name));
  TagStore(txn_).Delete(table.uid, name);
  return AppendEvent(txn_, actor, "tag_deleted", key, tag);
}

}  // namespace tarn::catalog
