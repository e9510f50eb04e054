// The source `kafka`: the messages of a topic.
//
// Partitions are read one by one, and no group is joined: nobody else loses a partition to it. With
// a group it goes on where that group was, and commits what was handed out.
#include "plugins/sinks/kafka/source.h"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "plugins/sinks/kafka/positions.h"
#include "plugins/sinks/kafka/probe.h"
#include "plugins/sinks/kafka/topics.h"

namespace throng::plugins {
namespace {

constexpr int kCallMs = 5000;
constexpr std::chrono::seconds kCommitEvery{1};
constexpr std::chrono::seconds kPatience{8};

using Offsets =
    std::unique_ptr<rd_kafka_topic_partition_list_t, void (*)(rd_kafka_topic_partition_list_t*)>;

Offsets NewOffsets(size_t count) {
  return {rd_kafka_topic_partition_list_new(static_cast<int>(count)),
          rd_kafka_topic_partition_list_destroy};
}

throng_bytes BytesOf(const void* data, size_t size) {
  return {static_cast<const char*>(data), data == nullptr ? 0 : size};
}

throng_message MessageOf(const rd_kafka_message_t& from, uint32_t piece) {
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const int64_t time = rd_kafka_message_timestamp(&from, &type);
  return {.piece = piece,
          .is_event_time = type == RD_KAFKA_TIMESTAMP_CREATE_TIME ? 1 : 0,
          .offset = from.offset,
          .time = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? -1 : time,
          .key = BytesOf(from.key, from.key_len),
          .value = BytesOf(from.payload, from.len)};
}

}  // namespace

std::vector<OptionOf<KafkaSourceOptions>> KafkaSource::DeclareOptions() {
  using O = KafkaSourceOptions;
  std::vector<OptionOf<O>> options = {
      Option<&O::topic, O>("topic", "The topic to read.").Required().Identity(),
      Option<&O::bootstrap_servers, O>("bootstrap_servers", "Brokers as host:port, with commas.")
          .Required(),
      Option<&O::isolation>("isolation",
                            "Whether records of transactions that are open or aborted are left "
                            "out.")
          .Choices({"read_committed", "read_uncommitted"}),
      Option<&O::group>(
          "group", "The group whose committed offsets it goes on from and moves; empty: none."),
      Option<&O::partition>("partition", "The one partition to read; unset: all.")
          .Range(0, 1'000'000),
      Option<&O::positions_topic, O>(
          "positions_topic", "The topic in which the sink `kafka` keeps how far outputs are."),
  };
  KafkaConnection::AddTo(&options);
  return options;
}

void KafkaSource::Validate(const Options& options) {
  for (const auto& property : options.client) {
    if (property.first == "group.id") {
      RefuseOption("client.group.id cannot be set: use the option group.", "client.group.id");
    }
  }
  options.ValidateConnection();
}

KafkaSource::~KafkaSource() {
  try {
    if (client_) Commit(/*is_now=*/true);
  } catch (const Error& error) {
    host_.Warn(error.what());
  }
}

std::unique_ptr<KafkaClient> KafkaSource::Connect() const {
  Map properties =
      options_.ConsumerProperties(options_.isolation == KafkaIsolation::kReadCommitted);
  if (!options_.group.empty()) {
    properties.emplace_back("group.id", options_.group);
    properties.emplace_back("enable.auto.commit", "false");
  }
  return std::make_unique<KafkaClient>(RD_KAFKA_CONSUMER, properties, options_.Place(), host_);
}

std::vector<int32_t> KafkaSource::Partitions() {
  const auto count = FindTopic(client_.get(), options_.topic);
  const std::string where = "Topic " + options_.topic + " at " + options_.bootstrap_servers;
  if (!count) {
    throw Error(THRONG_NOT_FOUND, where + " does not exist; check topic and bootstrap_servers.",
                "topic");
  }
  if (options_.partition && *options_.partition >= *count) {
    throw Error(THRONG_NOT_FOUND,
                where + " has " + std::to_string(*count) + " partitions, and no partition " +
                    std::to_string(*options_.partition) + "; they count from 0.",
                "partition");
  }
  if (options_.partition) return {static_cast<int32_t>(*options_.partition)};
  std::vector<int32_t> all(static_cast<size_t>(*count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

std::map<int32_t, int64_t> KafkaSource::Committed(const std::vector<int32_t>& partitions) {
  std::map<int32_t, int64_t> found;
  if (options_.group.empty()) return found;
  const Offsets offsets = NewOffsets(partitions.size());
  for (const int32_t partition : partitions) {
    rd_kafka_topic_partition_list_add(offsets.get(), options_.topic.c_str(), partition);
  }
  const rd_kafka_resp_err_t code = rd_kafka_committed(client_->handle(), offsets.get(), kCallMs);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) FailGroup(code);
  for (int i = 0; i < offsets->cnt; ++i) {
    const rd_kafka_topic_partition_t& partition = offsets->elems[i];
    if (partition.err != RD_KAFKA_RESP_ERR_NO_ERROR) FailGroup(partition.err);
    if (partition.offset >= 0) found[partition.partition] = partition.offset;
  }
  return found;
}

KafkaStream::Range KafkaSource::RangeOf(int32_t partition, const throng_start& start, size_t piece,
                                        std::optional<int64_t> committed) {
  const Watermarks marks = FindWatermarks(*client_, options_.topic, partition);
  KafkaStream::Range range = {.first = marks.low, .end = marks.high};
  if (start.follows != 0) range.end = KafkaStream::kNoEnd;
  const bool has_position = start.from == THRONG_FROM_POSITIONS && piece < start.positions_count;
  if (start.from == THRONG_FROM_END) range.first = marks.high;
  if (committed) range.first = *committed;
  if (has_position) range.first = start.positions[piece];
  const std::string where = "Partition " + std::to_string(partition) + " of topic " +
                            options_.topic + " at " + options_.bootstrap_servers;
  if (range.first > marks.high && (has_position || start.follows != 0)) {
    throw Error(THRONG_OUT_OF_RANGE,
                where + " ends at offset " + std::to_string(marks.high) +
                    " and cannot be read from " + std::to_string(range.first) +
                    (has_position ? "; it may have been made anew: read it from the start."
                                  : ", where group " + options_.group +
                                        " is; it may have been made anew: use another group."),
                has_position ? "topic" : "group");
  }
  if (range.first < marks.low) {
    host_.Warn(where + " begins at offset " + std::to_string(marks.low) + ", so " +
               std::to_string(marks.low - range.first) +
               " messages before it are not read: the brokers removed them.");
    range.first = marks.low;
  }
  return range;
}

SourcePlace KafkaSource::Open(const throng_start& start) {
  stream_.reset();
  if (client_) Commit(/*is_now=*/true);
  pieces_.clear();
  client_ = Connect();
  SourcePlace place;
  place.size = 0;
  std::map<int32_t, KafkaStream::Range> ranges;
  const std::vector<int32_t> partitions = Partitions();
  const std::map<int32_t, int64_t> committed = Committed(partitions);
  for (const int32_t partition : partitions) {
    const size_t piece = place.pieces.size();
    const auto own = committed.find(partition);
    const auto range =
        RangeOf(partition, start, piece,
                own == committed.end() ? std::nullopt : std::optional<int64_t>(own->second));
    ranges[partition] = range;
    pieces_[partition] = static_cast<uint32_t>(piece);
    place.pieces.push_back(options_.topic + " [" + std::to_string(partition) + "]");
    const int64_t end = range.end == KafkaStream::kNoEnd ? range.first : range.end;
    place.size += std::max<int64_t>(0, end - range.first);
  }
  if (start.follows != 0) place.size = -1;
  stream_ = std::make_unique<KafkaStream>(client_.get(), options_.topic, ranges);
  return place;
}

void KafkaSource::Read(int64_t wait_ms, throng_input& input) {
  if (!stream_) throw Error(THRONG_INTERNAL, "The source is read before it is opened.");
  Commit(/*is_now=*/false);
  messages_.clear();
  for (const rd_kafka_message_t* message : stream_->Next(wait_ms)) {
    messages_.push_back(MessageOf(*message, pieces_.at(message->partition)));
    if (!options_.group.empty()) handed_out_[message->partition] = message->offset + 1;
  }
  input.messages_count = static_cast<uint32_t>(messages_.size());
  input.messages = messages_.data();
  input.is_end = stream_->IsAtEnd() ? 1 : 0;
}

void KafkaSource::Commit(bool is_now) {
  if (handed_out_.empty()) return;
  if (!is_now && KafkaClock::now() < committed_at_ + kCommitEvery) return;
  const Offsets offsets = NewOffsets(handed_out_.size());
  for (const auto& [partition, next] : handed_out_) {
    rd_kafka_topic_partition_list_add(offsets.get(), options_.topic.c_str(), partition)->offset =
        next;
  }
  handed_out_.clear();
  committed_at_ = KafkaClock::now();
  const rd_kafka_resp_err_t code = rd_kafka_commit(client_->handle(), offsets.get(), /*async=*/0);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) FailGroup(code);
}

void KafkaSource::FailGroup(rd_kafka_resp_err_t code) const {
  const std::string group = "group " + options_.group;
  if (code == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID || code == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
      code == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS) {
    throw Error(THRONG_FAILED_PRECONDITION,
                "Other consumers are members of " + group + " at " + options_.bootstrap_servers +
                    ", so its offsets are theirs to commit; name another group.",
                "group");
  }
  if (code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
    throw Error(THRONG_PERMISSION_DENIED,
                options_.bootstrap_servers + " does not allow these credentials to use " + group +
                    "; grant READ on it, or leave group out.",
                "group");
  }
  client_->Fail(code, "", {options_.topic, "READ"});
}

void KafkaSource::Kept(const KeptVisitor& visit) {
  KafkaClient client(RD_KAFKA_CONSUMER, options_.ConsumerProperties(/*reads_committed=*/true),
                     options_.Place(), host_);
  const std::string& topic = options_.positions_topic;
  const auto partitions = FindTopic(&client, topic);
  if (!partitions) return;
  std::map<int32_t, KafkaStream::Range> ranges;
  for (int32_t partition = 0; partition < *partitions; ++partition) {
    const Watermarks marks = FindWatermarks(client, topic, partition);
    ranges[partition] = {.first = marks.low, .end = marks.high};
  }
  std::map<std::string, std::string> values;  // the last of each key
  KafkaStream stream(&client, topic, ranges);
  for (auto due = KafkaClock::now() + kPatience; !stream.IsAtEnd();) {
    for (const rd_kafka_message_t* message : stream.Next(kCallMs)) {
      const std::string key(static_cast<const char*>(message->key), message->key_len);
      values[key].assign(static_cast<const char*>(message->payload), message->len);
      due = KafkaClock::now() + kPatience;
    }
    if (KafkaClock::now() < due) continue;
    throw Error(THRONG_UNAVAILABLE,
                "Topic " + topic + " at " + options_.bootstrap_servers +
                    " does not tell what it holds; check the brokers.",
                "positions_topic");
  }
  for (const auto& [key, value] : values) {
    const auto position = ParsePosition(value);
    const auto target = ParsePositionKey(key);
    if (!position || !target || !position->position || position->topic != options_.topic) continue;
    visit({.struct_size = sizeof(throng_kept),
           .slice_mode = position->slice_mode,
           .run_uid = target->run_uid.c_str(),
           .output = target->output.c_str(),
           .slice_index = target->slice_index,
           .slice_count = target->slice_count,
           .part = -1,
           .position = *position->position,
           .is_complete = 0,
           .host_state = Bytes(position->host_state)});
  }
}

void KafkaSource::Probe(const ProbeVisitor& visit) { ProbeKafka(options_, host_, visit); }

}  // namespace throng::plugins
