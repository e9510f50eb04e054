// Options of the sink `kafka`, and the properties of librdkafka that follow from them.
#include "plugins/sinks/kafka/options.h"

#include <algorithm>
#include <array>

namespace throng::plugins {
namespace {

constexpr std::array kCompressions = {"none", "gzip", "snappy", "lz4", "zstd"};

template <size_t N>
std::vector<const char*> Names(const std::array<const char*, N>& names) {
  return {names.begin(), names.end()};
}

}  // namespace

std::vector<OptionOf<KafkaOptions>> KafkaOptions::Declare() {
  using O = KafkaOptions;
  std::vector<OptionOf<O>> options = {
      Option<&O::topic, O>("topic", "The topic to write to.").Required().Identity(),
      Option<&O::bootstrap_servers, O>("bootstrap_servers", "Brokers as host:port, with commas.")
          .Required(),
      Option<&O::delivery>("delivery",
                           "exactly_once writes in transactions; at_least_once repeats records "
                           "after a crash.")
          .Choices({"exactly_once", "at_least_once"}),
      Option<&O::positions_topic, O>("positions_topic",
                                     "The compacted topic that keeps how far each output is."),
      Option<&O::create>("create", "Whether topics that do not exist are made.")
          .Choices({"if_missing", "never"}),
      Option<&O::partitions>("partitions", "Of a topic that is made; 0: as the brokers choose.")
          .Range(0, 100'000),
      Option<&O::replication>("replication",
                              "Copies of topics that are made; 0: as the brokers choose.")
          .Range(0, 1000),
      Option<&O::topic_config>("topic_config.",
                               "Settings of a topic that is made, as retention.ms."),
      Option<&O::if_recreated>("if_recreated",
                               "What to do when the topic was deleted and made anew.")
          .Choices({"fail", "start_over"}),
      Option<&O::record_timestamp>("record_timestamp",
                                   "The time of a record: of its delivery or of its event.")
          .Choices({"delivery", "event"}),
      Option<&O::headers>("headers", "Whether records have the headers run and row."),
      Option<&O::compression>("compression", "Of batches of records.")
          .Choices(Names(kCompressions)),
      Option<&O::transaction_timeout>("transaction_timeout",
                                      "How long a transaction may stay open; commits come sooner.")
          .Default("1m")
          .Between("1s", "1h"),
  };
  KafkaConnection::AddTo(&options);
  return options;
}

void KafkaOptions::Validate() const {
  ValidateConnection();
  if (topic == positions_topic) {
    RefuseOption(
        "topic and positions_topic are both " + topic + "; positions need a topic of their own.",
        "positions_topic");
  }
}

Map KafkaOptions::ProducerProperties(const std::string& transactional_id,
                                     const KafkaLimits& limits) const {
  Map all = ConnectionProperties();
  const std::string timeout = std::to_string(transaction_timeout.ms);
  // A broker that hangs is left well before its transactions time out: others lead by then.
  const int64_t socket_ms = std::clamp<int64_t>(transaction_timeout.ms / 4, 250, 10'000);
  // Brokers measure whole batches by max.message.bytes, with headers that librdkafka does not
  // count.
  constexpr int64_t kBatchHeaders = 512;
  const int64_t batch = std::clamp<int64_t>(limits.topic - kBatchHeaders, 488, 1'000'000);
  // Of either topic: brokers refuse records that are too large for the other.
  const int64_t largest =
      std::clamp<int64_t>(std::max(limits.topic, limits.positions_topic), 1000, 1'000'000'000);
  all.insert(
      all.end(),
      {
          {"enable.idempotence", "true"},
          {"acks", "all"},
          {"compression.type", kCompressions.at(static_cast<size_t>(compression))},
          // Whoever writes waits for room in this queue.
          {"queue.buffering.max.messages", "500000"},
          {"queue.buffering.max.kbytes", "131072"},
          {"message.max.bytes", std::to_string(largest)},
          {"batch.size", std::to_string(batch)},
          {"batch.num.messages", "1000000"},
          {"linger.ms", "5"},
          // Topics are there before anything is written; brokers that miss one are asked again.
          {"topic.metadata.propagation.max.ms", std::to_string(socket_ms / 2)},
          {"socket.timeout.ms", std::to_string(socket_ms)},
          {"request.timeout.ms", std::to_string(socket_ms / 2)},
      });
  if (transactional_id.empty()) {
    all.emplace_back("message.timeout.ms", "0");  // the host decides how long it is patient
  } else {
    all.emplace_back("transactional.id", transactional_id);
    all.emplace_back("transaction.timeout.ms", timeout);
    all.emplace_back("message.timeout.ms", timeout);
  }
  all.insert(all.end(), client.begin(), client.end());
  return all;
}

}  // namespace throng::plugins
