// A handle of librdkafka, and what it says on its own.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "plugins/sinks/kafka/errors.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

using KafkaClock = std::chrono::steady_clock;

// Milliseconds until `due`, as librdkafka takes them; 0 once it has passed.
int MsUntil(KafkaClock::time_point due);

class KafkaClient {
 public:
  using OnDelivery = std::function<void(const rd_kafka_message_t&)>;

  // Connects in the background. Throws INVALID_ARGUMENT for properties that do not go together.
  KafkaClient(rd_kafka_type_t type, const Map& properties, const KafkaPlace& place,
              const Host& host, OnDelivery on_delivery = nullptr);
  KafkaClient(const KafkaClient&) = delete;
  KafkaClient& operator=(const KafkaClient&) = delete;
  ~KafkaClient();

  rd_kafka_t* handle() const { return handle_.get(); }
  const KafkaPlace& place() const { return place_; }
  const Host& host() const { return host_; }

  // A topic of this handle, which lives as long.
  rd_kafka_topic_t* Topic(const std::string& name);

  // Calls on_delivery for what was delivered; waits for it at most so long.
  void Poll(int ms) const { rd_kafka_poll(handle(), ms); }

  // Between two tries of what did not succeed with `code`: throws if the host is stopping, if the
  // brokers refuse these credentials, if the error does not go away by itself, or once `due` has
  // passed; else waits a little.
  void AwaitRetry(rd_kafka_resp_err_t code, const std::string& reason, const KafkaAccess& access,
                  KafkaClock::time_point due) const;
  // The same for the rest of a call, without a wait.
  [[noreturn]] void Fail(rd_kafka_resp_err_t code, const std::string& reason,
                         const KafkaAccess& access) const;
  void ThrowIfStopping() const;
  // The last that was said about connections, if it was said since the last success.
  const std::string& trouble() const { return trouble_; }
  void ForgetTrouble() { trouble_.clear(); }
  // Until when a quota makes the brokers answer late; in the past without one.
  KafkaClock::time_point throttled_until() const { return throttled_until_; }

 private:
  void OnError(rd_kafka_resp_err_t code, const char* reason);
  void OnThrottle(int ms);

  const KafkaPlace place_;
  const Host host_;
  const OnDelivery on_delivery_;
  const bool is_verbose_;  // what librdkafka says of itself was asked for
  std::unique_ptr<rd_kafka_t, void (*)(rd_kafka_t*)> handle_;
  std::map<std::string, std::unique_ptr<rd_kafka_topic_t, void (*)(rd_kafka_topic_t*)>> topics_;
  std::string trouble_;
  KafkaClock::time_point throttled_until_;
  std::optional<std::pair<rd_kafka_resp_err_t, std::string>> refusal_;  // of our credentials
};

}  // namespace throng::plugins
