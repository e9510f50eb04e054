// Options of the sink `kafka`, and the properties of librdkafka that follow from them.
#include "plugins/sinks/kafka/options.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

namespace throng::plugins {
namespace {

constexpr std::array kCompressions = {"none", "gzip", "snappy", "lz4", "zstd"};
constexpr std::array kSecurities = {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
constexpr std::array kMechanisms = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"};

template <size_t N>
std::vector<const char*> Names(const std::array<const char*, N>& names) {
  return {names.begin(), names.end()};
}

// Properties that options stand for, or that the contract decides about.
struct Owned {
  std::string_view property;
  std::string_view remedy;
};
constexpr std::string_view kContract = "exactly-once delivery depends on it; leave it out";
constexpr std::string_view kUnused = "this sink has no use for it; leave it out";
constexpr std::string_view kRunsCode = "it makes the worker run other programs; leave it out";
constexpr Owned kOwned[] = {
    {"bootstrap.servers", "use the option bootstrap_servers"},
    {"metadata.broker.list", "use the option bootstrap_servers"},
    {"transactional.id", kContract},
    {"enable.idempotence", kContract},
    {"enable.gapless.guarantee", kContract},
    {"acks", kContract},
    {"request.required.acks", kContract},
    {"partitioner", "keys must meet those of Java's producers; leave it out"},
    {"message.timeout.ms", "use the option transaction_timeout"},
    {"delivery.timeout.ms", "use the option transaction_timeout"},
    {"transaction.timeout.ms", "use the option transaction_timeout"},
    {"delivery.report.only.error", kContract},
    {"produce.offset.report", kContract},
    {"retries", kContract},
    {"message.send.max.retries", kContract},
    {"max.in.flight", kContract},
    {"max.in.flight.requests.per.connection", kContract},
    {"isolation.level", kContract},
    {"enable.partition.eof", kContract},
    {"group.id", kUnused},
    {"enable.auto.commit", kUnused},
    {"enabled_events", kUnused},
    {"log.queue", kUnused},
    {"compression.codec", "use the option compression"},
    {"compression.type", "use the option compression"},
    {"security.protocol", "use the option security_protocol"},
    {"sasl.mechanism", "use the option sasl_mechanism"},
    {"sasl.mechanisms", "use the option sasl_mechanism"},
    {"sasl.username", "use the option sasl_username"},
    {"sasl.password", "use the option sasl_password"},
    {"sasl.oauthbearer.method", "use sasl_mechanism: OAUTHBEARER"},
    {"sasl.oauthbearer.token.endpoint.url", "use the option oauth_token_url"},
    {"sasl.oauthbearer.client.id", "use the option oauth_client_id"},
    {"sasl.oauthbearer.client.secret", "use the option oauth_client_secret"},
    {"sasl.oauthbearer.scope", "use the option oauth_scope"},
    {"ssl.ca.pem", "use the option ssl_ca"},
    {"ssl.certificate.pem", "use the option ssl_certificate"},
    {"ssl.key.pem", "use the option ssl_key"},
    {"ssl.key.password", "use the option ssl_key_password"},
    {"ssl.keystore.password", "use the options ssl_certificate and ssl_key"},
    {"sasl.kerberos.kinit.cmd", kRunsCode},
    {"plugin.library.paths", kRunsCode},
    {"ssl.engine.location", kRunsCode},
};

[[noreturn]] void Refuse(const std::string& sentence, const std::string& option) {
  throw Error(THRONG_INVALID_ARGUMENT, sentence, option);
}

void CheckTopicName(const std::string& name, const std::string& option) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  const bool is_name = !name.empty() && name.size() <= 249 && name != "." && name != ".." &&
                       std::all_of(name.begin(), name.end(), is_allowed);
  if (is_name && name.starts_with("__")) {
    Refuse("Topics that begin with __ are Kafka's own, as " + name + "; choose another name.",
           option);
  }
  if (is_name) return;
  Refuse("\"" + name + "\" is no name of a topic; use 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-'.",
         option);
}

}  // namespace

std::vector<OptionOf<KafkaOptions>> KafkaOptions::Declare() {
  using O = KafkaOptions;
  return {
      Option<&O::topic>("topic", "The topic to write to.").Required().Identity(),
      Option<&O::bootstrap_servers>("bootstrap_servers", "Brokers as host:port, with commas.")
          .Required(),
      Option<&O::delivery>("delivery",
                           "exactly_once writes in transactions; at_least_once repeats records "
                           "after a crash.")
          .Choices({"exactly_once", "at_least_once"}),
      Option<&O::positions_topic>("positions_topic",
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
      Option<&O::security_protocol>("security_protocol", "How brokers are talked to.")
          .Choices(Names(kSecurities)),
      Option<&O::sasl_mechanism>(
          "sasl_mechanism", "How the user is proven; OAUTHBEARER by a token of OpenID Connect.")
          .Choices(Names(kMechanisms)),
      Option<&O::sasl_username>("sasl_username", "The user, for sasl_plaintext and sasl_ssl."),
      Option<&O::sasl_password>("sasl_password", "The user's password.").Secret(),
      Option<&O::oauth_token_url>("oauth_token_url",
                                  "Of OAUTHBEARER: the https:// address that gives tokens."),
      Option<&O::oauth_client_id>("oauth_client_id", "Of OAUTHBEARER: who asks for a token."),
      Option<&O::oauth_client_secret>("oauth_client_secret",
                                      "Of OAUTHBEARER: that client's secret.")
          .Secret(),
      Option<&O::oauth_scope>("oauth_scope", "Of OAUTHBEARER: what the token is asked for."),
      Option<&O::ssl_ca>("ssl_ca", "Certificates (PEM) that brokers are trusted by.").Secret(),
      Option<&O::ssl_certificate>("ssl_certificate", "The client's own certificate (PEM).")
          .Secret(),
      Option<&O::ssl_key>("ssl_key", "The key of the client's certificate (PEM).").Secret(),
      Option<&O::ssl_key_password>("ssl_key_password", "The password of that key.").Secret(),
      Option<&O::client>("client.", "Any other property of librdkafka, as linger.ms."),
  };
}

void KafkaOptions::Validate() const {
  CheckTopicName(topic, "topic");
  CheckTopicName(positions_topic, "positions_topic");
  if (topic == positions_topic) {
    Refuse("topic and positions_topic are both " + topic + "; positions need a topic of their own.",
           "positions_topic");
  }
  if (bootstrap_servers.empty()) {
    Refuse("bootstrap_servers is empty; name at least one broker, as localhost:9092.",
           "bootstrap_servers");
  }
  ValidateSasl();
  const bool has_tls =
      security_protocol == KafkaSecurity::kSsl || security_protocol == KafkaSecurity::kSaslSsl;
  if (!has_tls && (ssl_ca || ssl_certificate || ssl_key || ssl_key_password)) {
    Refuse(
        "ssl_ca, ssl_certificate, ssl_key and ssl_key_password are used with security_protocol "
        "ssl or sasl_ssl only; set it, or leave them out.",
        "security_protocol");
  }
  if (ssl_certificate.has_value() != ssl_key.has_value()) {
    Refuse("ssl_certificate and ssl_key belong together; give both or neither.",
           ssl_key ? "ssl_certificate" : "ssl_key");
  }
  const std::unique_ptr<rd_kafka_conf_t, void (*)(rd_kafka_conf_t*)> conf(rd_kafka_conf_new(),
                                                                          rd_kafka_conf_destroy);
  if (oauth_token_url && rd_kafka_conf_set(conf.get(), "sasl.oauthbearer.method", "oidc", nullptr,
                                           0) != RD_KAFKA_CONF_OK) {
    Refuse(
        "sasl_mechanism OAUTHBEARER needs a librdkafka that was built with libcurl, and "
        "librdkafka " +
            std::string(rd_kafka_version_str()) +
            " here was not: put another librdkafka.so.1 in its place (nothing is rebuilt).",
        "sasl_mechanism");
  }
  for (const auto& property : client) {
    const std::string& name = property.first;
    const std::string& value = property.second;
    const auto* owned = std::find_if(std::begin(kOwned), std::end(kOwned),
                                     [&](const Owned& o) { return o.property == name; });
    if (owned != std::end(kOwned)) {
      Refuse("client." + name + " cannot be set: " + std::string(owned->remedy) + ".",
             "client." + name);
    }
    char reason[256];
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), reason, sizeof reason) !=
        RD_KAFKA_CONF_OK) {
      Refuse("client." + name + ": " + reason + ". See the properties of librdkafka " +
                 rd_kafka_version_str() + ".",
             "client." + name);
    }
  }
}

