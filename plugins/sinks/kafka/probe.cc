// Trying the way to a topic, step by step.
#include "plugins/sinks/kafka/probe.h"

#include <charconv>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "plugins/sinks/kafka/client.h"
#include "plugins/sinks/kafka/topics.h"

namespace throng::plugins {
namespace {

constexpr std::chrono::seconds kPatience{5};

std::string Counted(int64_t count, const std::string& thing) {
  return std::to_string(count) + " " + thing + (count == 1 ? "" : "s");
}

// "7 days", of milliseconds as settings of topics have them.
std::string DurationText(const std::string& text) {
  int64_t ms = 0;
  std::from_chars(text.data(), text.data() + text.size(), ms);
  constexpr std::pair<int64_t, const char*> kUnits[] = {
      {86'400'000, "day"}, {3'600'000, "hour"}, {60'000, "minute"}, {1000, "second"}};
  for (const auto& [unit, name] : kUnits) {
    if (ms >= unit && ms % unit == 0) return Counted(ms / unit, name);
  }
  return std::to_string(ms) + " ms";
}

class KafkaProbe {
 public:
  KafkaProbe(const KafkaConnection& connection, const Host& host)
      : connection_(connection),
        client_(RD_KAFKA_CONSUMER, connection.ConsumerProperties(/*reads_committed=*/true),
                connection.Place(), host) {}

  // A connection to one of the brokers that are named, and an answer over it.
  std::string Reach() {
    brokers_ = FindBrokers(&client_, connection_.topic, KafkaClock::now() + kPatience);
    const std::string by = kKafkaSecurities.at(static_cast<size_t>(connection_.security_protocol));
    const std::string user = connection_.sasl_username.value_or("");
    return connection_.bootstrap_servers + " answers by " + by +
           (user.empty() ? "." : " to sasl_username \"" + user + "\".");
  }

  // Who the brokers say they are; each is called at the address that it gives.
  std::string Metadata() {
    std::string list;
    for (const KafkaBroker& broker : brokers_) {
      list += (list.empty() ? "" : ", ") + std::to_string(broker.id) + " at " + broker.address;
    }
    for (const KafkaBroker& broker : brokers_) {
      if (!IsBrokerThere(client_, broker.id, kPatience)) {
        throw Error(THRONG_UNAVAILABLE,
                    "Broker " + std::to_string(broker.id) + " calls itself " + broker.address +
                        ", which cannot be reached from here; set its advertised.listeners to an "
                        "address that can, or start it.");
      }
    }
    char* const id = rd_kafka_clusterid(client_.handle(), 0);
    const std::string cluster = id == nullptr ? "The cluster" : "Cluster " + std::string(id);
    if (id != nullptr) rd_kafka_mem_free(client_.handle(), id);
    return cluster + " has " + Counted(static_cast<int64_t>(brokers_.size()), "broker") + ": " +
           list + "; librdkafka " + rd_kafka_version_str() + ".";
  }

  std::string Topic() {
    const auto partitions = FindTopic(&client_, connection_.topic, KafkaClock::now() + kPatience);
    const std::string name = "Topic " + connection_.topic;
    if (!partitions) {
      CheckThatTopicCanBeMade(client_, connection_.topic);
      return name + " does not exist, and can be made: whoever writes to it makes it.";
    }
    int64_t messages = 0;
    for (int32_t partition = 0; partition < *partitions; ++partition) {
      const Watermarks marks = FindWatermarks(client_, connection_.topic, partition);
      messages += marks.high - marks.low;
    }
    std::string found = name + " has " + Counted(*partitions, "partition") +
                        ", each with a leader, and offsets of " + Counted(messages, "record");
    std::map<std::string, std::string> config = TopicConfig(&client_, connection_.topic);
    const std::string policy = config["cleanup.policy"];
    const std::string retention = config["retention.ms"];
    if (policy == "compact") return found + "; it is compacted: of each key the last is kept.";
    if (retention.empty()) return found + ".";
    return found + "; it keeps them " +
           (retention.front() == '-' ? "for ever." : "for " + DurationText(retention) + ".");
  }

 private:
  const KafkaConnection& connection_;
  KafkaClient client_;
  std::vector<KafkaBroker> brokers_;
};

// Whether it worked.
bool Try(const char* name, const std::function<std::string()>& step, const ProbeVisitor& visit) {
  const auto start = KafkaClock::now();
  throng_probe probe = {.struct_size = sizeof(throng_probe),
                        .code = THRONG_OK,
                        .name = name,
                        .sentence = nullptr,
                        .seconds = 0};
  std::string sentence;
  try {
    sentence = step();
  } catch (const Error& error) {
    if (error.code() == THRONG_CANCELLED) throw;
    sentence = error.what();
    probe.code = error.code();
  }
  probe.sentence = sentence.c_str();
  probe.seconds = std::chrono::duration<double>(KafkaClock::now() - start).count();
  visit(probe);
  return probe.code == THRONG_OK;
}

}  // namespace

void ProbeKafka(const KafkaConnection& connection, const Host& host, const ProbeVisitor& visit) {
  KafkaProbe probe(connection, host);
  // NOLINTNEXTLINE(readability-simplify-boolean-expr): one step after the other
  Try(
      "reach", [&] { return probe.Reach(); }, visit) &&
      Try(
          "metadata", [&] { return probe.Metadata(); }, visit) &&
      Try(
          "topic", [&] { return probe.Topic(); }, visit);
}

}  // namespace throng::plugins
