// How far an output is, as a record of a compacted topic: written in the transaction of the data.
#include "plugins/sinks/kafka/positions.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "plugins/sinks/digest.h"
#include "plugins/sinks/kafka/topics.h"

namespace throng::plugins {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr std::chrono::seconds kPatience{8};

std::string_view Text(const void* data, size_t size) {
  return data == nullptr ? std::string_view()
                         : std::string_view(static_cast<const char*>(data), size);
}

}  // namespace

std::string PositionKey(const throng_target& target) {
  return std::string(target.run_uid) + "/" + target.output + "/" +
         std::to_string(target.slice_index) + "-of-" + std::to_string(target.slice_count);
}

std::string PositionText(const KafkaPosition& position) {
  Json json;
  json["throng_position"] = kVersion;
  json["topic"] = position.topic;
  json["position"] = position.position;
  json["identity"] = position.identity;
  json["ends"] = Json::array();
  for (const auto& [partition, end] : position.ends) {
    json["ends"].push_back({{"partition", partition},
                            {"first", end.first},
                            {"next", end.next},
                            {"sha256", end.sha256}});
  }
  json["host_state"] = ToBase64(position.host_state);
  return json.dump();
}

std::optional<KafkaPosition> ParsePosition(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    if (json.at("throng_position") != kVersion) return std::nullopt;
    KafkaPosition position;
    position.topic = json.at("topic").get<std::string>();
    position.position = json.at("position").get<int64_t>();
    position.identity = json.at("identity").get<std::string>();
    for (const Json& end : json.at("ends")) {
      position.ends[end.at("partition").get<int32_t>()] = {end.at("first").get<int64_t>(),
                                                           end.at("next").get<int64_t>(),
                                                           end.at("sha256").get<std::string>()};
    }
    auto host_state = FromBase64(json.at("host_state").get<std::string>());
    if (!host_state) return std::nullopt;
    position.host_state = *std::move(host_state);
    return position;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

std::string RecordDigest(std::string_view key, std::string_view value) {
  return Sha256Of(std::to_string(key.size()) + ":" + std::string(key) + std::string(value));
}

int32_t PartitionOf(std::string_view key, int32_t partitions) {
  return rd_kafka_msg_partitioner_murmur2_random(nullptr, key.data(), key.size(), partitions,
                                                 nullptr, nullptr);
}

std::optional<std::string> ReadPosition(KafkaClient* committed, KafkaClient* all,
                                        const std::string& key, int32_t partitions) {
  const std::string& topic = committed->place().positions_topic;
  const int32_t partition = PartitionOf(key, partitions);
  const Watermarks marks = FindWatermarks(*all, topic, partition);
  std::optional<std::string> value;
  const bool is_whole =
      ReadMessages(committed, topic, partition, marks.low, marks.high,
                   KafkaClock::now() + kPatience, [&](const rd_kafka_message_t& message) {
                     if (Text(message.key, message.key_len) != key) return true;
                     value.reset();
                     if (message.payload != nullptr)
                       value.emplace(Text(message.payload, message.len));
                     return true;
                   });
  if (is_whole) return value;

  const int64_t stable = FindWatermarks(*committed, topic, partition).high;
  std::string owner = "another program";
  ReadMessages(all, topic, partition, stable, marks.high, KafkaClock::now() + kPatience,
               [&](const rd_kafka_message_t& message) {
                 const std::string_view found = Text(message.key, message.key_len);
                 owner = "run " + std::string(found.substr(0, found.find('/')));
                 return false;
               });
  throw Error(THRONG_UNAVAILABLE,
              "A transaction of " + owner + " is open in topic " + topic +
                  " and is in the way of this output's position; it ends with that run, or when "
                  "its transaction_timeout has passed.",
              "positions_topic");
}

}  // namespace throng::plugins
