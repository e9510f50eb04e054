// librdkafka's mock cluster, and the sink `kafka` against it, driven as the worker drives it.
#pragma once

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
// rdkafka.h comes first.
#include <librdkafka/rdkafka_mock.h>

#include <algorithm>
#include <atomic>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/host/catalogue.h"
#include "server/host/instances.h"
#include "server/host/option_values.h"
#include "server/spec/problem.h"

namespace throng {

// Kinds of requests, by their numbers in Kafka's protocol.
enum class KafkaRequest : int16_t {
  kProduce = 0,
  kListOffsets = 2,
  kMetadata = 3,
  kInitProducerId = 22,
  kAddPartitionsToTransaction = 24,
  kEndTransaction = 26,
};

// One broker with a few topics of 4 partitions each. It does not
// fence, shows what was aborted, and cannot make topics or tell their settings.
class MockCluster {
 public:
  MockCluster() {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    char reason[256];
    owner_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason));
    cluster_ = rd_kafka_mock_cluster_new(owner_.get(), 1);
    for (const char* topic : {"interactions", "throng-positions", "made-anew", "other-positions"}) {
      rd_kafka_mock_topic_create(cluster_, topic, kPartitions, 1);
    }
  }
  MockCluster(const MockCluster&) = delete;
  MockCluster& operator=(const MockCluster&) = delete;
  ~MockCluster() { rd_kafka_mock_cluster_destroy(cluster_); }

  static constexpr int kPartitions = 4;
  std::string bootstraps() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }

  // The next requests of that kind get these errors.
  void Answer(KafkaRequest request, const std::vector<rd_kafka_resp_err_t>& errors) {
    rd_kafka_mock_push_request_errors_array(cluster_, static_cast<int16_t>(request), errors.size(),
                                            errors.data());
  }
  void AnswerAlways(KafkaRequest request, rd_kafka_resp_err_t error) {
    Answer(request, std::vector(1000, error));
  }
  void AnswerWell(KafkaRequest request) {
    rd_kafka_mock_clear_request_errors(cluster_, static_cast<int16_t>(request));
  }
  void SetError(const std::string& topic, rd_kafka_resp_err_t error) {
    rd_kafka_mock_topic_set_error(cluster_, topic.c_str(), error);
  }
  void SetDown(bool is_down) {
    (is_down ? rd_kafka_mock_broker_set_down : rd_kafka_mock_broker_set_up)(cluster_, 1);
  }

  struct Message {
    int32_t partition = 0;
    std::string key;
    std::string value;
    int64_t timestamp = 0;
    std::map<std::string, std::string> headers;
  };
  // All of a topic, partition by partition.
  std::vector<Message> Read(const std::string& topic) const {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    char reason[256];
    for (const auto& [name, value] :
         std::map<std::string, std::string>{{"bootstrap.servers", bootstraps()},
                                            {"enable.partition.eof", "true"},
                                            {"fetch.wait.max.ms", "10"}}) {
      rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason, sizeof reason);
    }
    const std::unique_ptr<rd_kafka_t, void (*)(rd_kafka_t*)> consumer(
        rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason), rd_kafka_destroy);
    const std::unique_ptr<rd_kafka_topic_t, void (*)(rd_kafka_topic_t*)> handle(
        rd_kafka_topic_new(consumer.get(), topic.c_str(), nullptr), rd_kafka_topic_destroy);
    std::vector<Message> all;
    for (int32_t partition = 0; partition < kPartitions; ++partition) {
      rd_kafka_consume_start(handle.get(), partition, RD_KAFKA_OFFSET_BEGINNING);
      while (true) {
        const std::unique_ptr<rd_kafka_message_t, void (*)(rd_kafka_message_t*)> message(
            rd_kafka_consume(handle.get(), partition, 60'000), rd_kafka_message_destroy);
        EXPECT_NE(message, nullptr) << "no end of " << topic;
        if (message == nullptr || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) break;
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
        Message& read = all.emplace_back();
        read.partition = partition;
        read.key.assign(static_cast<const char*>(message->key), message->key_len);
        read.value.assign(static_cast<const char*>(message->payload), message->len);
        read.timestamp = rd_kafka_message_timestamp(message.get(), nullptr);
        rd_kafka_headers_t* headers = nullptr;
        if (rd_kafka_message_headers(message.get(), &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
          continue;
        }
        const char* name = nullptr;
        const void* value = nullptr;
        size_t size = 0;
        for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) ==
                           RD_KAFKA_RESP_ERR_NO_ERROR;
             ++i) {
          read.headers[name].assign(static_cast<const char*>(value), size);
        }
      }
      rd_kafka_consume_stop(handle.get(), partition);
    }
    return all;
  }

 private:
  std::unique_ptr<rd_kafka_t, void (*)(rd_kafka_t*)> owner_{nullptr, rd_kafka_destroy};
  rd_kafka_mock_cluster_t* cluster_;
};

