// Options of the sink `kafka`, and the properties of librdkafka that follow from them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plugins/sinks/kafka/errors.h"
#include "throng/sdk.hpp"

namespace throng::plugins {

enum class KafkaDelivery { kExactlyOnce, kAtLeastOnce };
enum class KafkaCreate { kIfMissing, kNever };
enum class KafkaRecreated { kFail, kStartOver };
enum class KafkaTimestamp { kDelivery, kEvent };
enum class KafkaCompression { kNone, kGzip, kSnappy, kLz4, kZstd };
enum class KafkaSecurity { kPlaintext, kSsl, kSaslPlaintext, kSaslSsl };
enum class KafkaMechanism { kPlain, kScramSha256, kScramSha512, kOauthBearer };

// The largest record that topics take, in bytes.
struct KafkaLimits {
  int64_t topic = 0;
  int64_t positions_topic = 0;
};

struct KafkaOptions {
  std::string bootstrap_servers;
  std::string topic;
  KafkaDelivery delivery = KafkaDelivery::kExactlyOnce;
  std::string positions_topic = "throng-positions";
  KafkaCreate create = KafkaCreate::kIfMissing;
  int64_t partitions = 0;
  int64_t replication = 0;
  Map topic_config;
  KafkaRecreated if_recreated = KafkaRecreated::kFail;
  KafkaTimestamp record_timestamp = KafkaTimestamp::kDelivery;
  bool headers = false;
  KafkaCompression compression = KafkaCompression::kNone;
  Duration transaction_timeout;
  KafkaSecurity security_protocol = KafkaSecurity::kPlaintext;
  KafkaMechanism sasl_mechanism = KafkaMechanism::kPlain;
  std::optional<std::string> sasl_username;
  std::optional<std::string> sasl_password;
  std::optional<std::string> oauth_token_url;
  std::optional<std::string> oauth_client_id;
  std::optional<std::string> oauth_client_secret;
  std::optional<std::string> oauth_scope;
  std::optional<std::string> ssl_ca;
  std::optional<std::string> ssl_certificate;
  std::optional<std::string> ssl_key;
  std::optional<std::string> ssl_key_password;
  Map client;

  static std::vector<OptionOf<KafkaOptions>> Declare();
  // Throws INVALID_ARGUMENT.
  void Validate() const;

  bool MayCreate() const { return create == KafkaCreate::kIfMissing; }
  bool IsExactlyOnce() const { return delivery == KafkaDelivery::kExactlyOnce; }
  bool HasSasl() const {
    return security_protocol == KafkaSecurity::kSaslPlaintext ||
           security_protocol == KafkaSecurity::kSaslSsl;
  }
  KafkaPlace Place() const;

  // Of a producer. `transactional_id`: empty for at_least_once.
  Map ProducerProperties(const std::string& transactional_id, const KafkaLimits& limits) const;
  // Of a consumer, that also asks about topics.
  Map ConsumerProperties(bool reads_committed) const;

 private:
  void ValidateSasl() const;
  Map ConnectionProperties() const;
};

}  // namespace throng::plugins
