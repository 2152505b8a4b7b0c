// A field of a resource as a cell of a table.
#pragma once

#include <string>

#include <google/protobuf/message.h>

#include "services/cli/kind.h"
#include "services/cli/text_table.h"

namespace tarn::cli {

// The name of an enum's value without its type's prefix: EXECUTION_STATE_TIMED_OUT of type
// ExecutionState is "timed out"; "" for the unspecified one.
std::string EnumText(const google::protobuf::EnumValueDescriptor& value);

// The field at `column.path`; "" where it is not set.
TableCell FieldCell(const google::protobuf::Message& resource, const KindColumn& column);

// The columns of a kind, numbers to the right.
std::vector<TableColumn> TableColumnsOf(const Kind& kind);

}  // namespace tarn::cli
