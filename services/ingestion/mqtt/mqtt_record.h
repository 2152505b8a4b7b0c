// A message as a record of its stream. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tarn/ingestion/v1/connector.pb.h"

#include "services/ingestion/mqtt/topic_pattern.h"

namespace tarn::ingestion::mqtt {

// A payload that can be no record is kept as it is, so that delivery puts it among the dead letters
// with its reason; of one that is too large, only the beginning is.
//
// A named level becomes the first fields of the object. Where the payload has a field of that name:
// one with the same text stays alone, another makes the record hold the field twice, which is a
// dead letter too (DUPLICATE_FIELD): the topic, which the broker guards, and the payload disagree.
std::string MakeRecord(const TopicPattern& pattern, v1::MqttPayloadFormat format,
                       std::string_view topic, std::string_view payload);

// One text for the values of `fields` in a record, equal when they are; "" when the record has not
// all of them.
std::string DeduplicationKey(const std::vector<std::string>& fields, std::string_view record);

}  // namespace tarn::ingestion::mqtt
