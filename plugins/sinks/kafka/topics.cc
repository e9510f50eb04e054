// Topics as they are at the brokers: made where they are missing, looked at, read.
#include "plugins/sinks/kafka/topics.h"

#include <memory>
#include <utility>

namespace throng::plugins {
namespace {

constexpr std::chrono::seconds kPatience{8};
constexpr int kCallMs = 1000;  // then it is looked whether the host is stopping

template <class T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

// What an admin request came to: its event, or nothing and why.
struct Answer {
  Owned<rd_kafka_event_t> event{nullptr, rd_kafka_event_destroy};
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string reason;
};

// Of a broker; -1: of the controller.
struct Question {
  rd_kafka_admin_op_t operation;
  int32_t broker = -1;
  std::chrono::milliseconds patience{5 * kCallMs};
  bool is_only_checked = false;  // what would be made is not
};
Answer Ask(const KafkaClient& client, const Question& question,
           const std::function<void(const rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>& send) {
  const Owned<rd_kafka_queue_t> queue(rd_kafka_queue_new(client.handle()), rd_kafka_queue_destroy);
  const Owned<rd_kafka_AdminOptions_t> options(
      rd_kafka_AdminOptions_new(client.handle(), question.operation),
      rd_kafka_AdminOptions_destroy);
  char ignored[256];
  rd_kafka_AdminOptions_set_request_timeout(
      options.get(), static_cast<int>(question.patience.count()), ignored, sizeof ignored);
  if (question.broker >= 0) {
    rd_kafka_AdminOptions_set_broker(options.get(), question.broker, ignored, sizeof ignored);
  }
  if (question.is_only_checked) {
    rd_kafka_AdminOptions_set_validate_only(options.get(), 1, ignored, sizeof ignored);
  }
  send(options.get(), queue.get());
  Answer answer;
  while (!answer.event) {
    answer.event.reset(rd_kafka_queue_poll(queue.get(), 100));
    client.ThrowIfStopping();
  }
  answer.code = rd_kafka_event_error(answer.event.get());
  if (answer.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    answer.reason = rd_kafka_event_error_string(answer.event.get());
  }
  return answer;
}

struct Metadata {
  rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
  Owned<const rd_kafka_metadata_t> found{nullptr,
                                         rd_kafka_metadata_destroy};  // if there is no code
};

// What the brokers know of the topic, and who they are.
Metadata Describe(KafkaClient* client, const std::string& topic) {
  const rd_kafka_metadata_t* found = nullptr;
  Metadata metadata;
  metadata.code = rd_kafka_metadata(client->handle(), 0, client->Topic(topic), &found, kCallMs);
  metadata.found.reset(found);
  return metadata;
}

// Asks for the topic; returns its partitions, 0 if not all have leaders yet, nothing if there is no
// such topic.
std::optional<int32_t> Look(KafkaClient* client, const std::string& topic,
                            KafkaClock::time_point due) {
  while (true) {
    auto [code, metadata] = Describe(client, topic);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      client->ForgetTrouble();
      if (metadata->topic_cnt != 1) return std::nullopt;
      const rd_kafka_metadata_topic_t& found = metadata->topics[0];
      code = found.err;
      if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return std::nullopt;
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (int i = 0; i < found.partition_cnt; ++i) {
          if (found.partitions[i].leader < 0) return 0;
        }
        return found.partition_cnt;
      }
    }
    client->AwaitRetry(code, "", {topic, "DESCRIBE"}, due);
  }
}

// One that is known to run; -1: none.
int32_t AnyBroker(KafkaClient* client, const std::string& topic) {
  const Metadata metadata = Describe(client, topic);
  const bool is_told = metadata.code == RD_KAFKA_RESP_ERR_NO_ERROR;
  return is_told && metadata.found->broker_cnt > 0 ? metadata.found->brokers[0].id : -1;
}

void Create(const KafkaClient& client, const KafkaTopic& topic, bool is_only_checked) {
  char reason[512];
  const Owned<rd_kafka_NewTopic_t> request(
      rd_kafka_NewTopic_new(
          topic.name.c_str(), topic.partitions > 0 ? static_cast<int>(topic.partitions) : -1,
          topic.replication > 0 ? static_cast<int>(topic.replication) : -1, reason, sizeof reason),
      rd_kafka_NewTopic_destroy);
  if (!request) throw Error(THRONG_INVALID_ARGUMENT, std::string(reason) + ".", "partitions");
  for (const auto& [name, value] : topic.config) {
    rd_kafka_NewTopic_set_config(request.get(), name.c_str(), value.c_str());
  }
  Answer answer =
      Ask(client, {.operation = RD_KAFKA_ADMIN_OP_CREATETOPICS, .is_only_checked = is_only_checked},
          [&](const auto* options, auto* queue) {
            rd_kafka_NewTopic_t* topics[] = {request.get()};
            rd_kafka_CreateTopics(client.handle(), topics, 1, options, queue);
          });
  if (answer.code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    size_t count = 0;
    const auto* const* results = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(answer.event.get()), &count);
    if (count == 1) {
      answer.code = rd_kafka_topic_result_error(results[0]);
      const char* text = rd_kafka_topic_result_error_string(results[0]);
      if (text != nullptr) answer.reason = text;
    }
  }
  switch (answer.code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      if (!is_only_checked) client.host().Info("Made topic " + topic.name + ".");
      return;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:  // somebody was faster
      return;
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
      throw Error(THRONG_INVALID_ARGUMENT,
                  "Topic " + topic.name + " cannot be made with this replication: " +
                      answer.reason + "; lower replication.",
                  "replication");
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
      throw Error(THRONG_INVALID_ARGUMENT,
                  "Topic " + topic.name + " cannot be made with these partitions: " +
                      answer.reason + "; change partitions.",
                  "partitions");
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
      throw Error(THRONG_INVALID_ARGUMENT,
                  "Topic " + topic.name + " cannot be made with these settings: " + answer.reason +
                      "; change topic_config.",
                  "topic_config.");
    default:
      client.Fail(answer.code, answer.reason, {topic.name, "CREATE"});
  }
}

}  // namespace