void KafkaOptions::ValidateSasl() const {
  const std::string security = kSecurities.at(static_cast<size_t>(security_protocol));
  const std::string mechanism = kMechanisms.at(static_cast<size_t>(sasl_mechanism));
  const auto check = [&](const std::string& name, bool is_set, bool is_needed) {
    if (is_set && !HasSasl()) {
      Refuse(name +
                 " is used with security_protocol sasl_plaintext or sasl_ssl only; set it, or "
                 "leave " +
                 name + " out.",
             "security_protocol");
    }
    if (is_set && !is_needed) {
      Refuse(name + " is not used with sasl_mechanism " + mechanism + "; leave it out.", name);
    }
    if (is_needed && !is_set) {
      Refuse("security_protocol " + security + " with sasl_mechanism " + mechanism + " needs " +
                 name + ".",
             name);
    }
  };
  const bool has_token = HasSasl() && sasl_mechanism == KafkaMechanism::kOauthBearer;
  const bool has_password = HasSasl() && !has_token;
  check("sasl_username", sasl_username.has_value(), has_password);
  check("sasl_password", sasl_password.has_value(), has_password);
  check("oauth_token_url", oauth_token_url.has_value(), has_token);
  check("oauth_client_id", oauth_client_id.has_value(), has_token);
  check("oauth_client_secret", oauth_client_secret.has_value(), has_token);
  if (oauth_scope && !has_token) {
    Refuse("oauth_scope is used with sasl_mechanism OAUTHBEARER only; leave it out.",
           "oauth_scope");
  }
}

