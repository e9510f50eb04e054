// A handle of librdkafka, and what it says on its own.
#include "plugins/sinks/kafka/client.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace throng::plugins {
namespace {

constexpr int kRetryMs = 50;
constexpr int kSevere = 2;  // of syslog

}  // namespace

int MsUntil(KafkaClock::time_point due) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(due - KafkaClock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 3'600'000));
}

KafkaClient::KafkaClient(rd_kafka_type_t type, const Map& properties, const KafkaPlace& place,
                         const Host& host, OnDelivery on_delivery)
    : place_(place),
      host_(host),
      on_delivery_(std::move(on_delivery)),
      is_verbose_(std::any_of(properties.begin(), properties.end(),
                              [](const auto& property) { return property.first == "debug"; })),
      handle_(nullptr, rd_kafka_destroy) {
  std::unique_ptr<rd_kafka_conf_t, void (*)(rd_kafka_conf_t*)> conf(rd_kafka_conf_new(),
                                                                    rd_kafka_conf_destroy);
  char reason[512];
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), reason, sizeof reason) !=
        RD_KAFKA_CONF_OK) {
      throw Error(THRONG_INVALID_ARGUMENT,
                  std::string(reason) + " (librdkafka " + rd_kafka_version_str() + ").");
    }
  }
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_error_cb(conf.get(), [](rd_kafka_t*, int code, const char* why, void* self) {
    static_cast<KafkaClient*>(self)->OnError(static_cast<rd_kafka_resp_err_t>(code), why);
  });
  rd_kafka_conf_set_throttle_cb(conf.get(),
                                [](rd_kafka_t*, const char*, int32_t, int ms, void* self) {
                                  static_cast<KafkaClient*>(self)->OnThrottle(ms);
                                });
  rd_kafka_conf_set_stats_cb(conf.get(), [](rd_kafka_t*, char* json, size_t size, void* self) {
    static_cast<KafkaClient*>(self)->host_.Info("statistics " + std::string(json, size));
    return 0;  // the text stays librdkafka's
  });
  rd_kafka_conf_set_log_cb(
      conf.get(), [](const rd_kafka_t* handle, int level, const char* facility, const char* text) {
        const auto* self = static_cast<const KafkaClient*>(rd_kafka_opaque(handle));
        // Consumers are given the same properties as producers, and say that some are not theirs.
        if (std::string_view(facility) == "CONFWARN") return;
        if (level > kSevere && !self->is_verbose_) return;
        self->host_.Info(std::string(facility) + ": " + text);
      });
  if (type == RD_KAFKA_PRODUCER) {
    rd_kafka_conf_set_dr_msg_cb(conf.get(),
                                [](rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
                                  static_cast<KafkaClient*>(self)->on_delivery_(*message);
                                });
  }
  handle_.reset(rd_kafka_new(type, conf.get(), reason, sizeof reason));
  if (!handle_) {
    throw Error(THRONG_INVALID_ARGUMENT, "librdkafka " + std::string(rd_kafka_version_str()) +
                                             " cannot work with these options: " + reason + ".");
  }
  conf.release();  // NOLINT(bugprone-unused-return-value): it is the handle's now
}

KafkaClient::~KafkaClient() = default;

rd_kafka_topic_t* KafkaClient::Topic(const std::string& name) {
  const auto found = topics_.find(name);
  if (found != topics_.end()) return found->second.get();
  rd_kafka_topic_t* topic = rd_kafka_topic_new(handle(), name.c_str(), nullptr);
  if (topic == nullptr) Fail(rd_kafka_last_error(), "", {name, "DESCRIBE"});
  topics_.try_emplace(name, topic, rd_kafka_topic_destroy);
  return topic;
}

void KafkaClient::OnError(rd_kafka_resp_err_t code, const char* reason) {
  // What OpenSSL says once TLS stands, as of a certificate that is missing, is told as _TRANSPORT.
  const bool is_tls = code == RD_KAFKA_RESP_ERR__SSL ||
                      std::string_view(reason).find("SSL routines") != std::string_view::npos;
  if (is_tls) code = RD_KAFKA_RESP_ERR__SSL;
  if (is_tls || code == RD_KAFKA_RESP_ERR__AUTHENTICATION) refusal_.emplace(code, reason);
  // That all are down says less than why.
  if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || trouble_.empty()) trouble_ = reason;
}

void KafkaClient::OnThrottle(int ms) {
  if (ms <= 0) return;
  if (throttled_until_ == KafkaClock::time_point()) {
    host_.Warn(place_.servers +
               " throttle this client by a quota, so rows go as slowly as that allows; raise its "
               "producer_byte_rate or request_percentage, or set a pace.");
  }
  throttled_until_ = KafkaClock::now() + std::chrono::milliseconds(ms);
  host_.Metrics().Add("throttled_seconds_total", ms / 1000.0);
}

void KafkaClient::ThrowIfStopping() const {
  if (host_.IsCancelled()) throw Error(THRONG_CANCELLED, "The host is stopping.");
}

void KafkaClient::Fail(rd_kafka_resp_err_t code, const std::string& reason,
                       const KafkaAccess& access) const {
  const bool has_better = IsTransient(code) && !trouble_.empty();
  throw KafkaError(code, has_better ? trouble_ : reason, place_, access);
}

void KafkaClient::AwaitRetry(rd_kafka_resp_err_t code, const std::string& reason,
                             const KafkaAccess& access, KafkaClock::time_point due) const {
  Poll(0);
  ThrowIfStopping();
  if (refusal_) throw KafkaError(refusal_->first, refusal_->second, place_, access);
  if (!IsTransient(code) || KafkaClock::now() >= due) Fail(code, reason, access);
  Poll(kRetryMs);
}

}  // namespace throng::plugins