std::optional<int32_t> FindTopic(KafkaClient* client, const std::string& topic) {
  return FindTopic(client, topic, KafkaClock::now() + kPatience);
}

std::optional<int32_t> FindTopic(KafkaClient* client, const std::string& topic,
                                 KafkaClock::time_point due) {
  while (true) {
    const auto partitions = Look(client, topic, due);
    if (!partitions || *partitions > 0) return partitions;
    client->AwaitRetry(RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, "", {topic, "DESCRIBE"}, due);
  }
}

bool IsKnownToBeMissing(KafkaClient* client, const std::string& topic) {
  const auto [code, metadata] = Describe(client, topic);
  return code == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1 &&
         IsMissing(metadata->topics[0].err);
}

int32_t RequireTopic(KafkaClient* client, const KafkaTopic& topic, bool may_create) {
  if (const auto partitions = FindTopic(client, topic.name)) return *partitions;
  if (!may_create) {
    client->Fail(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "", {topic.name, "DESCRIBE"});
  }
  Create(*client, topic, /*is_only_checked=*/false);
  const auto due = KafkaClock::now() + kPatience;
  while (true) {
    if (const auto partitions = FindTopic(client, topic.name)) return *partitions;
    client->AwaitRetry(RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, "", {topic.name, "DESCRIBE"}, due);
  }
}

void CheckThatTopicCanBeMade(const KafkaClient& client, const std::string& topic) {
  Create(client, {.name = topic, .partitions = 0, .replication = 0, .config = {}},
         /*is_only_checked=*/true);
}

std::vector<KafkaBroker> FindBrokers(KafkaClient* client, const std::string& topic,
                                     KafkaClock::time_point due) {
  while (true) {
    const rd_kafka_metadata_t* found = nullptr;
    const rd_kafka_resp_err_t code =
        rd_kafka_metadata(client->handle(), 0, nullptr, &found, kCallMs);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const Owned<const rd_kafka_metadata_t> metadata(found, rd_kafka_metadata_destroy);
      client->ForgetTrouble();
      std::vector<KafkaBroker> brokers;
      for (int i = 0; i < metadata->broker_cnt; ++i) {
        const rd_kafka_metadata_broker_t& broker = metadata->brokers[i];
        brokers.push_back(
            {broker.id, std::string(broker.host) + ":" + std::to_string(broker.port)});
      }
      return brokers;
    }
    client->AwaitRetry(code, "", {topic, "DESCRIBE"}, due);
  }
}