// One instance of the sink, of an output of a run.
class KafkaOutput {
 public:
  using Options = std::map<std::string, std::string>;

  KafkaOutput(const std::string& bootstraps, Options options) {
    environment_.is_stopping = &is_stopping;
    environment_.log = [this](int32_t, std::string_view, std::string_view message) {
      const std::lock_guard lock(mutex_);
      log_ += std::string(message) + "\n";
    };
    options.try_emplace("bootstrap_servers", bootstraps);
    options.try_emplace("topic", "interactions");
    Problems problems;
    options_ = OptionValues::Parse(Component(), options, "sink", 0, &problems);
    for (const Problem& problem : problems) refusal += problem.field + ": " + problem.message;
    if (!problems.empty()) return;
    auto sink = Sink::Create(Component(), environment_, options_.values());
    EXPECT_TRUE(sink.ok()) << sink.status();
    sink_ = *std::move(sink);
  }

  absl::StatusOr<Sink::Opened> Open() { return sink_->Open(Target()); }
  absl::StatusOr<Sink::Opened> Peek() { return sink_->Peek(Target()); }
  absl::Status Reset() { return sink_->Reset(Target()); }
  // Rows [first, first + rows); row i has the key "user_<i mod 10>" and the value "row <i>".
  absl::Status Write(int64_t first, int64_t rows) {
    std::vector<std::pair<std::string, std::string>> records;
    for (int64_t row = first; row < first + rows; ++row) {
      records.emplace_back("user_" + std::to_string(row % 10), "row " + std::to_string(row));
    }
    return Write(first, records);
  }
  absl::Status Write(int64_t first,
                     const std::vector<std::pair<std::string, std::string>>& records) {
    std::string bytes;
    std::vector<uint32_t> key_end;
    std::vector<uint32_t> value_end;
    std::vector<int64_t> event_time;
    for (const auto& [key, value] : records) {
      key_end.push_back(static_cast<uint32_t>((bytes += key).size()));
      value_end.push_back(static_cast<uint32_t>((bytes += value).size()));
      event_time.push_back(kEventTime + static_cast<int64_t>(event_time.size()));
    }
    throng_records block{};
    block.struct_size = sizeof block;
    block.rows = static_cast<uint32_t>(records.size());
    block.first_row = first;
    block.bytes = {bytes.data(), bytes.size()};
    block.key_end = key_end.data();
    block.value_end = value_end.data();
    block.event_time = event_time.data();
    return Write(block);
  }
  absl::Status Write(const throng_records& records) { return sink_->Write(records); }
  absl::Status Commit(int64_t position, std::string_view host_state = "state") {
    return sink_->Commit(position, host_state);
  }
  // Offers the same again for as long as it is UNAVAILABLE; what was said meanwhile is in
  // `trouble`.
  absl::Status CommitPatiently(int64_t position) {
    while (true) {
      absl::Status status = Commit(position);
      if (!absl::IsUnavailable(status)) return status;
      trouble = std::string(status.message());
    }
  }
  std::string log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }

  static constexpr int64_t kEventTime = 1'700'000'000'000;
  std::atomic<bool> is_stopping = false;
  std::string refusal;  // of the options
  std::string trouble;
  bool has_unique_keys = false;
  bool sends_again = false;
  std::string identity = std::string(64, 'a');

 private:
  static const throng::Component& Component() {
    static const Catalogue kCatalogue = *Catalogue::Load({THRONG_PLUGIN_FOLDER});
    return **kCatalogue.Find(Role::kSink, "kafka");
  }
  throng_target Target() const {
    throng_target target{};
    target.struct_size = sizeof target;
    target.run_uid = "0123456789abcdef0123456789abcdef";
    target.output = "kafka";
    target.identity = identity.c_str();
    target.slice_count = 1;
    target.part = -1;
    target.has_unique_keys = has_unique_keys ? 1 : 0;
    target.sends_again = sends_again ? 1 : 0;
    return target;
  }

  std::mutex mutex_;
  std::string log_;
  Environment environment_;
  OptionValues options_;
  std::unique_ptr<Sink> sink_;
};

}  // namespace throng