KafkaPlace KafkaOptions::Place() const {
  return {.servers = bootstrap_servers,
          .topic = topic,
          .positions_topic = positions_topic,
          .sasl_mechanism = HasSasl() ? kMechanisms.at(static_cast<size_t>(sasl_mechanism)) : "",
          .sasl_username = sasl_username.value_or("")};
}

Map KafkaOptions::ConnectionProperties() const {
  Map all = {
      {"bootstrap.servers", bootstrap_servers},
      {"client.id", "throng"},
      {"security.protocol", kSecurities.at(static_cast<size_t>(security_protocol))},
      // A broker that restarts is found again soon.
      {"reconnect.backoff.ms", "50"},
      {"reconnect.backoff.max.ms", "500"},
      {"log.connection.close", "false"},
  };
  if (HasSasl()) {
    all.emplace_back("sasl.mechanism", kMechanisms.at(static_cast<size_t>(sasl_mechanism)));
  }
  const auto add = [&all](const char* name, const std::optional<std::string>& value) {
    if (value) all.emplace_back(name, *value);
  };
  add("sasl.username", sasl_username);
  add("sasl.password", sasl_password);
  if (oauth_token_url) all.emplace_back("sasl.oauthbearer.method", "oidc");
  add("sasl.oauthbearer.token.endpoint.url", oauth_token_url);
  add("sasl.oauthbearer.client.id", oauth_client_id);
  add("sasl.oauthbearer.client.secret", oauth_client_secret);
  add("sasl.oauthbearer.scope", oauth_scope);
  add("ssl.ca.pem", ssl_ca);
  add("ssl.certificate.pem", ssl_certificate);
  add("ssl.key.pem", ssl_key);
  add("ssl.key.password", ssl_key_password);
  return all;
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

Map KafkaOptions::ConsumerProperties(bool reads_committed) const {
  Map all = ConnectionProperties();
  all.insert(all.end(),
             {
                 {"isolation.level", reads_committed ? "read_committed" : "read_uncommitted"},
                 {"enable.partition.eof", "true"},
                 {"fetch.wait.max.ms", "50"},
                 {"allow.auto.create.topics", "false"},
                 {"auto.offset.reset", "earliest"},
             });
  all.insert(all.end(), client.begin(), client.end());
  return all;
}

}  // namespace throng::plugins