bool IsBrokerThere(const KafkaClient& client, int32_t broker, std::chrono::milliseconds patience) {
  const Owned<rd_kafka_ConfigResource_t> request(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, std::to_string(broker).c_str()),
      rd_kafka_ConfigResource_destroy);
  const Answer answer =
      Ask(client,
          {.operation = RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, .broker = broker, .patience = patience},
          [&](const auto* options, auto* queue) {
            rd_kafka_ConfigResource_t* resources[] = {request.get()};
            rd_kafka_DescribeConfigs(client.handle(), resources, 1, options, queue);
          });
  return !IsTransient(answer.code);  // a refusal is an answer, too
}

std::map<std::string, std::string> TopicConfig(KafkaClient* client, const std::string& topic) {
  const Owned<rd_kafka_ConfigResource_t> request(
      rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()),
      rd_kafka_ConfigResource_destroy);
  const Answer answer = Ask(
      *client, {.operation = RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, .broker = AnyBroker(client, topic)},
      [&](const auto* options, auto* queue) {
        rd_kafka_ConfigResource_t* resources[] = {request.get()};
        rd_kafka_DescribeConfigs(client->handle(), resources, 1, options, queue);
      });
  std::map<std::string, std::string> config;
  std::string reason = answer.reason;
  if (answer.code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    size_t count = 0;
    const auto* const* resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(answer.event.get()), &count);
    for (size_t i = 0; i < count; ++i) {
      if (const char* text = rd_kafka_ConfigResource_error_string(resources[i])) reason = text;
      size_t entries_count = 0;
      const auto* const* entries = rd_kafka_ConfigResource_configs(resources[i], &entries_count);
      for (size_t j = 0; j < entries_count; ++j) {
        const char* value = rd_kafka_ConfigEntry_value(entries[j]);
        if (value != nullptr) config[rd_kafka_ConfigEntry_name(entries[j])] = value;
      }
    }
  }
  if (config.empty()) {
    client->host().Info("The settings of topic " + topic + " are not checked, since " +
                        client->place().servers + " does not tell them: " + reason + ".");
  }
  return config;
}

Watermarks FindWatermarks(const KafkaClient& client, const std::string& topic, int32_t partition) {
  const auto due = KafkaClock::now() + kPatience;
  while (true) {
    Watermarks found;
    const rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        client.handle(), topic.c_str(), partition, &found.low, &found.high, kCallMs);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return found;
    // Of a topic that was just made, some brokers hear later than others.
    const bool is_heard_of_soon = IsMissing(code) && KafkaClock::now() < due;
    client.AwaitRetry(is_heard_of_soon ? RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE : code, "",
                      {topic, "DESCRIBE"}, due);
  }
}

bool ReadMessages(KafkaClient* client, const std::string& topic, int32_t partition, int64_t offset,
                  int64_t end, KafkaClock::time_point due,
                  const std::function<bool(const rd_kafka_message_t&)>& visit) {
  if (offset >= end) return true;
  rd_kafka_topic_t* handle = client->Topic(topic);
  if (rd_kafka_consume_start(handle, partition, offset) != 0) {
    client->Fail(rd_kafka_last_error(), "", {topic, "READ"});
  }
  const auto stop = [partition](rd_kafka_topic_t* t) { rd_kafka_consume_stop(t, partition); };
  const std::unique_ptr<rd_kafka_topic_t, decltype(stop)> reading(handle, stop);
  while (true) {
    const Owned<rd_kafka_message_t> message(rd_kafka_consume(handle, partition, 100),
                                            rd_kafka_message_destroy);
    client->ThrowIfStopping();
    if (message && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (!visit(*message) || message->offset + 1 >= end) return true;
      continue;
    }
    if (message && message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      if (message->offset >= end) return true;
    } else if (message && !IsTransient(message->err) && !IsMissing(message->err)) {
      client->Fail(message->err, rd_kafka_message_errstr(message.get()), {topic, "READ"});
    }
    client->Poll(0);
    if (KafkaClock::now() >= due) return false;
  }
}

}  // namespace throng::plugins
