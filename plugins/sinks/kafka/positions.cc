// How far an output is, as a record of a compacted topic: written in the transaction of the data.
#include "plugins/sinks/kafka/positions.h"

#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "plugins/sinks/digest.h"
#include "plugins/sinks/kafka/topics.h"

namespace throng::plugins {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 2;
constexpr std::chrono::seconds kPatience{8};
constexpr std::chrono::seconds kLookPeriod{1};

std::string_view Text(const void* data, size_t size) {
  return data == nullptr ? std::string_view()
                         : std::string_view(static_cast<const char*>(data), size);
}

void AppendVarint(uint64_t value, std::string* bytes) {
  for (; value >= 0x80; value >>= 7) *bytes += static_cast<char>(0x80 | (value & 0x7f));
  *bytes += static_cast<char>(value);
}

// Takes the value off the front of `bytes`; false if none is there.
bool TakeVarint(std::string_view* bytes, uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 64 && !bytes->empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes->front());
    bytes->remove_prefix(1);
    *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// A record of many partitions is written with each commit, so they are as small as they can be:
// for each the steps from partition to partition, to `first` and to `next` as varints, and 8 bytes.
std::string EndsBytes(const std::map<int32_t, KafkaEnd>& ends) {
  std::string bytes;
  int32_t before = 0;
  for (const auto& [partition, end] : ends) {
    AppendVarint(static_cast<uint64_t>(partition - std::exchange(before, partition)), &bytes);
    AppendVarint(static_cast<uint64_t>(end.first), &bytes);
    AppendVarint(static_cast<uint64_t>(end.next - end.first), &bytes);
    for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(end.digest >> shift);
  }
  return bytes;
}

bool ParseEnds(std::string_view bytes, std::map<int32_t, KafkaEnd>* ends) {
  int64_t partition = 0;
  while (!bytes.empty()) {
    uint64_t step = 0;
    uint64_t first = 0;
    uint64_t rows = 0;
    if (!TakeVarint(&bytes, &step) || !TakeVarint(&bytes, &first) || !TakeVarint(&bytes, &rows) ||
        bytes.size() < 8) {
      return false;
    }
    partition += static_cast<int64_t>(step);
    if (partition > std::numeric_limits<int32_t>::max()) return false;
    KafkaEnd& end = (*ends)[static_cast<int32_t>(partition)];
    end.first = static_cast<int64_t>(first);
    end.next = static_cast<int64_t>(first + rows);
    for (const char c : bytes.substr(0, 8)) end.digest = end.digest << 8 | static_cast<uint8_t>(c);
    bytes.remove_prefix(8);
  }
  return true;
}

}  // namespace

std::string PositionKey(const throng_target& target) {
  return std::string(target.run_uid) + "/" + target.output + "/" +
         std::to_string(target.slice_index) + "-of-" + std::to_string(target.slice_count);
}

std::optional<KafkaPositionKey> ParsePositionKey(std::string_view key) {
  const size_t output = key.find('/') + 1;
  const size_t slice = key.rfind('/') + 1;
  const size_t of = key.rfind("-of-");
  if (output == 0 || slice <= output || of == std::string_view::npos || of < slice) {
    return std::nullopt;
  }
  KafkaPositionKey parsed = {std::string(key.substr(0, output - 1)),
                             std::string(key.substr(output, slice - 1 - output))};
  const auto parse = [](std::string_view digits, int64_t* number) {
    const char* const end = digits.data() + digits.size();
    return std::from_chars(digits.data(), end, *number).ptr == end && !digits.empty();
  };
  const bool is_key = parse(key.substr(slice, of - slice), &parsed.slice_index) &&
                      parse(key.substr(of + 4), &parsed.slice_count);
  return is_key ? std::optional(parsed) : std::nullopt;
}

std::string PositionText(const KafkaPosition& position) {
  Json json;
  json["throng_position"] = kVersion;
  json["topic"] = position.topic;
  if (position.position) json["position"] = *position.position;
  json["identity"] = position.identity;
  json["claim"] = position.claim;
  json["partitions"] = position.partitions;
  json["slice_mode"] = position.slice_mode;
  json["ends"] = ToBase64(EndsBytes(position.ends));
  json["host_state"] = ToBase64(position.host_state);
  return json.dump();
}

std::optional<KafkaPosition> ParsePosition(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    if (json.at("throng_position") != kVersion) return std::nullopt;
    KafkaPosition position;
    position.topic = json.at("topic").get<std::string>();
    if (json.contains("position")) position.position = json.at("position").get<int64_t>();
    position.identity = json.at("identity").get<std::string>();
    position.claim = json.at("claim").get<std::string>();
    position.partitions = json.at("partitions").get<int32_t>();
    position.slice_mode = json.value("slice_mode", uint32_t{0});
    const auto ends = FromBase64(json.at("ends").get<std::string>());
    auto host_state = FromBase64(json.at("host_state").get<std::string>());
    if (!ends || !host_state || !ParseEnds(*ends, &position.ends)) return std::nullopt;
    position.host_state = *std::move(host_state);
    return position;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

uint64_t RecordDigest(std::string_view key, std::string_view value) {
  const std::string hex =
      Sha256Of(std::to_string(key.size()) + ":" + std::string(key) + std::string(value));
  return std::stoull(hex.substr(0, 16), nullptr, 16);
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
  int64_t next = marks.low;
  const auto take = [&](const rd_kafka_message_t& message) {
    next = message.offset + 1;
    if (Text(message.key, message.key_len) != key) return true;
    value.reset();
    if (message.payload != nullptr) value.emplace(Text(message.payload, message.len));
    return true;
  };
  const auto due = KafkaClock::now() + kPatience;
  while (!ReadMessages(committed, topic, partition, next, marks.high,
                       KafkaClock::now() + kLookPeriod, take)) {
    const int64_t stable = FindWatermarks(*committed, topic, partition).high;
    std::optional<std::string> open;  // the key of the first record that is in the way
    ReadMessages(all, topic, partition, stable, marks.high, KafkaClock::now() + kLookPeriod,
                 [&](const rd_kafka_message_t& message) {
                   open.emplace(Text(message.key, message.key_len));
                   return false;
                 });
    if (open == key) break;  // an output commits one after the other
    if (KafkaClock::now() < due) continue;
    throw Error(THRONG_UNAVAILABLE,
                "A transaction of " +
                    (open ? "run " + open->substr(0, open->find('/')) : "another program") +
                    " is open in topic " + topic +
                    " and is in the way of this output's position; it ends with that run, or when "
                    "its transaction_timeout has passed.",
                "positions_topic");
  }
  return value;
}

}  // namespace throng::plugins
